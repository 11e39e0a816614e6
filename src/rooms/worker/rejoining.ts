import type { Clock, Timer } from '../../call/clock.ts';
import { BridgeError } from '../../errors.ts';

/** Between two attempts, ms: soon at first, then often enough to be there within seconds of the server. */
const WAITS_MS = [0, 250, 500, 1_000, 2_000];
/** How long one attempt may take, ms. */
const ATTEMPT_MS = 8_000;
/** Refusals in a row until it is believed: a server that starts may refuse what it accepts a second later. */
const REFUSALS = 3;

export interface RejoiningInit {
  readonly clock: Clock;
  /** One attempt, which rejects when it fails or when it took longer than `withinMs`. */
  enter(withinMs: number): Promise<void>;
  done(): void;
  /** The server refuses; nothing more is tried. */
  refused(detail: string): void;
}

/** Tries to join a room that was lost until it is joined, refused, or stopped. */
export class Rejoining {
  readonly #o: RejoiningInit;
  #timer: Timer | undefined;
  #attempts = 0;
  #refusals = 0;
  #stopped = false;

  constructor(init: RejoiningInit) {
    this.#o = init;
  }

  start(): void {
    const wait = WAITS_MS[Math.min(this.#attempts, WAITS_MS.length - 1)]!;
    this.#attempts++;
    this.#timer = this.#o.clock.after(wait, () => void this.#try());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #try(): Promise<void> {
    try {
      await this.#o.enter(ATTEMPT_MS);
      if (!this.#stopped) this.#o.done();
    } catch (error) {
      if (this.#stopped) return;
      const refusal = error instanceof BridgeError && error.code === 'LIVEKIT_REFUSED' ? error : undefined;
      this.#refusals = refusal === undefined ? 0 : this.#refusals + 1;
      if (refusal !== undefined && this.#refusals >= REFUSALS) this.#o.refused(refusal.message);
      else this.start();
    }
  }
}
