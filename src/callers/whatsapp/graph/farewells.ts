import { type Clock, delay } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import type { GraphClient } from './client.ts';
import { GraphError } from './errors.ts';

/**
 * Tells Meta of calls that are over here, until it knows: a call that Meta is not told of stays open on the user's phone, and an RTCP BYE is no
 * hang-up to it. Nothing waits for this but the end of the process: the call's place, its peer and the model's session are free by then.
 */

/** What ends a call at Meta: `reject` one that was not accepted, `terminate` any other. */
export type Farewell = 'reject' | 'terminate';

export interface FarewellsOptions {
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
  /** Told of each call of which Meta could not be told. */
  readonly lost?: (() => void) | undefined;
  /** 0 to 1: spreads the repetitions of many calls that failed together. */
  readonly random?: (() => number) | undefined;
}

/** Wait before the second try, doubled for each further one, and the longest, ms. */
const BASE_MS = 500;
const MOST_MS = 15_000;
/** How long it is tried, ms: by then WhatsApp has ended a call without media long since. */
const GIVE_UP_MS = 600_000;
/** While the process stops there is no time to wait. */
const CLOSING_WAIT_MS = 300;
/** How long that may take, ms: less than each part of the daemon has for its end. */
const CLOSING_MS = 4_000;
/** Calls of which Meta is told at once; the others wait, so that a Graph API that comes back is not met by all. */
const AT_ONCE = 20;

export class Farewells {
  readonly #o: FarewellsOptions;
  readonly #waiting = new Map<string, { readonly told: Promise<void>; readonly known: AbortController }>();
  readonly #closing = new AbortController();
  readonly #tooLate = new AbortController();
  #running = 0;
  readonly #queue: Array<() => void> = [];

  constructor(options: FarewellsOptions) {
    this.#o = options;
  }

  /** Calls of which Meta is still to be told. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Tells Meta that the call is over; once for each call. `callId` is ours, for the log. Never throws. */
  send(client: Pick<GraphClient, Farewell>, how: Farewell, metaId: string, callId: string | undefined): void {
    if (this.#waiting.has(metaId)) return;
    const known = new AbortController();
    const told = this.#tell(client, how, metaId, callId, known.signal).finally(() => this.#waiting.delete(metaId));
    this.#waiting.set(metaId, { told, known });
  }

  /** Meta itself tells that this call is over: it need not be told any more. */
  known(metaId: string): void {
    this.#waiting.get(metaId)?.known.abort();
  }

  /** Those that wait are tried without further waiting; what has not worked by then is given up. Never rejects. */
  async close(withinMs = CLOSING_MS): Promise<void> {
    this.#closing.abort();
    if (this.#waiting.size === 0) return;
    const late = this.#o.clock.after(withinMs, () => this.#tooLate.abort());
    await Promise.all([...this.#waiting.values()].map(({ told }) => told));
    late.cancel();
  }

  async #tell(
    client: Pick<GraphClient, Farewell>,
    how: Farewell,
    metaId: string,
    callId: string | undefined,
    known: AbortSignal,
  ): Promise<void> {
    const { clock, log, lost } = this.#o;
    const about = { callId, action: how };
    const since = clock.now();
    for (let tries = 1; ; tries++) {
      const failure = await this.#once(client, how, metaId);
      if (failure === undefined) {
        log.info({ ...about, tries }, 'Meta was told that the call is over');
        return;
      }
      const { code, graphCode, status, traceId, message: detail } = failure;
      const fields = { ...about, tries, code, graphCode, status, traceId, detail };
      if (!failure.retryable) {
        // It knows already, or will not know by being told again.
        log.warn(fields, 'Meta does not take the news that the call is over');
        return;
      }
      const waitMs = this.#waitMs(tries, failure.retryAfterMs);
      if (this.#tooLate.signal.aborted || clock.now() - since + waitMs > GIVE_UP_MS) {
        lost?.();
        log.error(fields, 'Meta could not be told that the call is over');
        return;
      }
      if (tries === 1)
        log.warn({ ...fields, waitMs: Math.round(waitMs) }, 'Meta could not be told yet that the call is over');
      await this.#pause(waitMs, known);
      if (known.aborted) return;
    }
  }

  async #once(client: Pick<GraphClient, Farewell>, how: Farewell, metaId: string): Promise<GraphError | undefined> {
    await this.#place();
    try {
      const call = { tries: 1, signal: this.#tooLate.signal };
      await (how === 'reject' ? client.reject(metaId, call) : client.terminate(metaId, call));
      return undefined;
    } catch (error) {
      if (!(error instanceof GraphError))
        return new GraphError('GRAPH_PROTOCOL', 'the request could not be made', { cause: error });
      // Given up because the process ends: that is no answer of Meta's.
      return error.code === 'GRAPH_ABORTED' ? new GraphError('GRAPH_TIMEOUT', error.message) : error;
    } finally {
      this.#running--;
      this.#queue.shift()?.();
    }
  }

  /** Resolves when fewer than so many are told at the moment. */
  async #place(): Promise<void> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => void this.#queue.push(resolve));
    this.#running++;
  }

  #waitMs(tries: number, asked: number | undefined): number {
    if (this.#closing.signal.aborted) return CLOSING_WAIT_MS;
    const { random = Math.random } = this.#o;
    return asked ?? Math.min(MOST_MS, BASE_MS * 2 ** (tries - 1)) * (0.5 + random() / 2);
  }

  /** Waits, no longer than until Meta knows, or until the process is to end; then for a moment. */
  async #pause(ms: number, known: AbortSignal): Promise<void> {
    const end = this.#closing.signal.aborted ? this.#tooLate : this.#closing;
    await delay(this.#o.clock, ms, AbortSignal.any([end.signal, known])).catch(() => {});
  }
}
