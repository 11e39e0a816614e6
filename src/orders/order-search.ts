import { type CarrierAccount, type CarrierCall, isSameAccount } from '../call/carrier-call.ts';
import { type Clock, delay } from '../call/clock.ts';
import type { OrderMemory } from './order-memory.ts';
import type { OutboundCall, OutboundPlan } from './outbound-call.ts';

/** Finds the order that a carrier means when it comes for a call, whichever process placed it. */

export interface OrderSearchOptions {
  /** Where all orders are placed. */
  readonly account: CarrierAccount;
  readonly memory: OrderMemory;
  readonly clock: Clock;
  /** The orders of this process, by our id. */
  readonly calls: ReadonlyMap<string, OutboundCall>;
  /** Those of them whose carrier has not said yet which call that is. */
  readonly placing: ReadonlySet<Promise<unknown>>;
}

/** How long a webhook waits for the answer to the request that caused it, ms. */
const CLAIM_WAIT_MS = 3_000;
/** How often it looks whether another process has that answer, ms. */
const CLAIM_LOOK_MS = 100;

export class OrderSearch {
  readonly #o: OrderSearchOptions;

  constructor(options: OrderSearchOptions) {
    this.#o = options;
  }

  /**
   * The order behind the carrier's call. News of a call can overtake the answer that names it, which is then waited for; and an answer that
   * was lost is made up for by the number that was called. Where the memory fails, orders of this process are found all the same. Never rejects.
   */
  async find(asked: CarrierCall, to: string): Promise<OutboundPlan | undefined> {
    if (!isSameAccount(this.#o.account, asked)) return undefined;
    const known = await this.#known(asked);
    if (known !== undefined) return known;
    if (this.#o.placing.size > 0) await this.#placed();
    return (await this.#known(asked)) ?? (await this.#namedElsewhere(asked, to)) ?? this.#byNumber(asked, to);
  }

  /** Whose call the carrier has said it is. */
  async #known(asked: CarrierCall): Promise<OutboundPlan | undefined> {
    const plan = await this.#o.memory.find(asked).catch(() => undefined);
    return plan ?? this.#own(({ carrierCallId }) => carrierCallId === asked.carrierCallId)?.plan;
  }

  #own(which: (call: OutboundCall) => boolean): OutboundCall | undefined {
    for (const call of this.#o.calls.values()) if (which(call)) return call;
    return undefined;
  }

  /** Waits until the carrier has answered all orders of this process, no longer than 3 s. */
  async #placed(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#o.clock.after(CLAIM_WAIT_MS, resolve);
      void Promise.allSettled(this.#o.placing).then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Where another process dials this number, waits for it to learn which call that is, no longer than 3 s. */
  async #namedElsewhere(asked: CarrierCall, to: string): Promise<OutboundPlan | undefined> {
    for (let waited = 0; waited < CLAIM_WAIT_MS; waited += CLAIM_LOOK_MS) {
      const unnamed = await this.#o.memory.unnamed(to).catch(() => []);
      if (unnamed.every(({ callId }) => this.#o.calls.has(callId))) return undefined;
      await delay(this.#o.clock, CLAIM_LOOK_MS);
      const known = await this.#known(asked);
      if (known !== undefined) return known;
    }
    return undefined;
  }

  /** The carrier's answer was lost: the number tells which order it is. */
  async #byNumber(asked: CarrierCall, to: string): Promise<OutboundPlan | undefined> {
    const { carrierCallId } = asked;
    try {
      const plan = await this.#o.memory.findByNumber(asked, to);
      const call = this.#o.calls.get(plan?.callId ?? '');
      if (call !== undefined) call.carrierCallId ??= carrierCallId;
      return plan;
    } catch {
      const call = this.#own((one) => one.carrierCallId === undefined && !one.isOver && one.place.number === to);
      if (call !== undefined) call.carrierCallId = carrierCallId;
      return call?.plan;
    }
  }
}
