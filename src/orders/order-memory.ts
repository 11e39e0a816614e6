import { type CarrierAccount, type CarrierCall, carrierCallKey } from '../call/carrier-call.ts';
import { changeEntry } from '../memory/change.ts';
import type { MemorySpace, ProcessMemory } from '../memory/memory.ts';
import type { OutboundPlan } from './outbound-call.ts';

/**
 * What any process must know of an ordered call when its carrier comes for instructions: its plan, by the carrier's id of the call, and until
 * the carrier has told that id, by the number that is dialled. Where this cannot be written down, the process that placed the call still knows
 * it by itself; what rejects here says so.
 */

/** Longer than any conversation may last, ms. */
const KEEP_MS = 25 * 3_600_000;
const MOST = 10_000;

interface Dialled {
  readonly plan: OutboundPlan;
  /** The carrier's call that it is, once that is known or taken for known. */
  readonly call?: string;
}

type To = (orders: readonly Dialled[]) => readonly Dialled[];

/** Changes of one number's orders that are made in one step. */
interface Turn {
  /** Undefined once they are being made. */
  changes: To[] | undefined;
  readonly made: Promise<readonly Dialled[]>;
}

export class OrderMemory {
  readonly #account: CarrierAccount;
  readonly #named: MemorySpace<OutboundPlan>;
  /** Orders by number, the oldest first: whose call is whose is decided here, in one entry. */
  readonly #dialled: MemorySpace<readonly Dialled[]>;
  /** The last turn of each number whose orders are being changed. */
  readonly #turns = new Map<string, Turn>();

  /** `account`: where all orders are placed. */
  constructor(memory: ProcessMemory, account: CarrierAccount) {
    this.#account = account;
    this.#named = memory.space({ name: 'orders', most: MOST });
    this.#dialled = memory.space({ name: 'orders-dialled', most: MOST });
  }

  /** The carrier is about to be asked to dial `number`. Never rejects. */
  async dial(number: string, plan: OutboundPlan): Promise<void> {
    await this.#change(number, (orders) => [...orders, { plan }]).catch(() => {});
  }

  /** The carrier has said which of its calls that is. Never rejects. */
  async name(carrierCallId: string, number: string, plan: OutboundPlan): Promise<void> {
    const call = this.#keyOf(carrierCallId);
    try {
      await this.#named.put(call, plan, KEEP_MS);
      await this.#change(number, (orders) =>
        orders.map((order) => (order.plan.callId === plan.callId ? { plan, call } : order)),
      );
    } catch {
      // Whoever placed it knows it all the same.
    }
  }

  /** The order behind the carrier's call. */
  find(call: CarrierCall): Promise<OutboundPlan | undefined> {
    return this.#named.get(carrierCallKey(call));
  }

  /** Orders of which the carrier has not said yet, as far as is known, which of its calls to this number they are. */
  async unnamed(number: string): Promise<readonly OutboundPlan[]> {
    const orders = (await this.#dialled.get(this.#keyOf(number))) ?? [];
    return orders.flatMap(({ plan, call }) => (call === undefined ? [plan] : []));
  }

  /**
   * The carrier's answer was lost: takes its call to `number` for the oldest order that has none. Of several calls that come at once, each has
   * an order of its own, and of several who ask for one call all get the same.
   */
  async findByNumber(asked: CarrierCall, number: string): Promise<OutboundPlan | undefined> {
    const call = carrierCallKey(asked);
    const orders = await this.#change(number, (now) => {
      const free = now.findIndex((order) => order.call === undefined);
      if (free < 0 || now.some((order) => order.call === call)) return now;
      return now.map((order, index) => (index === free ? { ...order, call } : order));
    });
    const plan = orders.find((order) => order.call === call)?.plan;
    if (plan !== undefined) await this.#named.put(call, plan, KEEP_MS).catch(() => {});
    return plan;
  }

  /** The order has no call any more for which a carrier could come. Never rejects. */
  async forget(carrierCallId: string | undefined, number: string, plan: OutboundPlan): Promise<void> {
    await Promise.allSettled([
      carrierCallId === undefined ? undefined : this.#named.delete(this.#keyOf(carrierCallId)),
      this.#change(number, (orders) => orders.filter((order) => order.plan.callId !== plan.callId)),
    ]);
  }

  /**
   * What the orders to a number become; an answer of the same changes nothing. What comes while others change them waits, and is done with all else
   * that waits: many orders of this process to one number are in nobody's way but other processes'.
   */
  #change(number: string, to: To): Promise<readonly Dialled[]> {
    const key = this.#keyOf(number);
    const last = this.#turns.get(key);
    if (last?.changes !== undefined) {
      last.changes.push(to);
      return last.made;
    }
    const changes = [to];
    const made = this.#after(last).then(() => {
      turn.changes = undefined;
      return this.#make(key, changes);
    });
    const turn: Turn = {
      changes,
      made: made.finally(() => {
        if (this.#turns.get(key) === turn) this.#turns.delete(key);
      }),
    };
    this.#turns.set(key, turn);
    return turn.made;
  }

  async #after(turn: Turn | undefined): Promise<void> {
    await turn?.made.catch(() => {});
  }

  async #make(key: string, changes: readonly To[]): Promise<readonly Dialled[]> {
    const orders = await changeEntry(this.#dialled, key, (now = []) => {
      const value = changes.reduce((all, to) => to(all), now);
      if (value.length === 0) return 'forget';
      return JSON.stringify(value) === JSON.stringify(now) ? undefined : { value, ttlMs: KEEP_MS };
    });
    return orders ?? [];
  }

  #keyOf(id: string): string {
    return carrierCallKey({ ...this.#account, carrierCallId: id });
  }
}
