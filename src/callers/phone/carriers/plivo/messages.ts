import type { FaultReport, PhoneMessage, StartMessage } from '../../protocol.ts';
import { eventOf, fail, type Json, own, stated, text, unheardOf } from '../laml/json.ts';
import { plainMedia, slowMedia } from '../laml/media-message.ts';
import { dtmf } from '../laml/messages.ts';
import { broughtBy, readExtraHeaders } from './extra-headers.ts';

/**
 * Plivo's messages: JSON text with `event`; audio as in the family of `laml/`, with numbers that are numbers; ids within `start`, and beside
 * `event` in all others. https://www.plivo.com/docs/voice-agents/audio-streaming/concepts/audio-streaming-reference
 */

function start(message: Json): StartMessage | null {
  const inner = own(message, 'start');
  if (inner === undefined) return null;
  const streamId = text(inner, 'streamId');
  const format = own(inner, 'mediaFormat');
  const encoding = text(format, 'encoding');
  if (streamId === undefined || format === undefined || encoding === undefined) return null;
  const customParameters = readExtraHeaders(text(message, 'extra_headers') ?? text(inner, 'extra_headers') ?? '');
  const { token, callId } = broughtBy(customParameters);
  if (token !== undefined) customParameters.set('token', token);
  return {
    type: 'start',
    streamId,
    // A call that was placed is known by the id of its order: the token is bound to that, so that another's is refused with it.
    callId: callId ?? text(inner, 'callId') ?? '',
    accountId: text(inner, 'accountId') ?? '',
    format: {
      encoding: encoding.toLowerCase(),
      sampleRate: stated(format, 'sampleRate', 0),
      channels: stated(format, 'channels', 1),
    },
    customParameters,
    topLevelStreamId: text(message, 'streamId') !== undefined,
  };
}

/** Reads one message; see `CarrierMedia.parse`. */
export function parsePlivo(data: Buffer | string, report?: FaultReport): PhoneMessage | null {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  const media = plainMedia(bytes);
  if (media !== undefined) return media;
  const read = eventOf(bytes, report);
  if (read === null) return null;
  const { message, event } = read;
  switch (event) {
    case 'media':
      return slowMedia(message, report, 'sequenceNumber');
    case 'start':
      return start(message) ?? fail(report, 'shape');
    case 'dtmf':
      return dtmf(message) ?? fail(report, 'shape');
    // One page calls it by the other name.
    case 'playedStream':
    case 'played': {
      const name = text(message, 'name');
      return name === undefined ? fail(report, 'shape') : { type: 'mark', name };
    }
    // What was discarded is known here before: checkpoints in it are never answered, and are not waited for.
    case 'clearedAudio':
      return { type: 'noted' };
    default:
      return unheardOf(event);
  }
}
