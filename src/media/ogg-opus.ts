import { OggWriter, oggPages } from './ogg.ts';

/**
 * Opus in Ogg (RFC 7845, https://www.rfc-editor.org/rfc/rfc7845): a page with the identification header, one with the comments, then audio
 * in packets of 20 ms. Positions count samples at 48 kHz whatever the rate is.
 */

/** What a stream needs of an encoder; see `opus.ts`. */
export interface PacketEncoder {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  encode(samples: Int16Array): Uint8Array;
}

const POSITION_RATE = 48_000;
const FRAME_MS = 20;
/** What libopus holds the audio back: 2.5 ms of overlap and 4 ms to bring its two coders together, at every rate. */
export const OPUS_PRE_SKIP = 312;

const text = new TextEncoder();

function head(channels: number, sampleRate: number): Uint8Array {
  const packet = new Uint8Array(19);
  const view = new DataView(packet.buffer);
  packet.set(text.encode('OpusHead'));
  packet[8] = 1;
  packet[9] = channels;
  view.setUint16(10, OPUS_PRE_SKIP, true);
  view.setUint32(12, sampleRate, true);
  // Gain and mapping family are 0.
  return packet;
}

function tags(comments: Readonly<Record<string, string>>): Uint8Array {
  const vendor = text.encode('voicebridge');
  const lines = Object.entries(comments).map(([name, value]) => text.encode(`${name}=${value}`));
  const packet = new Uint8Array(lines.reduce((sum, line) => sum + 4 + line.length, 16 + vendor.length));
  const view = new DataView(packet.buffer);
  packet.set(text.encode('OpusTags'));
  view.setUint32(8, vendor.length, true);
  packet.set(vendor, 12);
  let at = 12 + vendor.length;
  view.setUint32(at, lines.length, true);
  at += 4;
  for (const line of lines) {
    view.setUint32(at, line.length, true);
    packet.set(line, at + 4);
    at += 4 + line.length;
  }
  return packet;
}

/** Makes an Ogg Opus file piece by piece. What a method returns is to be written, in order. */
export class OggOpusStream {
  readonly #encoder: PacketEncoder;
  readonly #ogg: OggWriter;
  readonly #frame: Int16Array;
  /** Samples, of all channels, in the frame that is being filled. */
  #filled = 0;
  /** Samples of each channel given, and packets made. */
  #samples = 0;
  #packets = 0;

  constructor(encoder: PacketEncoder, serial: number) {
    this.#encoder = encoder;
    this.#ogg = new OggWriter(serial);
    this.#frame = new Int16Array((encoder.sampleRate / 1000) * FRAME_MS * encoder.channels);
  }

  /** The two header pages. `comments`: names in capitals (RFC 7845 section 5.2). */
  begin(comments: Readonly<Record<string, string>> = {}): Uint8Array[] {
    const { channels, sampleRate } = this.#encoder;
    this.#ogg.add(head(channels, sampleRate), 0);
    const first = this.#ogg.page();
    this.#ogg.add(tags(comments), 0);
    return [first, this.#ogg.page()];
  }

  /** Takes interleaved samples; returns the pages that are ready. The page that is being filled is closed. */
  write(samples: Int16Array): Uint8Array[] {
    const pages = this.#encode(samples);
    this.#samples += samples.length / this.#encoder.channels;
    if (this.#ogg.waiting > 0) pages.push(this.#ogg.page());
    return pages;
  }

  /** Ends the stream: its last position says where the audio ends within the last packet (RFC 7845 section 4). */
  end(): Uint8Array[] {
    const { channels, sampleRate } = this.#encoder;
    const perFrame = this.#frame.length / channels;
    const lookahead = (OPUS_PRE_SKIP * sampleRate) / POSITION_RATE;
    const packets = Math.ceil((this.#samples + lookahead) / perFrame);
    const missing = Math.max(0, packets - this.#packets) * this.#frame.length - this.#filled;
    const pages = this.#encode(new Int16Array(missing), this.#positionAt(this.#samples) + OPUS_PRE_SKIP);
    pages.push(this.#ogg.page(true));
    return pages;
  }

  #encode(samples: Int16Array, end = Number.POSITIVE_INFINITY): Uint8Array[] {
    const pages: Uint8Array[] = [];
    for (let at = 0; at < samples.length; ) {
      const n = Math.min(samples.length - at, this.#frame.length - this.#filled);
      this.#frame.set(samples.subarray(at, at + n), this.#filled);
      this.#filled += n;
      at += n;
      if (this.#filled < this.#frame.length) break;
      this.#filled = 0;
      this.#packets++;
      const position = this.#positionAt((this.#packets * this.#frame.length) / this.#encoder.channels);
      const full = this.#ogg.add(this.#encoder.encode(this.#frame), Math.min(position, end));
      if (full !== undefined) pages.push(full);
    }
    return pages;
  }

  #positionAt(samples: number): number {
    return (samples * POSITION_RATE) / this.#encoder.sampleRate;
  }
}

/** What an Ogg Opus file holds. */
export interface OggOpusFile {
  readonly channels: number;
  /** Rate of what was encoded, Hz; decoders may use any. */
  readonly inputRate: number;
  /** Samples at 48 kHz that a decoder leaves out at the beginning. */
  readonly preSkip: number;
  readonly comments: readonly string[];
  readonly packets: readonly Uint8Array[];
  /** Length of the audio, samples at 48 kHz. */
  readonly length48k: number;
  /** Whether the stream was ended, and not only stopped. */
  readonly ended: boolean;
}

/** Reads a whole file. Throws an OggError where the container is broken, a TypeError where it holds no Opus. */
export function readOggOpus(bytes: Uint8Array): OggOpusFile {
  const packets: Uint8Array[] = [];
  let granule = 0;
  let ended = false;
  for (const page of oggPages(bytes)) {
    packets.push(...page.packets);
    granule = page.granule ?? granule;
    ended = page.last;
  }
  const [id, comment, ...audio] = packets;
  if (id === undefined || comment === undefined || !begins(id, 'OpusHead', 19) || !begins(comment, 'OpusTags', 16)) {
    throw new TypeError('no Opus headers');
  }
  const view = new DataView(id.buffer, id.byteOffset, id.length);
  const preSkip = view.getUint16(10, true);
  return {
    channels: id[9]!,
    inputRate: view.getUint32(12, true),
    preSkip,
    comments: commentsOf(comment),
    packets: audio,
    length48k: Math.max(0, granule - preSkip),
    ended,
  };
}

function begins(packet: Uint8Array, magic: string, least: number): boolean {
  return packet.length >= least && text.encode(magic).every((byte, i) => packet[i] === byte);
}

function commentsOf(packet: Uint8Array): string[] {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const decoder = new TextDecoder();
  let at = 12 + view.getUint32(8, true);
  const comments: string[] = [];
  for (let left = at + 4 <= packet.length ? view.getUint32(at, true) : 0; left > 0 && at + 8 <= packet.length; left--) {
    at += 4;
    const length = view.getUint32(at, true);
    comments.push(decoder.decode(packet.subarray(at + 4, at + 4 + length)));
    at += length;
  }
  return comments;
}
