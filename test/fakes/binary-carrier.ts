import type { CarrierMedia } from '../../src/callers/phone/carrier-media.ts';
import {
  DIGITS,
  type Fault,
  type FaultReport,
  type MediaMessage,
  type PhoneMessage,
} from '../../src/callers/phone/protocol.ts';

/**
 * The media socket of a carrier that is as unlike the others as real ones are: audio in binary messages of exactly one frame, control in text with a
 * grammar of its own, notices in place of marks, no timestamps, no word for the end.
 */

/** One object for all media messages: parsing is synchronous and its result borrowed. */
const media: { -readonly [K in keyof MediaMessage]: MediaMessage[K] } = {
  type: 'media',
  track: 'inbound',
  timestampMs: undefined,
  chunk: undefined,
  sequence: undefined,
  payload: Buffer.alloc(0),
};

type Json = Record<string, unknown>;

function text(from: Json, key: string): string | undefined {
  const value = Object.hasOwn(from, key) ? from[key] : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** Gives the fault instead where it cannot be read. */
function read(data: Buffer | string): PhoneMessage | Fault {
  let message: Json;
  try {
    const parsed: unknown = JSON.parse(data.toString());
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'shape';
    message = parsed as Json;
  } catch {
    return 'json';
  }
  const event = text(message, 'event');
  switch (event) {
    case undefined:
      return 'shape';
    case 'socket:connected': {
      const [encoding, callId] = [text(message, 'content-type'), text(message, 'call')];
      if (encoding === undefined || callId === undefined) return 'shape';
      const given = Object.entries(message).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
      return {
        type: 'start',
        streamId: callId,
        callId,
        accountId: text(message, 'account') ?? '',
        format: { encoding, sampleRate: 0, channels: 1 },
        customParameters: new Map(given),
      };
    }
    case 'socket:digit': {
      const digit = text(message, 'digit') ?? '';
      const duration = Object.hasOwn(message, 'duration') ? message['duration'] : undefined;
      if (!DIGITS.test(digit)) return 'shape';
      return { type: 'dtmf', digit, durationMs: typeof duration === 'number' ? duration : undefined };
    }
    case 'socket:notice': {
      const name = text(message, 'notice');
      return name === undefined ? 'shape' : { type: 'mark', name };
    }
    case 'socket:cleared':
      return { type: 'noted' };
    case 'socket:error':
      return { type: 'complaint', detail: (text(message, 'reason') ?? '').slice(0, 80).replace(/[^\w .:-]/g, '?') };
    default:
      return { type: 'unknown', name: event.slice(0, 32).replace(/[^\w.:-]/g, '?') };
  }
}

export const tide: CarrierMedia = {
  name: 'tide',
  subprotocol: 'audio.tide.example',
  parse(data, report) {
    const message = read(data);
    if (typeof message !== 'string') return message;
    if (report !== undefined) report.fault = message;
    return null;
  },
  parseBinary(data: Buffer, _report?: FaultReport) {
    media.payload = data;
    return media;
  },
  signs: () => 1,
  isHangUp: (code) => code === 1000,
  l16: { byteOrder: 'le' },
  ordered: true,
  wholeFrames: { ms: 20, oneAMessage: true },
  mark: (_streamId, name) => JSON.stringify({ action: 'notify', notice: name }),
  clear: () => '{"action":"clear"}',
};

export const tideSamples = {
  start:
    '{"event":"socket:connected","content-type":"audio/l16;rate=16000","call":"c-17","account":"a-3","token":"t-3"}',
  /** 20 ms of silence. */
  media: Buffer.alloc(640),
  dtmf: '{"event":"socket:digit","digit":"7","duration":140}',
  mark: '{"event":"socket:notice","notice":"my label"}',
};
