import type { Dispatcher } from 'undici';
import type { Clock } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import type { Delivery, WebhookEvent } from './delivery.ts';
import { persist, postSigned } from './post.ts';

/** What became of a delivery, or of a try of it, from a closed set: a metric label. */
export const OUTCOMES = ['delivered', 'retried', 'refused', 'exhausted', 'dropped'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface DestinationOptions {
  readonly url: string;
  readonly secret: string | undefined;
  /** Most tries of a delivery. */
  readonly attempts: number;
  /** Most deliveries that wait. */
  readonly queue: number;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn' | 'info'>;
  readonly dispatcher?: Dispatcher | undefined;
  readonly signal: AbortSignal;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Told of each delivery that is over, whatever became of it. */
  readonly done: (id: string) => void;
  readonly count: (event: WebhookEvent, outcome: Outcome) => void;
}

/** Limit of one try, ms. */
const TIMEOUT_MS = 10_000;
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 2 * 3_600_000;
/** What is older is of no use to anybody, ms. */
const LONGEST_MS = 24 * 3_600_000;
/** Answers that are about this very body: it will be refused again, and what waits behind it must not suffer for it. */
const FINAL = new Set([400, 405, 406, 410, 411, 413, 414, 415, 422]);

/** The wait after the n-th try in vain, ms: doubled each time, and half of it by chance, so that receivers are not called all at once. */
export function backOffMs(tries: number, random: number): number {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1));
  return wait / 2 + (wait / 2) * random;
}

/**
 * The deliveries to one address, one after the other in the order in which they came: the end of a call is never told before its beginning.
 * One that fails holds those behind it until it is delivered or given up.
 */
export class Destination {
  readonly url: string;
  readonly #o: DestinationOptions;
  #queue: Delivery[] = [];
  /** Breaks off what is being sent. */
  #unwanted = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: DestinationOptions) {
    this.url = options.url;
    this.#o = options;
  }

  /** Deliveries that wait, the one being sent included. */
  get size(): number {
    return this.#queue.length;
  }

  /** Resolves when nothing waits any more, or all was broken off. Never rejects. */
  get idle(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  add(delivery: Delivery): void {
    const { queue, log, count, done } = this.#o;
    this.#queue.push(delivery);
    if (this.#queue.length > queue) {
      // The first is being sent; the one behind it is the oldest, and nearest to being given up.
      const [dropped] = this.#queue.splice(1, 1);
      if (dropped !== undefined) {
        count(dropped.event, 'dropped');
        done(dropped.id);
        log.warn({ host: this.#host, event: dropped.event }, 'too many webhooks wait: the oldest is dropped');
      }
    }
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Gives up what waits and is one of these; the one that is being sent is broken off. */
  forget(isOne: (delivery: Delivery) => boolean): void {
    const { count, done } = this.#o;
    const [first, ...waiting] = this.#queue;
    if (first === undefined) return;
    this.#queue = [first, ...waiting.filter((delivery) => !isOne(delivery))];
    for (const { event, id } of waiting.filter(isOne)) {
      count(event, 'dropped');
      done(id);
    }
    if (!isOne(first)) return;
    done(first.id);
    this.#unwanted.abort(new Error('it is not to be told any more'));
  }

  get #host(): string {
    return new URL(this.url).host;
  }

  async #run(): Promise<void> {
    const { log, count, done, signal } = this.#o;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      this.#unwanted = new AbortController();
      try {
        const delivered = await this.#deliver(next, AbortSignal.any([signal, this.#unwanted.signal]));
        count(next.event, delivered.outcome);
        if (delivered.outcome !== 'delivered')
          log.warn(
            { host: this.#host, event: next.event, webhookId: next.id, outcome: delivered.outcome, why: delivered.why },
            'a webhook could not be delivered',
          );
      } catch (err) {
        if (signal.aborted) return;
        if (this.#unwanted.signal.aborted) count(next.event, 'dropped');
        else {
          // Not foreseen; it must not stop those behind it.
          count(next.event, 'refused');
          log.warn({ host: this.#host, event: next.event, err }, 'a webhook could not be sent');
        }
      }
      this.#queue.shift();
      done(next.id);
    }
  }

  #deliver({ id, event, at, body }: Delivery, signal: AbortSignal) {
    const { url, secret, clock, dispatcher, attempts, random, count, log } = this.#o;
    return persist({
      clock,
      signal,
      post: () => postSigned({ url, id, body, secret, timeoutMs: TIMEOUT_MS, dispatcher, clock, signal }),
      waitMs: (tries) => {
        const wait = backOffMs(tries, random());
        return tries >= attempts || clock.wall() + wait - at > LONGEST_MS ? undefined : wait;
      },
      isFinal: (status) => FINAL.has(status),
      retrying: (why) => {
        count(event, 'retried');
        log.info({ host: this.#host, event, webhookId: id, why }, 'a webhook is tried again');
      },
    });
  }
}
