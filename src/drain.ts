import type { Clock, Timer } from './call/clock.ts';
import { type Termination, termination } from './call/termination.ts';
import { SAY_WE_CLOSE } from './call/words.ts';

/** How the daemon stops without cutting anybody off. */

/** What is needed of a call. */
export interface DrainedCall {
  readonly done: Promise<Termination>;
  dismiss(end: Termination, instructions: string, withinMs: number): Promise<Termination>;
}

export interface DrainOptions {
  /** The calls of the process. */
  readonly calls: Iterable<DrainedCall> & { readonly size: number };
  readonly clock: Clock;
  /** How long running calls may go on, ms. */
  readonly timeoutMs: number;
  /** Told that the time is up and how many calls are told goodbye. */
  readonly timeIsUp?: (calls: number) => void;
  /** Resolves when what is still made of calls that are over is made, or with `signal`. Must not reject. */
  readonly lastWork?: (signal: AbortSignal) => Promise<void>;
}

/** How long the agent's goodbye may take, what it is saying at the moment included, ms. */
const GOODBYE_MS = 12_000;
/** How long carriers may ask what comes next once the last call is over, ms: `/call-continue` must still be answered then. */
const LINGER_MS = 2_000;
/** How long what is still made of calls is waited for, ms, as long as the time is not up: a text model that does not answer is to hold up nothing. */
const LAST_WORK_MS = 30_000;

/**
 * Draining: from `begin` on no call is taken, those that run go on until their own end or until the time is up; then the agents say goodbye.
 * Cutting them short is the owner's: he ends the calls, and `begin` resolves.
 */
export class Drain {
  readonly #o: DrainOptions;
  #begun: Promise<void> | undefined;
  #draining = false;
  #timer: Timer | undefined;
  /** When the time is up, monotonic ms. */
  #until = Number.POSITIVE_INFINITY;
  /** Whether it is up, or nobody is left. */
  #over = false;
  /** Ends the wait for the last work. */
  readonly #cut = new AbortController();

  constructor(options: DrainOptions) {
    this.#o = options;
  }

  /** No new calls are taken any more. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Stops taking calls, and nothing else. */
  refuse(): void {
    this.#draining = true;
  }

  /**
   * Resolves when the last call has ended, its carrier had time to ask what comes next, and what is made of calls is made as far as the time goes. Begun twice it is the same, but for the time:
   * the shorter of both counts.
   */
  begin(withinMs = this.#o.timeoutMs): Promise<void> {
    if (this.#begun === undefined) this.#begun = this.#run(withinMs);
    else this.#limit(withinMs);
    return this.#begun;
  }

  /** The time is up no later than in so many ms from now. */
  #limit(ms: number): void {
    const { clock } = this.#o;
    const at = clock.now() + ms;
    if (at >= this.#until) return;
    this.#until = at;
    if (this.#over) {
      void clock.after(ms, () => this.#cut.abort());
      return;
    }
    this.#timer?.cancel();
    this.#timer = clock.after(ms, () => this.#dismissAll());
  }

  async #run(withinMs: number): Promise<void> {
    const { calls, clock } = this.#o;
    this.refuse();
    this.#limit(withinMs);
    const had = calls.size > 0;
    // A call that was being made when the draining began joins the others only after this look.
    while (calls.size > 0) await Promise.all([...calls].map((call) => call.done));
    this.#timer?.cancel();
    this.#over = true;
    await Promise.all([
      had ? new Promise<void>((resolve) => void clock.after(LINGER_MS, resolve)) : undefined,
      this.#lastWork(),
    ]);
  }

  async #lastWork(): Promise<void> {
    const { clock, lastWork } = this.#o;
    const leftMs = Math.min(this.#until - clock.now(), LAST_WORK_MS);
    if (lastWork === undefined || leftMs <= 0) return;
    const late = clock.after(leftMs, () => this.#cut.abort());
    await lastWork(this.#cut.signal);
    late.cancel();
  }

  #dismissAll(): void {
    const { calls, timeIsUp } = this.#o;
    this.#over = true;
    timeIsUp?.(calls.size);
    for (const call of calls) void call.dismiss(termination('drained'), SAY_WE_CLOSE, GOODBYE_MS);
  }
}
