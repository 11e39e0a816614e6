/** RTP packets as bytes (RFC 3550 section 5.1). */

export interface RtpPacket {
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Uint8Array;
}

const HEADER = 12;

/** Whether a packet of the shared port is a report (RFC 5761 section 4). */
export function isRtcp(packet: Uint8Array): boolean {
  const type = packet[1] ?? 0;
  return type >= 192 && type <= 223;
}

/** Reads a packet; its payload lies in the same memory. Undefined for what is none. */
export function readRtp(packet: Buffer): RtpPacket | undefined {
  if (packet.length < HEADER || packet[0]! >> 6 !== 2) return undefined;
  let from = HEADER + 4 * (packet[0]! & 15);
  if ((packet[0]! & 16) !== 0) {
    if (packet.length < from + 4) return undefined;
    from += 4 + 4 * packet.readUInt16BE(from + 2);
  }
  let to = packet.length;
  if ((packet[0]! & 32) !== 0) to -= packet[to - 1]!;
  if (to < from) return undefined;
  return {
    payloadType: packet[1]! & 127,
    sequence: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    ssrc: packet.readUInt32BE(8),
    payload: packet.subarray(from, to),
  };
}

/** Writes packets of one stream, each with the next sequence number. */
export class RtpWriter {
  readonly #ssrc: number;
  readonly #payloadType: number;
  #sequence: number;
  #timestamp: number;

  /** Sequence and timestamp should begin anywhere (RFC 3550 section 5.1). */
  constructor(ssrc: number, payloadType: number, sequence: number, timestamp: number) {
    this.#ssrc = ssrc;
    this.#payloadType = payloadType;
    this.#sequence = sequence & 0xffff;
    this.#timestamp = timestamp >>> 0;
  }

  /** The packet, of which `units` of the timestamp are filled by the payload. */
  write(payload: Uint8Array, units: number): Buffer {
    const packet = Buffer.allocUnsafe(HEADER + payload.length);
    packet[0] = 0x80;
    packet[1] = this.#payloadType;
    packet.writeUInt16BE(this.#sequence, 2);
    packet.writeUInt32BE(this.#timestamp, 4);
    packet.writeUInt32BE(this.#ssrc, 8);
    packet.set(payload, HEADER);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#timestamp = (this.#timestamp + units) >>> 0;
    return packet;
  }
}
