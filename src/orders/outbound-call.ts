import type { Termination } from '../call/termination.ts';
import { CALL_STATUSES, type CallStatus, isFinal } from '../callers/phone/control/index.ts';
import type { CallOrder, CallView } from './calls-api-routes.ts';
import type { OutboundPlace } from './outbound-guard.ts';

/** What the agent of an ordered call needs to know. */
export interface OutboundPlan {
  /** Our id, given when the call was ordered. */
  readonly callId: string;
  readonly prompt?: string | undefined;
  readonly variables: Readonly<Record<string, string>>;
}

const RANK = new Map<CallStatus, number>(CALL_STATUSES.map((status, index) => [status, isFinal(status) ? 99 : index]));

/** One call that was ordered, from the order to some time after its end. */
export class OutboundCall {
  readonly id: string;
  readonly order: CallOrder;
  readonly place: OutboundPlace;
  /** Wall time, ms. */
  readonly createdAt: number;
  readonly from: string;
  carrierCallId: string | undefined;
  answeredBy: string | undefined;
  /** How the conversation ended. */
  end: Termination | undefined;
  endedAt: number | undefined;
  /** Whether the carrier came for instructions: there is a conversation. */
  claimed = false;
  reported = false;
  #status: CallStatus = 'queued';

  constructor(init: { id: string; order: CallOrder; from: string; place: OutboundPlace; createdAt: number }) {
    this.id = init.id;
    this.order = init.order;
    this.from = init.from;
    this.place = init.place;
    this.createdAt = init.createdAt;
  }

  get status(): CallStatus {
    return this.#status;
  }

  get isOver(): boolean {
    return isFinal(this.#status);
  }

  get plan(): OutboundPlan {
    return { callId: this.id, prompt: this.order.prompt, variables: this.order.variables ?? {} };
  }

  /** News of the carrier, which may come late and in any order: a call never goes back. True when this ended it. */
  become(status: CallStatus, wall: number): boolean {
    if (this.isOver || (RANK.get(status) ?? 0) <= (RANK.get(this.#status) ?? 0)) return false;
    this.#status = status;
    if (!this.isOver) return false;
    this.endedAt = wall;
    this.place.release();
    return true;
  }

  view(): CallView {
    const { id, carrierCallId, answeredBy, endedAt, end, from } = this;
    const { prompt } = this.order;
    return {
      id,
      ...(carrierCallId === undefined ? {} : { carrierCallId }),
      direction: 'outbound',
      status: this.#status,
      from,
      to: this.place.number,
      ...(prompt === undefined ? {} : { prompt }),
      createdAt: new Date(this.createdAt).toISOString(),
      ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt).toISOString() }),
      ...(answeredBy === undefined ? {} : { answeredBy }),
      ...(end === undefined ? {} : { end: { result: end.result, reason: end.reason } }),
    };
  }
}
