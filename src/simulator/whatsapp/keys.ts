/** Keys as RFC 4733 sends them: packets of their own in place of the speech, with the key, its volume and how long it is down so far. */

/** https://www.rfc-editor.org/rfc/rfc4733#section-3.2 */
const EVENTS = '0123456789*#ABCD';
/** dBm0 below zero: what phones send. */
const VOLUME = 10;
/** Units of an event's duration, Hz: that of the format, telephone-event/8000, whatever the timestamps count in. */
const UNITS = 8_000;
/** The last packet goes out three times, since nobody asks for it again (section 2.5.1.4). */
const ENDS = 3;

/** One packet of a key. */
export interface KeyPacket {
  readonly payload: Buffer;
  /** Of the audio, when the key went down: all its packets have the same. */
  readonly timestamp: number;
  readonly marker: boolean;
}

export class KeySender {
  readonly #frameMs: number;
  #event = 0;
  #timestamp = 0;
  #sentMs = 0;
  #totalMs = 0;

  constructor(frameMs: number) {
    this.#frameMs = frameMs;
  }

  get isDown(): boolean {
    return this.#totalMs > 0;
  }

  /** The key goes down with the next frame. One that is still down is let go. */
  press(key: string, durationMs: number): void {
    this.#event = EVENTS.indexOf(key);
    this.#sentMs = 0;
    this.#totalMs = this.#event < 0 ? 0 : durationMs;
  }

  /** The packets that take the place of this frame's audio; none while no key is down. */
  next(timestamp: number): KeyPacket[] {
    if (!this.isDown) return [];
    if (this.#sentMs === 0) this.#timestamp = timestamp;
    const marker = this.#sentMs === 0;
    this.#sentMs += this.#frameMs;
    const isLast = this.#sentMs >= this.#totalMs;
    const payload = Buffer.alloc(4);
    payload[0] = this.#event;
    payload[1] = (isLast ? 0x80 : 0) | VOLUME;
    payload.writeUInt16BE(Math.min(0xffff, (this.#sentMs * UNITS) / 1_000), 2);
    if (isLast) this.#totalMs = 0;
    return Array.from({ length: isLast ? ENDS : 1 }, (_, i) => ({
      payload,
      timestamp: this.#timestamp,
      marker: marker && i === 0,
    }));
  }
}

/** Reads the keys that the other side presses, each once. */
export class KeyReader {
  #last = -1;

  /** The key that this packet begins, or undefined. `timestamp` is the same in all packets of one key. */
  read(payload: Uint8Array, timestamp: number): string | undefined {
    if (payload.length < 4 || timestamp === this.#last) return undefined;
    this.#last = timestamp;
    return EVENTS[payload[0] ?? 0xff];
  }
}
