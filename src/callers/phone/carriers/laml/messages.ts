/**
 * The message family that one carrier defined and others follow: JSON text with `event`, numbers written as strings, ids beside or
 * inside the event's object. The reader takes every placement any of them uses; a dialect adds its name and what it alone can do.
 * https://www.twilio.com/docs/voice/media-streams/websocket-messages, https://developer.signalwire.com/compatibility-api/cxml/voice/stream
 */

import { isUtf8 } from 'node:buffer';
import { decodeBase64 } from '../../../../media/base64.ts';
import {
  DIGITS,
  type DtmfMessage,
  type FaultReport,
  type MediaMessage,
  type PhoneMessage,
  type StartMessage,
} from '../../protocol.ts';
import { type MediaFields, scanMedia } from './scan.ts';

/** Room for the payload of the largest message a socket lets through (64 KiB of text is 48 KiB of audio). */
const SCRATCH = Buffer.allocUnsafeSlow(65_536);
/** Parameters beyond this many are ignored; a carrier's own limit on their size is far below. */
const MAX_PARAMETERS = 64;
/** Names of unknown events are cut to this many characters before they reach a log. */
const MAX_NAME = 32;

const fields: MediaFields = {
  outbound: false,
  timestampMs: undefined,
  chunk: undefined,
  sequence: undefined,
  payloadStart: 0,
  payloadEnd: 0,
};

/** One object for all media messages of the process: parsing is synchronous and its result borrowed. */
const media: { -readonly [K in keyof MediaMessage]: MediaMessage[K] } = {
  type: 'media',
  track: 'inbound',
  timestampMs: undefined,
  chunk: undefined,
  sequence: undefined,
  payload: SCRATCH.subarray(0, 160),
};

/** Points `media.payload` at the first `bytes` of the scratch; a new view is made only when the length changes. */
function borrowPayload(bytes: number): void {
  if (media.payload.length !== bytes) media.payload = SCRATCH.subarray(0, bytes);
}

type Json = Record<string, unknown>;

/** A JSON object, not an array and not null. */
function object(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/** A string that says something, read only from the object's own fields. */
function text(from: Json | undefined, key: string): string | undefined {
  if (from === undefined || !Object.hasOwn(from, key)) return undefined;
  const value = from[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A whole number that is not negative, written as a number or, as these carriers do, as a string. */
function whole(from: Json, key: string): number | undefined {
  const value = Object.hasOwn(from, key) ? from[key] : undefined;
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  return typeof value === 'string' && /^[0-9]{1,15}$/.test(value) ? Number(value) : undefined;
}

/** A number of the format: `missing` where it is not given, NaN where what is given is no number. "24000 Hz" is one. */
function stated(from: Json, key: string, missing: number): number {
  const value = Object.hasOwn(from, key) ? from[key] : undefined;
  if (value === undefined || value === null || value === '') return missing;
  if (typeof value !== 'string') return whole(from, key) ?? Number.NaN;
  return /^\s*\d{1,6}\s*(h|hz)?\s*$/i.test(value) ? Number.parseInt(value, 10) : Number.NaN;
}

function own(from: Json, key: string): Json | undefined {
  return Object.hasOwn(from, key) ? object(from[key]) : undefined;
}

function parameters(from: Json | undefined): Map<string, string> {
  const map = new Map<string, string>();
  if (from === undefined) return map;
  for (const name of Object.keys(from)) {
    if (map.size >= MAX_PARAMETERS) break;
    const value = from[name];
    if (typeof value === 'string') map.set(name, value);
    else if (typeof value === 'number' || typeof value === 'boolean') map.set(name, String(value));
  }
  return map;
}

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

function dtmf(message: Json): DtmfMessage | null {
  const inner = own(message, 'dtmf');
  const digit = text(inner, 'digit')?.toUpperCase();
  if (inner === undefined || digit === undefined || !DIGITS.test(digit)) return null;
  return { type: 'dtmf', digit, durationMs: whole(inner, 'duration') };
}

function fail(report: FaultReport | undefined, fault: FaultReport['fault']): null {
  if (report !== undefined) report.fault = fault;
  return null;
}

/** A media message by way of JSON.parse: the judge of what the scan declined. */
function slowMedia(message: Json, report: FaultReport | undefined): PhoneMessage | null {
  const inner = own(message, 'media');
  const payload = inner !== undefined && Object.hasOwn(inner, 'payload') ? inner['payload'] : undefined;
  if (inner === undefined || typeof payload !== 'string') return fail(report, 'shape');
  // One byte a character: what is above 0xff cannot be base64, and utf8 bytes of it never look like it.
  const encoded = Buffer.from(payload, 'utf8');
  const bytes = decodeBase64(encoded, 0, encoded.length, SCRATCH);
  if (bytes < 0) return fail(report, 'base64');
  borrowPayload(bytes);
  media.track = text(inner, 'track')?.startsWith('outbound') === true ? 'outbound' : 'inbound';
  media.timestampMs = whole(inner, 'timestamp');
  media.chunk = whole(inner, 'chunk');
  media.sequence = whole(message, 'sequenceNumber');
  return media;
}

/** Reads one message of the family; see `CarrierMedia.parse`. */
export function parseMessage(data: Buffer | string, report?: FaultReport): PhoneMessage | null {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  if (scanMedia(bytes, fields)) {
    const length = decodeBase64(bytes, fields.payloadStart, fields.payloadEnd, SCRATCH);
    if (length >= 0) {
      borrowPayload(length);
      media.track = fields.outbound ? 'outbound' : 'inbound';
      media.timestampMs = fields.timestampMs;
      media.chunk = fields.chunk;
      media.sequence = fields.sequence;
      return media;
    }
  }
  return parseByJson(bytes, report);
}

/** The whole reader without the short way. Exported for the proof that both agree, and for the measurement. */
export function parseByJson(bytes: Buffer, report?: FaultReport): PhoneMessage | null {
  if (!isUtf8(bytes)) return fail(report, 'json');
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch {
    return fail(report, 'json');
  }
  const message = object(parsed);
  const event = text(message, 'event');
  if (message === undefined || event === undefined) return fail(report, 'shape');
  switch (event) {
    case 'media':
      return slowMedia(message, report);
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
      return { type: 'unknown', name: event.slice(0, MAX_NAME).replace(/[^\w.:-]/g, '?') };
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
