import type { CarrierCall } from '../call/carrier-call.ts';
import type { Party } from '../call/party.ts';
import type { CallStatus } from '../callers/phone/control/index.ts';
import type { ErrorAnswer } from '../http/api-error.ts';
import type { HostedRequest } from '../http/public-url.ts';
import type { CallOrder } from './calls-api-routes.ts';
import type { OutboundCall, OutboundPlan } from './outbound-call.ts';

/**
 * Whoever places ordered calls of one kind: a carrier those to telephone numbers. What all orders have in common (who may be called, how often, how
 * many at once, their keys, their reports) is not its business; how one rings, is answered and is taken back is.
 *
 * Everything here rejects with an ApiError where the order must not be placed, and with an error of the placer's own kind where its far end fails:
 * one that has `uncertain` set where the call may ring all the same.
 */
export interface Placer {
  /** The carrier that it places calls by, where there is one. */
  readonly carrier?: string | undefined;
  /** Whether it calls this destination, in its final form. */
  takes(to: string): boolean;
  /** Looks at an order before it counts anywhere. Throws as said above, where it cannot be placed as it is ordered. */
  prepare(order: CallOrder, request: HostedRequest): PreparedOrder;
  /** Ends a call that has no conversation yet. */
  hangup(call: OutboundCall): Promise<void>;
  /** Told once, before the first order: where the orders of this process are, and where their news goes. */
  join(orders: OwnOrders): void;
  /** The order behind a call that a carrier tells of, or wants instructions for. Never rejects. */
  find?(asked: CarrierCall, to: string): Promise<OutboundPlan | undefined>;
  /** What is told of an error of its own kind; undefined for any other. */
  told?(error: unknown): ErrorAnswer | undefined;
  /** An order is over and was reported. Must not throw. */
  reported?(call: OutboundCall): void;
  /** Nobody asks for this order any more, or it never was one. Must not throw. */
  forget?(call: OutboundCall): void;
}

/** An order that can be placed. */
export interface PreparedOrder {
  /** Both ends as parties: the choice of who answers goes by them. */
  readonly from: Party;
  readonly to: Party;
  /** What is called from, for people to read. */
  readonly shownFrom: string;
  /** Has it rung; resolves with the far end's id of the call, long before anybody answers. */
  dial(call: OutboundCall): Promise<string>;
}

/** The orders of this process, as a placer sees them. */
export interface OwnOrders {
  /** By our id. */
  readonly calls: ReadonlyMap<string, OutboundCall>;
  /** Those whose far end has not said yet which call that is. */
  readonly placing: ReadonlySet<Promise<unknown>>;
  /** Somebody answered, and his conversation begins. */
  answered(callId: string): void;
  /** How a call fares, as its far end tells. */
  news(callId: string, status: CallStatus): void;
}

/** Whether an order that failed may ring somebody all the same. */
export function mayRing(error: unknown): boolean {
  return error instanceof Error && 'uncertain' in error && error.uncertain === true;
}
