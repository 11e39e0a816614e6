import { isUtf8 } from 'node:buffer';
import type { CarrierMedia } from '../../carrier-media.ts';
import {
  DIGITS,
  type Fault,
  type FaultReport,
  type MediaMessage,
  type PhoneMessage,
  type StartMessage,
} from '../../protocol.ts';

/**
 * Vonage's media socket: audio in binary messages of 20 ms of L16, little endian, control in JSON text. It has no id of a stream, no timestamps, and
 * no word for the end. https://developer.vonage.com/en/voice/voice-api/concepts/websockets
 */

/** Headers that a document gives the socket, which come back at the top of its first message: the caller's leg, and the one-time token. */
export const CALL_HEADER = 'call';
export const TOKEN_HEADER = 'token';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Headers beyond this many are ignored; Vonage's own limit is 512 bytes of them. */
const HEADERS_MOST = 64;
/** Names of unknown events are cut to this many characters before they reach a log. */
const NAME_MOST = 32;

/** One object for all media messages of the process: parsing is synchronous and its result borrowed. */
const media: { -readonly [K in keyof MediaMessage]: MediaMessage[K] } = {
  type: 'media',
  track: 'inbound',
  timestampMs: undefined,
  chunk: undefined,
  sequence: undefined,
  payload: Buffer.alloc(0),
};

type Json = Record<string, unknown>;

const object = (value: unknown): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;

/** Read only from the object's own fields. */
function text(from: Json | undefined, key: string): string | undefined {
  const value = from !== undefined && Object.hasOwn(from, key) ? from[key] : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** A whole number that is not negative. */
function whole(from: Json, key: string): number | undefined {
  const value = Object.hasOwn(from, key) ? from[key] : undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** What the document gave the socket to bring; nested values are nothing of ours. */
function headersOf(message: Json): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(message).slice(0, HEADERS_MOST)) {
    if (name === 'event' || name === 'content-type') continue;
    if (typeof value === 'string') headers.set(name, value);
    else if (typeof value === 'number' || typeof value === 'boolean') headers.set(name, String(value));
  }
  return headers;
}

function start(message: Json): StartMessage | Fault {
  const encoding = text(message, 'content-type');
  const callId = text(message, CALL_HEADER);
  if (encoding === undefined || encoding === '' || callId === undefined) return 'shape';
  return {
    type: 'start',
    // It has none: a call has one socket at a time.
    streamId: callId,
    callId,
    accountId: '',
    format: { encoding: encoding.toLowerCase(), sampleRate: 0, channels: 1 },
    customParameters: headersOf(message),
  };
}

/** Gives the fault instead where it cannot be read. */
function read(data: Buffer | string): PhoneMessage | Fault {
  if (typeof data !== 'string' && !isUtf8(data)) return 'json';
  let message: Json | undefined;
  try {
    message = object(JSON.parse(data.toString()));
  } catch {
    return 'json';
  }
  const event = text(message, 'event');
  if (message === undefined || event === undefined) return 'shape';
  switch (event) {
    case 'websocket:connected':
      return start(message);
    case 'websocket:dtmf': {
      const digit = text(message, 'digit')?.toUpperCase() ?? '';
      return DIGITS.test(digit) ? { type: 'dtmf', digit, durationMs: whole(message, 'duration') } : 'shape';
    }
    case 'websocket:notify': {
      const payload = Object.hasOwn(message, 'payload') ? object(message['payload']) : undefined;
      if (payload === undefined) return 'shape';
      const name = text(payload, 'mark');
      // Another's payload answers nothing that was asked here.
      return name === undefined ? { type: 'unknown', name: event } : { type: 'mark', name };
    }
    case 'websocket:cleared':
      return { type: 'noted' };
    default:
      return { type: 'unknown', name: event.slice(0, NAME_MOST).replace(/[^\w.:-]/g, '?') };
  }
}

/** What is set of its streams. */
export interface VonageMediaOptions {
  /** The rate that its documents ask for, Hz: each `websocket:connected` says it too. */
  readonly hz?: number;
}

/** Vonage's grammar, with the rate of its streams. */
export function vonageMedia({ hz }: VonageMediaOptions = {}): CarrierMedia {
  return {
    name: 'vonage',
    parse: parseMessage,
    parseBinary,
    signs: ({ callId, customParameters }) =>
      1 + (UUID.test(callId) ? 1 : 0) + (customParameters.has(TOKEN_HEADER) ? 1 : 0),
    // It closes when the caller's leg is over. A line that broke has no closing handshake (1006), and a server that leaves says 1001. RFC 6455 section 7.4.1.
    isHangUp: (code) => code === 1000 || code === 1005,
    l16: { byteOrder: 'le', hz },
    ordered: true,
    wholeFrames: { ms: 20, oneAMessage: true },
    mark: (_streamId, name) => JSON.stringify({ action: 'notify', payload: { mark: name } }),
    clear: () => '{"action":"clear"}',
  };
}

/** Reads one text message; see `CarrierMedia.parse`. */
export function parseMessage(data: Buffer | string, report?: FaultReport): PhoneMessage | null {
  const message = read(data);
  if (typeof message !== 'string') return message;
  if (report !== undefined) report.fault = message;
  return null;
}

/** Reads one run of audio, whose payload is the message itself. */
export function parseBinary(data: Buffer): PhoneMessage {
  media.payload = data;
  return media;
}
