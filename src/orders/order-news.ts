import type { Termination } from '../call/termination.ts';
import type { CallStatus } from '../callers/phone/control/index.ts';
import type { Fleet, Owned } from '../fleet/fleet.ts';

/** News of an ordered call: somebody answered, how it fares at its far end, and how its conversation ended. */
export interface OrderNews {
  readonly callId: string;
  readonly claimed?: true;
  readonly status?: CallStatus;
  readonly answeredBy?: string;
  readonly end?: Termination;
}

/** How long the instance that placed the order may take, ms, and after which it is told again. */
const TELL_MS = 3_000;
const AGAIN_MS = [1_000, 5_000];

/**
 * Orders are followed and reported by the instance that placed them, and their carriers may come, and tell of them, anywhere. So each order has a name
 * by which its instance is found.
 */
export class OrdersElsewhere {
  readonly #fleet: Fleet;
  readonly #clock: { after(ms: number, fn: () => void): unknown };
  readonly #owned = new Map<string, Owned>();

  /** `take`: news of an order of this instance. Must not throw. */
  constructor(fleet: Fleet, clock: { after(ms: number, fn: () => void): unknown }, take: (news: OrderNews) => void) {
    this.#fleet = fleet;
    this.#clock = clock;
    if (fleet.isAlone) return;
    fleet.serve<OrderNews, void>('orders.news', async (news) => {
      // Its conversation is there: whoever asks for the call is to ask there.
      if (news.claimed) this.#owned.get(news.callId)?.leave({ kind: 'call', id: news.callId });
      take(news);
    });
  }

  /** An order was placed here. */
  placed(callId: string): void {
    if (!this.#fleet.isAlone) this.#owned.set(callId, this.#fleet.own(callId, [{ kind: 'order', id: callId }]));
  }

  /** It is over and was reported, or never was one. */
  over(callId: string): void {
    this.#owned.get(callId)?.release();
    this.#owned.delete(callId);
  }

  /** Tells whoever placed it, where that is another instance. Never throws. */
  tell(news: OrderNews): void {
    if (!this.#fleet.isAlone) void this.#tell(news, AGAIN_MS);
  }

  async #tell(news: OrderNews, [wait, ...rest]: readonly number[]): Promise<void> {
    const owner = await this.#fleet.ownerOf({ kind: 'order', id: news.callId });
    if (owner === undefined || !owner.reachable || owner.instance === this.#fleet.self) return;
    try {
      await this.#fleet.ask<OrderNews, void>(owner.instance, 'orders.news', news, { withinMs: TELL_MS });
    } catch {
      // News may come twice, and in any order.
      if (wait !== undefined) this.#clock.after(wait, () => void this.#tell(news, rest));
    }
  }
}
