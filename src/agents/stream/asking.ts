import type { Clock, Timer } from '../../call/clock.ts';

/** An agent that was asked and says nothing is asked the next thing after so long, ms. */
const UNANSWERED_MS = 8_000;
/** Things to ask that wait; more nobody types. */
const MOST_WAITING = 32;

/** What the agent is asked beside what it hears, one thing at a time: each waits until the answer before it is over. */
export class Asking {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #isAnswering: () => boolean;
  readonly #waiting: Array<() => void> = [];
  #asked: Timer | undefined;

  constructor(clock: Pick<Clock, 'after'>, isAnswering: () => boolean) {
    this.#clock = clock;
    this.#isAnswering = isAnswering;
  }

  /** Whether something was asked that nothing has been answered to. */
  get waits(): boolean {
    return this.#asked !== undefined || this.#waiting.length > 0;
  }

  /** `send` asks; later, where an answer goes on or is being waited for. False where too much waits. */
  ask(send: () => void): boolean {
    if (this.#waiting.length >= MOST_WAITING) return false;
    this.#waiting.push(send);
    this.#next();
    return true;
  }

  answerStarted(): void {
    this.#asked?.cancel();
    this.#asked = undefined;
  }

  answerEnded(): void {
    this.#next();
  }

  close(): void {
    this.#waiting.length = 0;
    this.#asked?.cancel();
    this.#asked = undefined;
  }

  #next(): void {
    if (this.#asked !== undefined || this.#isAnswering()) return;
    const send = this.#waiting.shift();
    if (send === undefined) return;
    this.#asked = this.#clock.after(UNANSWERED_MS, () => {
      this.#asked = undefined;
      this.#next();
    });
    send();
  }
}
