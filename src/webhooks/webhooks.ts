import { randomUUID } from 'node:crypto';
import { type Clock, delay } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import type { PriceList } from '../records/costs.ts';
import type { RecordedEvent, RecordSink } from '../records/event.ts';
import { undici } from '../transport/undici.ts';
import type { Delivery, WebhookEvent } from './delivery.ts';
import { Destination, type Outcome } from './destination.ts';
import { type Left, WebhookJournal } from './journal.ts';
import { Payloads } from './payloads.ts';

export interface WebhooksOptions {
  readonly urls: readonly string[];
  readonly secret: string | undefined;
  readonly events: readonly WebhookEvent[];
  readonly attempts: number;
  readonly queue: number;
  /** Where what is not delivered outlives the process: a file of this process alone. */
  readonly journal: string;
  /** Files that processes left which are gone, and which nobody else takes meanwhile; asked at the start and now and then. Left out: there are no others. Must not throw. */
  readonly left?: (() => readonly LeftJournal[]) | undefined;
  readonly prices: PriceList;
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly count: (event: WebhookEvent, outcome: Outcome) => void;
}

/** What a process that is gone had not delivered. */
export interface LeftJournal {
  readonly path: string;
  /** `taken`: it is delivered by this process, and the file may go. */
  release(taken: boolean): void;
}

/** How often it is looked for what others left, ms. */
const LOOK_MS = 60_000;
/** How long the end of the process waits for what is being delivered, ms. */
const CLOSE_MS = 3_000;
/** A disk that cannot be written is told of once in this time, ms. */
const COMPLAIN_MS = 60_000;

/** Tells the outside what happens: each destination has a queue of its own, and no call waits for any of them. */
export class Webhooks implements RecordSink {
  readonly #o: WebhooksOptions;
  readonly #payloads: Payloads;
  readonly #journal: WebhookJournal;
  readonly #destinations: readonly Destination[];
  readonly #closing = new AbortController();
  readonly #closed = new AbortController();
  readonly #dispatcher = new (undici().Agent)({ connections: 2 });
  #complainedAt = Number.NEGATIVE_INFINITY;

  constructor(options: WebhooksOptions) {
    const { urls, secret, events, attempts, queue, prices, instance, clock, log, count } = options;
    this.#o = options;
    this.#payloads = new Payloads({ wanted: events, prices, instance });
    this.#journal = new WebhookJournal(options.journal, (err) => this.#complain(err));
    this.#destinations = urls.map(
      (url) =>
        new Destination({
          url,
          secret,
          attempts,
          queue,
          clock,
          log,
          count,
          dispatcher: this.#dispatcher,
          signal: this.#closed.signal,
          random: Math.random,
          done: (id) => this.#journal.done(url, id),
        }),
    );
  }

  /** Takes up what processes before did not deliver. */
  async open(): Promise<void> {
    const { urls, left } = this.#o;
    this.#take(await this.#journal.open(urls));
    if (left === undefined) return;
    await this.#takeLeft(left);
    void this.#look(left).catch(() => {});
  }

  async #look(left: NonNullable<WebhooksOptions['left']>): Promise<void> {
    for (;;) {
      await delay(this.#o.clock, LOOK_MS, this.#closing.signal);
      await this.#takeLeft(left);
    }
  }

  async #takeLeft(left: NonNullable<WebhooksOptions['left']>): Promise<void> {
    for (const file of left()) {
      try {
        // Who is about to end takes nothing over any more.
        const taken = this.#closing.signal.aborted ? undefined : await this.#journal.take(file.path, this.#o.urls);
        file.release(taken !== undefined);
        if (taken !== undefined) this.#take(taken);
      } catch (err) {
        file.release(false);
        this.#complain(err);
      }
    }
  }

  #take({ waiting, forgotten }: Left): void {
    const { log } = this.#o;
    if (forgotten > 0) log.warn({ forgotten }, 'webhooks of addresses that are no longer set are given up');
    for (const destination of this.#destinations) {
      const deliveries = waiting.get(destination.url) ?? [];
      if (deliveries.length > 0)
        log.info(
          { host: new URL(destination.url).host, webhooks: deliveries.length },
          'webhooks were left undelivered',
        );
      for (const delivery of deliveries) destination.add(delivery);
    }
  }

  /** Deliveries that wait, over all destinations. */
  get waiting(): number {
    return this.#destinations.reduce((sum, { size }) => sum + size, 0);
  }

  onRecord(event: RecordedEvent): void {
    this.#deliver(this.#payloads.of(event));
  }

  /** Tells of something that is no call's. */
  notice(name: WebhookEvent, data: object): void {
    this.#deliver(this.#payloads.notice(name, randomUUID(), this.#o.clock.wall(), data));
  }

  #deliver(delivery: Delivery | undefined): void {
    if (delivery === undefined) return;
    for (const destination of this.#destinations) {
      this.#journal.add(destination.url, delivery);
      destination.add(delivery);
    }
  }

  /** Tells nobody of these calls any more. Rejects when they may be left on the disk. */
  async forget(callIds: readonly string[]): Promise<void> {
    const calls = new Set(callIds);
    let found = false;
    const isOne = ({ body }: Delivery): boolean => {
      const { data } = JSON.parse(body) as { data: { callId?: string } };
      const is = calls.has(data.callId ?? '');
      found ||= is;
      return is;
    };
    for (const destination of this.#destinations) destination.forget(isOne);
    if (found) await this.#journal.clean();
  }

  /** Waits a while for what is being delivered; the rest stays on disk for another process. Resolves to how much that is. Never rejects. */
  async close(): Promise<number> {
    const { clock, log } = this.#o;
    const enough = new AbortController();
    this.#closing.abort();
    const idle = Promise.all(this.#destinations.map((destination) => destination.idle));
    await Promise.race([idle, delay(clock, CLOSE_MS, enough.signal).catch(() => {})]);
    enough.abort();
    this.#closed.abort(new Error('closed'));
    await idle;
    if (this.waiting > 0) log.info({ webhooks: this.waiting }, 'webhooks are kept for another process');
    await this.#journal.close();
    await this.#dispatcher.destroy();
    return this.#journal.size;
  }

  #complain(err: unknown): void {
    const now = this.#o.clock.now();
    if (now - this.#complainedAt < COMPLAIN_MS) return;
    this.#complainedAt = now;
    this.#o.log.error({ err }, 'undelivered webhooks cannot be written to disk; a restart would forget them');
  }
}
