import type { Clock } from './clock.ts';

/**
 * How long a line may be silent. Silence is when nobody speaks, neither side: while the agent is heard, thinks or runs a tool, the caller is
 * not silent but waiting. After a while the agent asks whether somebody is there; when that was asked often enough, the call ends.
 */

export interface SilenceOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** How long a silence may last, ms; 0 turns the watch off. */
  readonly longestMs: number;
  /** How often the agent asks before the call ends; one when left out. */
  readonly asks?: number;
}

/** What is to be done now. */
export type SilenceAction = 'ask' | 'end';

export class SilenceWatch {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #longestMs: number;
  readonly #asks: number;
  #quietSince: number | undefined;
  #asked = 0;
  #ended = false;
  #callerSpeaks = false;

  constructor(options: SilenceOptions) {
    this.#clock = options.clock;
    this.#longestMs = options.longestMs;
    this.#asks = options.asks ?? 1;
  }

  /** How often the agent asked since the caller was last heard. */
  get asked(): number {
    return this.#asked;
  }

  /** The caller began to speak: until `callerStopped` there is no silence, and the count of questions begins anew. */
  callerSpoke(): void {
    this.#callerSpeaks = true;
    this.callerActed();
  }

  callerStopped(): void {
    this.#callerSpeaks = false;
    this.#quietSince = undefined;
  }

  /** The caller gave another sign of life, a key for instance. */
  callerActed(): void {
    this.#asked = 0;
    this.#ended = false;
    this.#quietSince = undefined;
  }

  /** The line broke or is back: nobody can be blamed for the time between, or for a speech whose end was never told. */
  reset(): void {
    this.#callerSpeaks = false;
    this.#quietSince = undefined;
  }

  /**
   * Looks at the line; call it every 20 ms to 1 s. `busy`: the agent's audio is being played, its answer is on the way, a tool runs, or
   * digits are awaited. Says each thing once: `end` is its last word, unless the caller speaks up during the goodbye.
   */
  check(busy: boolean): SilenceAction | undefined {
    if (this.#longestMs <= 0 || this.#ended) return undefined;
    if (busy || this.#callerSpeaks) {
      this.#quietSince = undefined;
      return undefined;
    }
    const now = this.#clock.now();
    this.#quietSince ??= now;
    if (now - this.#quietSince < this.#longestMs) return undefined;
    this.#quietSince = undefined;
    if (this.#asked < this.#asks) {
      this.#asked++;
      return 'ask';
    }
    this.#ended = true;
    return 'end';
  }
}
