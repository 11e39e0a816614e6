import { type Clock, delay } from '../call/clock.ts';
import { type AskOptions, type Handler, peerLate } from './fleet.ts';

/** What this process answers, by name. */
export class Handlers {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #handlers = new Map<string, Handler<unknown, unknown>>();

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  serve<Q, A>(name: string, handler: Handler<Q, A>): void {
    if (this.#handlers.has(name)) throw new Error(`questions of the name ${name} are answered already`);
    this.#handlers.set(name, handler as Handler<unknown, unknown>);
  }

  has(name: string): boolean {
    return this.#handlers.has(name);
  }

  /**
   * Answers a question of this process, or of another, as the handler does; rejects with PEER_LATE when that takes too long. The question and
   * the answer are copied as JSON is, so that nobody comes to rely on sharing an object.
   */
  async answer<A>(name: string, question: unknown, { withinMs }: AskOptions): Promise<A> {
    const handler = this.#handlers.get(name);
    if (handler === undefined) throw new Error(`nobody answers questions of the name ${name}`);
    const late = new AbortController();
    const answered = new AbortController();
    const deadline = delay(this.#clock, withinMs, answered.signal).then(() => {
      const error = peerLate(withinMs);
      late.abort(error);
      throw error;
    });
    try {
      return copyOf((await Promise.race([handler(copyOf(question), late.signal), deadline])) as A);
    } finally {
      deadline.catch(() => {});
      answered.abort();
    }
  }
}

function copyOf<T>(value: T): T {
  const text: string | undefined = JSON.stringify(value);
  return text === undefined ? (undefined as T) : (JSON.parse(text) as T);
}
