import type { Clock, Timer } from '../call/clock.ts';

/** Whether agents' credentials are taken: looked at when the daemon starts, and again while they are not, so that a mended key shows by itself. */

const RETRY_MS = 30_000;

export interface CredentialsOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** Why they are refused, in words without any secret; undefined: they are not, or it cannot be told. Must not reject. */
  readonly refusal: () => Promise<string | undefined>;
  /** Told each time that it changed. */
  readonly told: (why: string | undefined) => void;
}

export class Credentials {
  readonly #o: CredentialsOptions;
  #refused: string | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: CredentialsOptions) {
    this.#o = options;
    void this.#look();
  }

  /** Why they are refused; undefined: they are not, as far as is known. */
  get refused(): string | undefined {
    return this.#refused;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const why = await this.#o.refusal();
    if (this.#closed) return;
    if (why !== this.#refused) this.#o.told(why);
    this.#refused = why;
    if (why !== undefined) this.#timer = this.#o.clock.after(RETRY_MS, () => void this.#look());
  }
}
