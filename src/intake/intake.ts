import { randomUUID } from 'node:crypto';
import type { Admission, Admitted, Place, RefusalReason } from '../admission/admission.ts';
import type { Calls } from '../call/calls.ts';
import type { CallInfo } from '../call/info.ts';
import type { AgentLeg } from '../call/leg.ts';
import type { Termination } from '../call/termination.ts';
import type { Assignment, CallFacts, Dispatch, Overrides } from '../dispatch.ts';
import type { Continued, FleetLimits, FleetPlace, FleetRefusal } from './fleet-limits.ts';
import type { Strangers, StrangersShare } from './strangers.ts';

/**
 * The one way in for calls, whoever brings them. Each kind of caller takes the steps when it can: a phone all of them at its webhook, a page the
 * last when it is reached, a call that we place when it is answered. A refusal is a reason; what is answered to it is the caller kind's own matter.
 */

export type Refused = Extract<Admitted, { readonly ok: false }>;
/** A call of this process. */
export type MadeCall = ReturnType<Calls['create']>;

/** One of whom nothing is known but an address: he has a part of what strangers of his kind may have together. */
export interface Stranger {
  readonly address: string;
  readonly among: Strangers;
}

/** What is known of somebody who wants to be let in. */
export interface Offer {
  readonly carrier?: CallFacts['carrier'] | undefined;
  readonly from?: CallFacts['from'] | undefined;
  readonly to?: CallFacts['to'];
  /** Left out: it is a call as any caller's. */
  readonly stranger?: Stranger | undefined;
  /** He was refused before, and still waits: he is told of once. */
  readonly again?: boolean | undefined;
}

/** Somebody who was not taken. */
export interface RefusedOffer extends Omit<Offer, 'stranger' | 'again'> {
  readonly reason: RefusalReason;
}

/** What the caller kind knows of its call, for its record; the rest is decided here. */
export type CallerInfo = Pick<
  CallInfo,
  | 'accountId'
  | 'carrierCallId'
  | 'from'
  | 'to'
  | 'callerKind'
  | 'fromWrapped'
  | 'conversationId'
  | 'takenFrom'
  | 'tenantId'
  | 'continues'
>;

/** The first line in a call's log; route and prompt are added to its fields. */
export interface FirstLine {
  readonly message: string;
  readonly fields: object;
}

export interface IntakeDeps {
  readonly calls: Pick<Calls, 'create' | 'turnedAway'>;
  readonly dispatch: Pick<Dispatch, 'assign'>;
  readonly admission: Pick<
    Admission,
    'admitCaller' | 'admitStranger' | 'takeOver' | 'admitModel' | 'foresee' | 'refuse'
  >;
  /** What holds over all instances; left out: nothing does. */
  readonly fleet?: Pick<FleetLimits, 'take'>;
  /** Told of each caller who is not taken, once. Must not throw. */
  readonly refused?: ((offer: RefusedOffer) => void) | undefined;
}

export class Intake {
  readonly #deps: IntakeDeps;

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  /**
   * Asked once for each new call, before anything is made for it. Whoever gets an arrival must `free` it when he is through with it, whatever came
   * of it.
   */
  admit(offer: Offer = {}): { readonly ok: true; readonly arrival: Arrival } | Refused {
    const admitted = this.#admit(offer);
    if (!admitted.ok && offer.again !== true) this.#deps.refused?.(refusedOffer(offer, admitted.reason));
    return admitted;
  }

  #admit({ stranger }: Offer): { readonly ok: true; readonly arrival: Arrival } | Refused {
    const { admission } = this.#deps;
    const share = stranger?.among.take(stranger.address);
    if (typeof share === 'string') return admission.refuse(share);
    const admitted = share === undefined ? admission.admitCaller() : admission.admitStranger();
    if (admitted.ok) return { ok: true, arrival: new Arrival(this.#deps, admitted.place, share) };
    share?.connected();
    share?.over();
    return admitted;
  }

  /**
   * Of a call that another instance admitted and whose caller has come to this one: it is refused for no limit any more. `from`: our id of it there, where it
   * gets another one here. To be freed as any.
   */
  takeOver(from?: string): Arrival {
    return new Arrival(this.#deps, this.#deps.admission.takeOver(), undefined, { from });
  }

  /** Keeps the record of a call that was not taken, for a kind of caller each of whose calls leaves one. Returns our id of it. */
  turnAway(
    { direction, carrier }: Pick<CallFacts, 'direction' | 'carrier'>,
    info: CallerInfo,
    end: Termination,
  ): string {
    const id = randomUUID();
    this.#deps.calls.turnedAway({ id, direction, carrier, ...info }, end);
    return id;
  }
}

const refusedOffer = ({ carrier, from, to }: Offer, reason: RefusalReason): RefusedOffer => ({
  reason,
  carrier,
  from,
  to,
});

/** A call that was admitted, and its place. */
export class Arrival {
  /** Our id of the call, where it does not get another when it is assigned. */
  readonly id = randomUUID();
  readonly #deps: IntakeDeps;
  readonly #place: Place;
  readonly #share: StrangersShare | undefined;
  readonly #continued: Continued | undefined;
  /** Its places among the calls of all instances, or for what it is refused one. */
  #everywhere: FleetPlace | FleetRefusal | undefined;
  #freed = false;
  #begun = false;
  #running = false;
  /** It goes on at another instance. */
  #moved = false;

  /** The intake makes it. */
  constructor(deps: IntakeDeps, place: Place, share: StrangersShare | undefined, continued?: Continued) {
    this.#deps = deps;
    this.#place = place;
    this.#share = share;
    this.#continued = continued;
  }

  /** Decides who answers; nothing is started yet. Rejects with what `Dispatch.assign` rejects with. */
  async assign(facts: CallFacts, overrides?: Overrides, id: string = this.id): Promise<Assigned> {
    const { dispatch, admission, fleet } = this.#deps;
    const [assigned, place] = await Promise.allSettled([
      dispatch.assign(facts, id, overrides),
      fleet?.take(id, facts, this.#continued),
    ]);
    if (place.status === 'fulfilled') this.#everywhere = place.value;
    if (this.#freed) this.#giveBack();
    if (assigned.status === 'rejected') throw assigned.reason;
    const assignment = assigned.value;
    const { agent, report } = assignment;
    return {
      ignored: assignment.ignored ?? [],
      sources: { path: agent.path?.bind(agent), report },
      foresee: () => this.#told(facts, this.#refusal() ?? admission.foresee(assignment.model)),
      begin: (info, first) => this.#told(facts, this.#begin({ id, facts, assignment, info, first })),
    };
  }

  /** Its connection is up: of those that wait for theirs it is none any more. */
  connected(): void {
    this.#share?.connected();
  }

  /** Whoever brought it is through with it. The place is given back now, or as soon as the call is over that it became. */
  free(): void {
    this.#freed = true;
    this.#giveBack();
  }

  #begin({ id, facts, assignment, info, first }: Beginning): Begun {
    if (this.#freed || this.#begun) throw new Error('an arrival becomes one call, and none once it was freed');
    const { admission, calls } = this.#deps;
    const refused = this.#refusal();
    if (refused !== undefined) return refused;
    // Asked again, since minutes may have gone by: nothing was started yet that would have to end before the process can.
    const room = this.#place.begin();
    const admitted = room.ok ? admission.admitModel(assignment.model) : room;
    if (!admitted.ok) return admitted;
    const { agent, tools, apology, ignored: _, report: __, ...chosen } = assignment;
    const { direction, carrier } = facts;
    const call = calls.create({ id, direction, carrier, ...info, ...chosen }, agent, tools, apology);
    this.#begun = true;
    this.#running = true;
    void call.done.then(({ reason }) => {
      this.#running = false;
      this.#moved = reason === 'moved';
      this.#giveBack();
    });
    const { route, prompt } = chosen;
    call.log.info({ ...first.fields, route, prompt }, first.message);
    return { ok: true, call };
  }

  /** The answer; a refusal is told of. */
  #told<T extends { readonly ok: true } | Refused>(facts: CallFacts, answer: T): T {
    if (!answer.ok) this.#deps.refused?.(refusedOffer(facts, answer.reason));
    return answer;
  }

  /** Why it is none of the calls of all instances; counted. */
  #refusal(): Refused | undefined {
    return typeof this.#everywhere === 'string' ? this.#deps.admission.refuse(this.#everywhere) : undefined;
  }

  #giveBack(): void {
    if (!this.#freed || this.#running) return;
    if (typeof this.#everywhere === 'object') {
      if (this.#moved) this.#everywhere.leave();
      else this.#everywhere.free();
    }
    this.#share?.connected();
    this.#share?.over();
    this.#place.free();
  }
}

export type Begun = { readonly ok: true; readonly call: MadeCall } | Refused;

/** A call of which it is decided who answers it. */
export interface Assigned {
  /** What the overrides asked for and is of no effect with this agent. */
  readonly ignored: NonNullable<Assignment['ignored']>;
  /** What its agent can be asked beside what the call tells: how the way to it is, and what its provider has of the call. */
  readonly sources: { readonly path: AgentLeg['path'] | undefined; readonly report: Assignment['report'] };
  /** Whether it would be refused now for its model's sake: for a call that begins only later, and may be spared the way there. */
  foresee(): Admitted;
  /** Makes the call, and with it the model's session. Refused where there is no room any more, or the model takes nobody. Throws once it was freed. */
  begin(info: CallerInfo, first: FirstLine): Begun;
}

interface Beginning {
  readonly id: string;
  readonly facts: CallFacts;
  readonly assignment: Assignment;
  readonly info: CallerInfo;
  readonly first: FirstLine;
}
