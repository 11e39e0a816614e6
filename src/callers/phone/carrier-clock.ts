/**
 * How far the carrier has played what was sent to it. The carrier says so only now and then (a mark's echo); between the echoes audio plays
 * in real time, so a talkspurt is one number: the moment at which wire position 0 would have been played, had it all been one
 * spurt. An echo measures that number, always a little late, never early: the earliest of the last few is the best.
 *
 * Positions are samples sent since the stream began; times are ms of our clock; "at the carrier" means that the way there is counted.
 */

/** Echoes looked back on: about half a second. */
const WINDOW = 4;

export class CarrierClock {
  readonly #perMs: number;
  #sent = 0;
  /** What is known to have been played. */
  #floor = 0;
  #origin = 0;
  readonly #window = new Float64Array(WINDOW);
  #measured = 0;

  constructor(sampleRate: number) {
    this.#perMs = sampleRate / 1000;
  }

  /** Samples sent so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Notes that `samples` were sent now and arrive after `oneWayMs`. */
  onSent(samples: number, now: number, oneWayMs: number): void {
    const arrival = now + oneWayMs;
    if (this.at(arrival) >= this.#sent) {
      // The carrier had run dry: what arrives now is played at once, and a new spurt begins.
      this.#floor = this.#sent;
      this.#origin = arrival - this.#sent / this.#perMs;
      this.#measured = 0;
    }
    this.#sent += samples;
  }

  /**
   * Notes that an echo said "played up to `position`", received now after half of `rttMs` on its way. Returns how much later it came than the
   * soonest of the last few, ms: the jitter of the way.
   */
  onEcho(position: number, now: number, rttMs: number): number {
    if (position <= this.#floor || position > this.#sent) return 0;
    const measured = now - rttMs / 2 - position / this.#perMs;
    this.#window[this.#measured++ % WINDOW] = measured;
    let origin = Number.POSITIVE_INFINITY;
    for (let i = 0; i < Math.min(this.#measured, WINDOW); i++) origin = Math.min(origin, this.#window[i]!);
    this.#origin = origin;
    this.#floor = position;
    return measured - origin;
  }

  /** The position played at the carrier at time `at`, samples. */
  at(at: number): number {
    const position = (at - this.#origin) * this.#perMs;
    return Math.min(this.#sent, Math.max(this.#floor, position));
  }

  /** Milliseconds not yet played at the carrier at time `at`. */
  unplayedMs(at: number): number {
    return (this.#sent - this.at(at)) / this.#perMs;
  }

  /** What was sent will not be played any more, or has been: the next spurt begins from here. */
  flush(): void {
    this.#floor = this.#sent;
    this.#measured = 0;
  }
}
