/**
 * The message family that one carrier defined and others follow: JSON text with `event`, numbers written as strings, ids beside or
 * inside the event's object. The reader takes every placement any of them uses; a dialect adds its name and what it alone can do.
 * https://www.twilio.com/docs/voice/media-streams/websocket-messages, https://developer.signalwire.com/compatibility-api/cxml/voice/stream
 */

import { DIGITS, type DtmfMessage, type FaultReport, type PhoneMessage, type StartMessage } from '../../protocol.ts';
import { eventOf, fail, type Json, own, parameters, stated, text, unheardOf, whole } from './json.ts';
import { plainMedia, slowMedia } from './media-message.ts';

function start(message: Json): StartMessage | null {
  const inner = own(message, 'start');
  if (inner === undefined) return null;
  const outerId = text(message, 'streamSid');
  const streamId = outerId ?? text(inner, 'streamSid');
  const format = own(inner, 'mediaFormat');
  const encoding = text(format, 'encoding');
  if (streamId === undefined || format === undefined || encoding === undefined) return null;
  return {
    type: 'start',
    streamId,
    callId: text(inner, 'callSid') ?? '',
    accountId: text(inner, 'accountSid') ?? '',
    format: {
      encoding: encoding.toLowerCase(),
      sampleRate: stated(format, 'sampleRate', 0),
      channels: stated(format, 'channels', 1),
    },
    customParameters: parameters(own(inner, 'customParameters')),
    topLevelStreamId: outerId !== undefined,
  };
}

/** A pressed key, as `dtmf.digit`, and how long it was pressed, ms, as `dtmf.<duration>`; null where it is none. */
export function dtmf(message: Json, duration = 'duration'): DtmfMessage | null {
  const inner = own(message, 'dtmf');
  const digit = text(inner, 'digit')?.toUpperCase();
  if (inner === undefined || digit === undefined || !DIGITS.test(digit)) return null;
  return { type: 'dtmf', digit, durationMs: whole(inner, duration) };
}

/** Reads one message of the family; see `CarrierMedia.parse`. */
export function parseMessage(data: Buffer | string, report?: FaultReport): PhoneMessage | null {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  return plainMedia(bytes) ?? parseByJson(bytes, report);
}

/** The whole reader without the short way. Exported for the proof that both agree, and for the measurement. */
export function parseByJson(bytes: Buffer, report?: FaultReport): PhoneMessage | null {
  const read = eventOf(bytes, report);
  if (read === null) return null;
  const { event, message } = read;
  switch (event) {
    case 'media':
      return slowMedia(message, report, 'sequenceNumber');
    case 'mark': {
      const name = text(own(message, 'mark'), 'name');
      return name === undefined ? fail(report, 'shape') : { type: 'mark', name };
    }
    case 'dtmf':
      return dtmf(message) ?? fail(report, 'shape');
    case 'connected':
      return {
        type: 'connected',
        protocol: text(message, 'protocol') ?? '',
        version: text(message, 'version') ?? '',
      };
    case 'start':
      return start(message) ?? fail(report, 'shape');
    case 'stop':
      return { type: 'stop' };
    default:
      return unheardOf(event);
  }
}

// The texts sent are built by hand: they are short, sent some twenty times a second, and base64 needs no escaping.

export function mediaText(streamId: string, payload: string): string {
  return `{"event":"media","streamSid":${JSON.stringify(streamId)},"media":{"payload":"${payload}"}}`;
}

export function markText(streamId: string, name: string): string {
  return `{"event":"mark","streamSid":${JSON.stringify(streamId)},"mark":{"name":${JSON.stringify(name)}}}`;
}

export function clearText(streamId: string): string {
  return `{"event":"clear","streamSid":${JSON.stringify(streamId)}}`;
}

export function dtmfText(streamId: string, digit: string): string {
  return `{"event":"dtmf","streamSid":${JSON.stringify(streamId)},"dtmf":{"digit":${JSON.stringify(digit)}}}`;
}
