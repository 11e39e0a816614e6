import { randomUUID } from 'node:crypto';
import type { Admission, Admitted, Place } from '../admission/admission.ts';
import type { Calls } from '../call/calls.ts';
import type { CallInfo } from '../call/info.ts';
import type { Termination } from '../call/termination.ts';
import type { Assignment, CallFacts, Dispatch, Overrides } from '../dispatch.ts';
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

/** What the caller kind knows of its call, for its record; the rest is decided here. */
export type CallerInfo = Pick<
  CallInfo,
  'accountId' | 'carrierCallId' | 'from' | 'to' | 'callerKind' | 'fromWrapped' | 'conversationId'
>;

/** The first line in a call's log; route and prompt are added to its fields. */
export interface FirstLine {
  readonly message: string;
  readonly fields: object;
}

export interface IntakeDeps {
  readonly calls: Pick<Calls, 'create' | 'turnedAway'>;
  readonly dispatch: Pick<Dispatch, 'assign'>;
  readonly admission: Pick<Admission, 'admitCaller' | 'admitStranger' | 'admitModel' | 'foresee' | 'refuse'>;
}

export class Intake {
  readonly #deps: IntakeDeps;

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  /**
   * Asked once for each new call, before anything is made for it. Whoever gets an arrival must `free` it when he is through with it, whatever came
   * of it. Without `stranger` it is a call as any caller's.
   */
  admit(stranger?: Stranger): { readonly ok: true; readonly arrival: Arrival } | Refused {
    const { admission } = this.#deps;
    const share = stranger?.among.take(stranger.address);
    if (typeof share === 'string') return admission.refuse(share);
    const admitted = share === undefined ? admission.admitCaller() : admission.admitStranger();
    if (admitted.ok) return { ok: true, arrival: new Arrival(this.#deps, admitted.place, share) };
    share?.connected();
    share?.over();
    return admitted;
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

/** A call that was admitted, and its place. */
export class Arrival {
  /** Our id of the call, where it does not get another when it is assigned. */
  readonly id = randomUUID();
  readonly #deps: IntakeDeps;
  readonly #place: Place;
  readonly #share: StrangersShare | undefined;
  #freed = false;
  #begun = false;
  #running = false;

  /** The intake makes it. */
  constructor(deps: IntakeDeps, place: Place, share: StrangersShare | undefined) {
    this.#deps = deps;
    this.#place = place;
    this.#share = share;
  }

  /** Decides who answers; nothing is started yet. Rejects with what `Dispatch.assign` rejects with. */
  async assign(facts: CallFacts, overrides?: Overrides, id: string = this.id): Promise<Assigned> {
    const { dispatch, admission } = this.#deps;
    const assignment = await dispatch.assign(facts, id, overrides);
    return {
      ignored: assignment.ignored ?? [],
      foresee: () => admission.foresee(assignment.model),
      begin: (info, first) => this.#begin({ id, facts, assignment, info, first }),
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
    // Asked again, since minutes may have gone by: nothing was started yet that would have to end before the process can.
    const room = this.#place.begin();
    const admitted = room.ok ? admission.admitModel(assignment.model) : room;
    if (!admitted.ok) return admitted;
    const { agent, tools, apology, ignored: _, ...chosen } = assignment;
    const { direction, carrier } = facts;
    const call = calls.create({ id, direction, carrier, ...info, ...chosen }, agent, tools, apology);
    this.#begun = true;
    this.#running = true;
    void call.done.then(() => {
      this.#running = false;
      this.#giveBack();
    });
    const { route, prompt } = chosen;
    call.log.info({ ...first.fields, route, prompt }, first.message);
    return { ok: true, call };
  }

  #giveBack(): void {
    if (!this.#freed || this.#running) return;
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
