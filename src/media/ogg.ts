/**
 * The Ogg container (RFC 3533, https://www.rfc-editor.org/rfc/rfc3533#section-6): packets in pages with a position and a checksum.
 */

const HEADER_BYTES = 27;
const MAX_SEGMENTS = 255;
const CRC_AT = 22;
const FLAGS_AT = 5;

const CONTINUED = 1;
const FIRST = 2;
const LAST = 4;

/** A page on which no packet ends has no position. */
const NO_POSITION = 0xffff_ffff_ffff_ffffn;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000_0000 ? (crc << 1) ^ 0x04c1_1db7 : crc << 1;
  return crc >>> 0;
});

/** The page's checksum: polynomial 0x04c11db7, begun with 0, neither reflected nor inverted, its own field taken as 0. */
function pageCrc(page: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < page.length; i++) {
    const byte = i >= CRC_AT && i < CRC_AT + 4 ? 0 : page[i]!;
    crc = ((crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ byte]!) >>> 0;
  }
  return crc;
}

function seal(page: Uint8Array): Uint8Array {
  new DataView(page.buffer, page.byteOffset, page.length).setUint32(CRC_AT, pageCrc(page), true);
  return page;
}

/** Marks a whole page as the last of its stream, in place. */
export function markLastPage(page: Uint8Array): void {
  page[FLAGS_AT]! |= LAST;
  seal(page);
}

/** Makes the pages of one logical stream. */
export class OggWriter {
  readonly #serial: number;
  #sequence = 0;
  #packets: Uint8Array[] = [];
  #segments = 0;
  #granule = 0;

  /** `serial`: tells streams of one file apart; any 32-bit number. */
  constructor(serial: number) {
    this.#serial = serial >>> 0;
  }

  /** Packets that wait for their page. */
  get waiting(): number {
    return this.#packets.length;
  }

  /**
   * Adds a packet, of less than 65 025 bytes, with the position at its end. Returns the page that had to be closed to make room for it, if one
   * had. Throws a RangeError for a packet that needs a page of its own and more.
   */
  add(packet: Uint8Array, granule: number): Uint8Array | undefined {
    const segments = Math.floor(packet.length / 255) + 1;
    if (segments > MAX_SEGMENTS) throw new RangeError(`ogg: a packet of ${packet.length} bytes does not fit a page`);
    const full = this.#segments + segments > MAX_SEGMENTS ? this.page() : undefined;
    this.#packets.push(packet);
    this.#segments += segments;
    this.#granule = granule;
    return full;
  }

  /** Closes the page that is being filled; `last` ends the stream. An empty page is one too. */
  page(last = false): Uint8Array {
    const size = this.#packets.reduce((sum, packet) => sum + packet.length, 0);
    const page = new Uint8Array(HEADER_BYTES + this.#segments + size);
    const view = new DataView(page.buffer);
    page.set([0x4f, 0x67, 0x67, 0x53]);
    page[FLAGS_AT] = (this.#sequence === 0 ? FIRST : 0) | (last ? LAST : 0);
    view.setBigUint64(6, BigInt(this.#granule), true);
    view.setUint32(14, this.#serial, true);
    view.setUint32(18, this.#sequence++, true);
    page[26] = this.#segments;
    let lacing = HEADER_BYTES;
    let at = HEADER_BYTES + this.#segments;
    for (const packet of this.#packets) {
      let left = packet.length;
      for (; left >= 255; left -= 255) page[lacing++] = 255;
      page[lacing++] = left;
      page.set(packet, at);
      at += packet.length;
    }
    this.#packets = [];
    this.#segments = 0;
    return seal(page);
  }
}

/** One page as it lies in a file. */
export interface OggPage {
  /** Where it begins, and its length, bytes. */
  readonly at: number;
  readonly length: number;
  readonly first: boolean;
  readonly last: boolean;
  /** Position at the end of the last packet that ends here; undefined where none does. */
  readonly granule: number | undefined;
  readonly serial: number;
  readonly sequence: number;
  /** The packets that end here, whole. */
  readonly packets: readonly Uint8Array[];
}

/** Why bytes are no Ogg stream, or where they stop being one. */
export class OggError extends Error {
  readonly code = 'OGG_INVALID';
  /** Bytes that were good. */
  readonly at: number;

  constructor(at: number, message: string) {
    super(`ogg: ${message} at byte ${at}`);
    this.name = 'OggError';
    this.at = at;
  }
}

/**
 * Reads the pages of one logical stream one after the other, checking each. Throws an OggError at the first that is torn, damaged, out of
 * order or of another stream: all pages given before are good.
 */
export function* oggPages(bytes: Uint8Array): Generator<OggPage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let partial: Uint8Array[] = [];
  let serial: number | undefined;
  let sequence = 0;
  for (let at = 0; at < bytes.length; ) {
    if (at + HEADER_BYTES > bytes.length) throw new OggError(at, 'a page is torn');
    if (view.getUint32(at, false) !== 0x4f67_6753 || bytes[at + 4] !== 0) throw new OggError(at, 'no page begins');
    const segments = bytes[at + 26]!;
    const table = at + HEADER_BYTES;
    let length = HEADER_BYTES + segments;
    if (at + length > bytes.length) throw new OggError(at, 'a page is torn');
    for (let i = 0; i < segments; i++) length += bytes[table + i]!;
    if (at + length > bytes.length) throw new OggError(at, 'a page is torn');
    const page = bytes.subarray(at, at + length);
    if (pageCrc(page) !== view.getUint32(at + CRC_AT, true)) throw new OggError(at, 'the checksum is wrong');
    const flags = page[FLAGS_AT]!;
    serial ??= view.getUint32(at + 14, true);
    if (view.getUint32(at + 14, true) !== serial) throw new OggError(at, 'a page of another stream');
    if (view.getUint32(at + 18, true) !== sequence) throw new OggError(at, 'a page is missing');
    if (((flags & CONTINUED) !== 0) !== partial.length > 0) throw new OggError(at, 'a packet is torn');
    const packets: Uint8Array[] = [];
    let from = table + segments;
    let to = from;
    for (let i = 0; i < segments; i++) {
      const lacing = bytes[table + i]!;
      to += lacing;
      if (lacing === 255) continue;
      packets.push(joined(partial, bytes.subarray(from, to)));
      partial = [];
      from = to;
    }
    if (to > from) partial.push(bytes.subarray(from, to));
    const granule = view.getBigUint64(at + 6, true);
    yield {
      at,
      length,
      first: (flags & FIRST) !== 0,
      last: (flags & LAST) !== 0,
      granule: granule === NO_POSITION ? undefined : Number(granule),
      serial,
      sequence,
      packets,
    };
    sequence++;
    at += length;
  }
}

function joined(before: readonly Uint8Array[], last: Uint8Array): Uint8Array {
  if (before.length === 0) return last;
  const parts = [...before, last];
  const packet = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    packet.set(part, at);
    at += part.length;
  }
  return packet;
}
