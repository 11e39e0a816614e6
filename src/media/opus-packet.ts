/**
 * Reads the framing of an Opus packet (RFC 6716 section 3, https://www.rfc-editor.org/rfc/rfc6716#section-3) and says whether it is
 * well formed, without decoding it. It is the gate in front of a native decoder.
 */

/** Longest audio one packet may carry (rule R5), in ms. */
export const OPUS_MAX_PACKET_MS = 120;
/** Longest one compressed frame may be (rule R2), in bytes. */
export const OPUS_MAX_FRAME_BYTES = 1275;
/** Longest packet taken, in bytes: the largest payload a UDP datagram can have. Padding could make a packet endless. */
export const OPUS_MAX_PACKET_BYTES = 65_507;

/** What a well-formed packet holds. */
export interface OpusPacketInfo {
  readonly ok: true;
  /** Frames in the packet: 1 to 48. */
  readonly frames: number;
  /** Audio in the packet, in units of 0.1 ms, so that 2.5 ms stays a whole number. */
  readonly tenthsMs: number;
  readonly stereo: boolean;
}

/** `reason` quotes the rule of RFC 6716 section 3.4 that the packet breaks. */
export type OpusPacketCheck = OpusPacketInfo | { readonly ok: false; readonly reason: string };

/** Frame length in 0.1 ms by the TOC's configuration number (RFC 6716 table 2). */
function frameTenths(config: number): number {
  if (config < 12) return [100, 200, 400, 600][config & 3]!; // SILK
  if (config < 16) return [100, 200][config & 1]!; // hybrid
  return [25, 50, 100, 200][config & 3]!; // CELT
}

function bad(reason: string): OpusPacketCheck {
  return { ok: false, reason };
}

/** Length of a frame as coded at `at` (section 3.2.1): its value and the bytes it takes, or undefined when the packet ends within it. */
function codedLength(packet: Uint8Array, at: number, end: number): { value: number; bytes: number } | undefined {
  if (at >= end) return undefined;
  const first = packet[at]!;
  if (first < 252) return { value: first, bytes: 1 };
  if (at + 1 >= end) return undefined;
  return { value: packet[at + 1]! * 4 + first, bytes: 2 };
}

/** Checks one packet against the rules R1 to R7. */
export function checkOpusPacket(packet: Uint8Array): OpusPacketCheck {
  const size = packet.length;
  if (size < 1) return bad('R1: the packet is empty');
  if (size > OPUS_MAX_PACKET_BYTES) return bad(`the packet has ${size} bytes, more than ${OPUS_MAX_PACKET_BYTES}`);
  const toc = packet[0]!;
  const tenths = frameTenths(toc >> 3);
  const stereo = (toc & 4) !== 0;
  const code = toc & 3;
  if (code === 0) {
    if (size - 1 > OPUS_MAX_FRAME_BYTES) return bad('R2: a frame is longer than 1275 bytes');
    return { ok: true, frames: 1, tenthsMs: tenths, stereo };
  }
  if (code === 1) {
    if ((size - 1) % 2 !== 0) return bad('R3: two equal frames cannot share an odd number of bytes');
    if ((size - 1) / 2 > OPUS_MAX_FRAME_BYTES) return bad('R2: a frame is longer than 1275 bytes');
    return { ok: true, frames: 2, tenthsMs: 2 * tenths, stereo };
  }
  if (code === 2) {
    const length = codedLength(packet, 1, size);
    if (!length) return bad('R4: the packet ends within a length');
    const rest = size - 1 - length.bytes - length.value;
    if (rest < 0) return bad('R4: the first frame is longer than the packet');
    if (rest > OPUS_MAX_FRAME_BYTES) return bad('R2: a frame is longer than 1275 bytes');
    return { ok: true, frames: 2, tenthsMs: 2 * tenths, stereo };
  }
  return checkCode3(packet, tenths, stereo);
}

/** A packet of any number of frames (section 3.2.5): a count, perhaps padding, then equal or self-delimited frames. */
function checkCode3(packet: Uint8Array, tenths: number, stereo: boolean): OpusPacketCheck {
  if (packet.length < 2) return bad('R6: the packet ends before its frame count');
  const counter = packet[1]!;
  const frames = counter & 0x3f;
  if (frames === 0) return bad('R5: the packet has no frames');
  if (frames * tenths > OPUS_MAX_PACKET_MS * 10) return bad('R5: the packet holds more than 120 ms');
  let at = 2;
  let end = packet.length;
  if ((counter & 0x40) !== 0) {
    for (let more = true; more; ) {
      if (at >= end) return bad('R6: the packet ends within its padding length');
      const byte = packet[at++]!;
      // 255 stands for 254 bytes of padding and says that another length byte follows.
      end -= byte === 255 ? 254 : byte;
      more = byte === 255;
    }
    if (at > end) return bad('R6: the padding is longer than the packet');
  }
  if ((counter & 0x80) === 0) {
    if ((end - at) % frames !== 0) return bad('R6: the frames do not share the bytes evenly');
    if ((end - at) / frames > OPUS_MAX_FRAME_BYTES) return bad('R2: a frame is longer than 1275 bytes');
    return { ok: true, frames, tenthsMs: frames * tenths, stereo };
  }
  let coded = 0;
  for (let i = 0; i < frames - 1; i++) {
    const length = codedLength(packet, at, end);
    if (!length) return bad('R7: the packet ends within a length');
    at += length.bytes;
    coded += length.value;
  }
  const last = end - at - coded;
  if (last < 0) return bad('R7: the frames are longer than the packet');
  if (last > OPUS_MAX_FRAME_BYTES) return bad('R2: a frame is longer than 1275 bytes');
  return { ok: true, frames, tenthsMs: frames * tenths, stereo };
}
