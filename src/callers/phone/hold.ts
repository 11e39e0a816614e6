import type { Count } from '../../call/counters.ts';
import type { Log } from '../../call/leg.ts';
import { LOOK_MS } from '../../call/ticker.ts';
import type { PhoneLegOptions } from './options.ts';

/** Audio comes every 20 ms: until it is missing for longer there is nothing to watch, ms. */
const WATCHED_AFTER_MS = 100;

/** Whether audio that came `afterMs` ago is missing at all: asked with every frame and look, of a number that is at hand. */
export const isMissing = (afterMs: number): boolean => afterMs > WATCHED_AFTER_MS;

export interface HoldOptions extends Pick<PhoneLegOptions, 'heldAfterMs' | 'holdProbeMs'> {
  /** Asks the socket whether it still lives; one that does not answer is cut. */
  readonly probe: () => void;
  readonly count: Count;
}

/**
 * Whether the line is on hold: the carrier sends no audio, and its socket lives. That is nobody's silence and nobody's end, as long as the
 * socket says so; a carrier that vanished without a word sends no audio either.
 */
export class Hold {
  readonly #options: HoldOptions;
  /** Looks in a row without audio: a standstill of ours makes one long wait for a look, not many looks. */
  #quietLooks = 0;
  #on = false;
  #probedAt = 0;

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  get on(): boolean {
    return this.#on;
  }

  /** At every look (100 ms) at a stream that has had audio, while it is missing. */
  look(now: number, log: Pick<Log, 'info'> | undefined): void {
    if (++this.#quietLooks * LOOK_MS + WATCHED_AFTER_MS <= this.#options.heldAfterMs) return;
    if (!this.#on) {
      this.#on = true;
      this.#probedAt = now;
      this.#options.count('line_on_hold');
      log?.info({}, 'no audio comes from the carrier: the line is on hold');
    } else if (now - this.#probedAt >= this.#options.holdProbeMs) {
      this.#probedAt = now;
      this.#options.probe();
    }
  }

  /** Audio came that had been missing; `afterMs`: since the last. */
  audio(afterMs: number, log: Pick<Log, 'info'> | undefined): void {
    if (this.#on) log?.info({ afterMs: Math.round(afterMs) }, 'audio comes from the carrier again');
    this.reset();
  }

  reset(): void {
    this.#on = false;
    this.#quietLooks = 0;
  }
}
