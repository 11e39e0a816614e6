import type { Target } from '../agents/target.ts';
import type { Termination } from '../call/termination.ts';
import { CALL_STATUSES, type CallStatus, isFinal } from '../callers/phone/control/index.ts';
import type { CallOrder, CallView } from './calls-api-routes.ts';
import type { OutboundPlace } from './outbound-guard.ts';

/** What the agent of an ordered call needs to know. */
export interface OutboundPlan {
  /** Our id, given when the call was ordered. */
  readonly callId: string;
  readonly prompt?: string | undefined;
  /** The agent that answers, in place of the one of prompt and route. */
  readonly agent?: Target | undefined;
  readonly variables: Readonly<Record<string, string>>;
  /** Set: it is no call of its own. Who is called answers another, our id of which this is, as its agent; his media belong to the instance `at`. */
  readonly leg?: { readonly answers: string; readonly at: string | undefined };
}

/** What is done with an order by whoever places it: as a `Placer` has it. */
export interface PlacedBy {
  hangup(call: OutboundCall): Promise<void>;
  reported?(call: OutboundCall): void;
  forget?(call: OutboundCall): void;
}

/** A call to somebody who is to answer another call, as its agent. */
export interface DialledLeg {
  /** Our id of that call. */
  readonly answers: string;
  /** By which carrier; the first that calls there where left out. */
  readonly carrier?: string | undefined;
  /** Told of our id of it, before anything of it can come. Must not throw. */
  readonly begun: (id: string) => void;
  /** Told of every change. Must not throw. */
  readonly news: (call: Pick<OutboundCall, 'status' | 'answeredBy'>) => void;
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
  /** Whoever places it. */
  readonly placer: PlacedBy;
  readonly #agent: Target | undefined;
  readonly #leg: DialledLeg | undefined;
  readonly #at: string | undefined;
  carrierCallId: string | undefined;
  answeredBy: string | undefined;
  /** How the conversation ended. */
  end: Termination | undefined;
  endedAt: number | undefined;
  /** Whether the carrier came for instructions: there is a conversation. */
  claimed = false;
  reported = false;
  #status: CallStatus = 'queued';

  /** `agent`: the order's, as it was read. `leg`: where it is no call of its own. */
  constructor(init: {
    id: string;
    order: CallOrder;
    agent?: Target | undefined;
    leg?: DialledLeg | undefined;
    placer: PlacedBy;
    /** The instance that places it. */
    at?: string | undefined;
    from: string;
    place: OutboundPlace;
    createdAt: number;
  }) {
    this.id = init.id;
    this.order = init.order;
    this.placer = init.placer;
    this.#agent = init.agent;
    this.#leg = init.leg;
    this.#at = init.at;
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

  /** Set where it is no call of its own. */
  get leg(): DialledLeg | undefined {
    return this.#leg;
  }

  get plan(): OutboundPlan {
    const { prompt, variables = {} } = this.order;
    return {
      callId: this.id,
      prompt,
      variables,
      ...(this.#agent === undefined ? {} : { agent: this.#agent }),
      ...(this.#leg === undefined ? {} : { leg: { answers: this.#leg.answers, at: this.#at } }),
    };
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
