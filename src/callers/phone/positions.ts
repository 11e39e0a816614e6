/**
 * Joins two ways to count the same audio: what the agent wrote, and what goes over the wire. They part where this leg adds silence of its
 * own (a cushion) or leaves the agent's silence out. All in samples. Kept as the few places where the count changes.
 */

interface Segment {
  /** Wire position at which it begins. */
  readonly wire: number;
  /** Written position at its beginning. */
  written: number;
  /** Whether wire samples in it are written ones; false for silence of our own. */
  readonly audio: boolean;
}

export class Positions {
  #segments: Segment[] = [{ wire: 0, written: 0, audio: true }];
  #wireEnd = 0;
  #writtenEnd = 0;

  /** Samples the agent wrote so far, less what was taken back. */
  get writtenEnd(): number {
    return this.#writtenEnd;
  }

  /** The agent wrote `samples`, and they go over the wire. */
  add(samples: number): void {
    this.#begin(true);
    this.#wireEnd += samples;
    this.#writtenEnd += samples;
  }

  /** Silence of our own goes over the wire. */
  pad(samples: number): void {
    this.#begin(false);
    this.#wireEnd += samples;
  }

  /** The agent wrote `samples` of silence, and they are left out: heard as soon as all before them is. */
  skip(samples: number): void {
    this.#writtenEnd += samples;
    const last = this.#segments[this.#segments.length - 1]!;
    if (last.wire === this.#wireEnd) last.written = this.#writtenEnd;
    else this.#segments.push({ wire: this.#wireEnd, written: this.#writtenEnd, audio: true });
  }

  /** The written position that is reached when the wire has come to `wire`. Wire positions asked for must not fall. */
  writtenAt(wire: number): number {
    const segments = this.#segments;
    while (segments.length > 1 && segments[1]!.wire <= wire) segments.shift();
    const { wire: from, written, audio } = segments[0]!;
    return audio ? Math.min(written + Math.max(0, wire - from), this.#writtenEnd) : written;
  }

  /** Takes back everything after: the wire stands at `wire`, the agent's audio at `written`. */
  rewind(wire: number, written: number): void {
    this.#segments = [{ wire, written, audio: true }];
    this.#wireEnd = wire;
    this.#writtenEnd = written;
  }

  #begin(audio: boolean): void {
    const last = this.#segments[this.#segments.length - 1]!;
    if (last.audio === audio) return;
    if (last.wire === this.#wireEnd) this.#segments.pop();
    this.#segments.push({ wire: this.#wireEnd, written: this.#writtenEnd, audio });
  }
}
