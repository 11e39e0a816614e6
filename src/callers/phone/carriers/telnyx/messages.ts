import type { FaultReport, PhoneMessage, StartMessage } from '../../protocol.ts';
import { eventOf, fail, type Json, own, stated, text, unheardOf, whole } from '../laml/json.ts';
import { plainMedia, slowMedia } from '../laml/media-message.ts';
import { dtmf } from '../laml/messages.ts';
import { readState } from './state.ts';

/**
 * The messages of a Telnyx media stream: JSON text in snake case.
 * https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket
 */

/** Parameters beyond this many are ignored. */
const PARAMETERS_MOST = 64;
/** Longest complaint that is told on, characters. */
const DETAIL_MOST = 160;

/** Given as an object by name, or, as the command takes them, as a list of names and values. */
function parametersOf(start: Json): Map<string, string> {
  const found = new Map<string, string>();
  const given = Object.hasOwn(start, 'custom_parameters') ? start['custom_parameters'] : undefined;
  const pairs: Array<readonly [unknown, unknown]> = Array.isArray(given)
    ? given.map((one: unknown) => {
        const { name, value } = (one ?? {}) as { name?: unknown; value?: unknown };
        return [name, value];
      })
    : Object.entries(own(start, 'custom_parameters') ?? {});
  for (const [name, value] of pairs.slice(0, PARAMETERS_MOST))
    if (typeof name === 'string' && typeof value === 'string') found.set(name, value);
  // A stream that was opened by answering the call has its token there.
  const state = readState(text(start, 'client_state'));
  if (state?.is === 'stream' && !found.has('token')) found.set('token', state.token);
  return found;
}

function start(message: Json): StartMessage | null {
  const inner = own(message, 'start');
  const format = inner && own(inner, 'media_format');
  const streamId = text(message, 'stream_id') ?? text(inner, 'stream_id');
  const callId = text(inner, 'call_control_id');
  const encoding = text(format, 'encoding');
  if (inner === undefined || format === undefined || streamId === undefined || callId === undefined) return null;
  if (encoding === undefined) return null;
  return {
    type: 'start',
    streamId,
    callId,
    accountId: text(inner, 'user_id') ?? '',
    format: {
      encoding: encoding.toLowerCase(),
      sampleRate: stated(format, 'sample_rate', 0),
      channels: stated(format, 'channels', 1),
    },
    customParameters: parametersOf(inner),
  };
}

/** What it did not like of ours: a number and a title, such as 100004 for a payload that it could not read. */
function complaint(message: Json): PhoneMessage {
  const told = own(message, 'payload') ?? own(message, 'error') ?? {};
  const said = ['code', 'title', 'detail'].map((name) => text(told, name) ?? whole(told, name) ?? '');
  const detail = said.join(' ').replace(/[^\x20-\x7e]+/g, '?');
  return { type: 'complaint', detail: detail.trim().slice(0, DETAIL_MOST) };
}

/** As `CarrierMedia.parse`. */
export function parseTelnyx(data: Buffer | string, report?: FaultReport): PhoneMessage | null {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  const media = plainMedia(bytes);
  if (media !== undefined) return media;
  const read = eventOf(bytes, report);
  if (read === null) return null;
  const { event, message } = read;
  switch (event) {
    case 'media':
      return slowMedia(message, report, 'sequence_number');
    case 'mark': {
      const name = text(own(message, 'mark'), 'name');
      return name === undefined ? fail(report, 'shape') : { type: 'mark', name };
    }
    case 'dtmf':
      return dtmf(message, 'duration_millis') ?? fail(report, 'shape');
    case 'connected':
      return { type: 'connected', protocol: '', version: text(message, 'version') ?? '' };
    case 'start':
      return start(message) ?? fail(report, 'shape');
    case 'stop':
      return { type: 'stop' };
    case 'error':
      return complaint(message);
    default:
      return unheardOf(event);
  }
}
