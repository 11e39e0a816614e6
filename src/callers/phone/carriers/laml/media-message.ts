import { decodeBase64 } from '../../../../media/base64.ts';
import type { FaultReport, MediaMessage } from '../../protocol.ts';
import { fail, type Json, own, text, whole } from './json.ts';
import { type MediaFields, scanMedia } from './scan.ts';

/** Audio in a message of JSON: `media` with `payload`, `track`, `chunk` and `timestamp`. */

/** Room for the payload of the largest message a socket lets through (64 KiB of text is 48 KiB of audio). */
const SCRATCH = Buffer.allocUnsafeSlow(65_536);
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

/** A plain media message, read straight from its bytes; undefined: it is to be read by JSON.parse, which may find that it is none. */
export function plainMedia(bytes: Buffer): MediaMessage | undefined {
  if (!scanMedia(bytes, fields)) return undefined;
  const length = decodeBase64(bytes, fields.payloadStart, fields.payloadEnd, SCRATCH);
  if (length < 0) return undefined;
  borrowPayload(length);
  media.track = fields.outbound ? 'outbound' : 'inbound';
  media.timestampMs = fields.timestampMs;
  media.chunk = fields.chunk;
  media.sequence = fields.sequence;
  return media;
}

/** A media message by way of JSON.parse: the judge of what the scan declined. `sequence`: what its number is called. */
export function slowMedia(message: Json, report: FaultReport | undefined, sequence: string): MediaMessage | null {
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
  media.sequence = whole(message, sequence);
  return media;
}
