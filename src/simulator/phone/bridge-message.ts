/**
 * What a bridge may send on a media stream, read as strictly as carriers do. What cannot be used is named and dropped: Twilio warns once
 * per stream (31950 for binary messages, 31951 for the rest) and the call goes on.
 *
 * https://www.twilio.com/docs/api/errors/31950, https://www.twilio.com/docs/api/errors/31951
 */

/** Why a message was dropped. */
export type Fault =
  | 'binary-message'
  | 'bad-json'
  | 'unknown-event'
  | 'wrong-stream'
  | 'missing-field'
  | 'bad-base64'
  | 'half-sample'
  /** Audio that says that it is in another format than the stream's. */
  | 'wrong-format'
  | 'odd-frame';

export const FAULTS: readonly Fault[] = [
  'binary-message',
  'bad-json',
  'unknown-event',
  'wrong-stream',
  'missing-field',
  'bad-base64',
  'half-sample',
  'wrong-format',
  'odd-frame',
];

export type BridgeMessage =
  | {
      readonly event: 'media';
      readonly payload: string /** What is wrong with it, though it is played all the same. */;
      readonly fault?: Fault;
    }
  | { readonly event: 'mark'; readonly name: string }
  | { readonly event: 'clear' }
  | { readonly event: 'dtmf'; readonly digit: string }
  /** Not a message but why there is none; `detail` quotes at most 80 characters of what came. */
  | { readonly event: 'fault'; readonly fault: Fault; readonly detail: string };

const CLEAR: BridgeMessage = { event: 'clear' };
// Node's decoder skips what is not base64 and never complains, so the text itself has to be checked (RFC 4648 section 4).
export const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function fault(name: Fault, detail: string): BridgeMessage {
  return { event: 'fault', fault: name, detail: detail.length > 80 ? `${detail.slice(0, 77)}...` : detail };
}

/** Reads one text message. Never throws. `acceptsDtmf`: whether this carrier lets the bridge send digits. */
export function parseBridgeMessage(text: string, streamSid: string, acceptsDtmf: boolean): BridgeMessage {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return fault('bad-json', text);
  }
  if (!isObject(message)) return fault('bad-json', text);
  const event = message['event'];
  if (event !== 'media' && event !== 'mark' && event !== 'clear' && !(event === 'dtmf' && acceptsDtmf)) {
    return fault('unknown-event', String(event));
  }
  if (message['streamSid'] !== streamSid) {
    return message['streamSid'] === undefined
      ? fault('missing-field', `${event} without streamSid`)
      : fault('wrong-stream', String(message['streamSid']));
  }
  if (event === 'clear') return CLEAR;
  const body = message[event];
  if (!isObject(body)) return fault('missing-field', `${event}.${event}`);
  switch (event) {
    case 'media': {
      const payload = body['payload'];
      if (typeof payload !== 'string' || payload === '') return fault('missing-field', 'media.payload');
      if (payload.length % 4 !== 0 || !BASE64.test(payload)) return fault('bad-base64', payload);
      return { event, payload };
    }
    case 'mark': {
      const name = body['name'];
      return typeof name === 'string' ? { event, name } : fault('missing-field', 'mark.name');
    }
    case 'dtmf': {
      const digit = body['digit'];
      return typeof digit === 'string' && /^[0-9*#A-D]$/.test(digit)
        ? { event, digit }
        : fault('missing-field', 'dtmf.digit (one of 0-9 * # A-D)');
    }
  }
}
