import type { Calls, Continuation, DialReport } from '../../../call/calls.ts';
import { type CarrierCall, carrierCallKey } from '../../../call/carrier-call.ts';
import { type Clock, delay } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { errorCode } from '../../../errors.ts';
import type { Fleet } from '../../../fleet/fleet.ts';
import type { PreparedCalls } from './prepared-calls.ts';
import type { ResumedCalls } from './resumed-calls.ts';

/**
 * What carriers ask and tell of a call may come to any instance; the one that has the call knows the answer. A carrier waits for 5 s at the least: an
 * owner that does not answer in time, or is gone, leaves its caller with what a lost call gets.
 */

/** How long the owner may take, ms. */
const ASK_MS = 3_000;
/** The same of a question before which the owner may wait for the end of a stream, ms. */
const ASK_AGAIN_MS = 4_000;
/** How often, and after which time, an owner is looked for that is not known yet, ms: a call's end can be told while it is being made. */
const LOOK_AGAIN_MS = [250, 1_000, 3_000];

/** How often whoever is taking a call up is asked for it, and how long that may take between, ms. */
const TAKEN_TRIES = 4;
const TAKEN_MS = 300;

export type Brought = Continuation | { readonly next: 'new' | 'repeat' };

export interface OwnedElsewhereDeps {
  readonly calls: Pick<Calls, 'knows' | 'continuation' | 'again' | 'transferEnded' | 'carrierEnded'>;
  readonly fleet: Fleet;
  readonly prepared: PreparedCalls;
  /** Goes on with calls whose instance is gone; left out: their callers get what a lost call gets. */
  readonly resumed?: Pick<ResumedCalls, 'resume'> | undefined;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Pick<Log, 'warn'>;
}

interface OfCall {
  readonly call: CarrierCall;
}

export class OwnedElsewhere {
  readonly #deps: OwnedElsewhereDeps;

  constructor(deps: OwnedElsewhereDeps) {
    this.#deps = deps;
    const { fleet, calls } = deps;
    /** The stream of a call that goes on may come to any instance. */
    const published = <A extends Brought>(what: A): A => {
      if (what.next === 'reattach') deps.prepared.publish(what.callId);
      return what;
    };
    fleet.serve<OfCall, Continuation>('phone.continuation', async ({ call }) => published(calls.continuation(call)));
    fleet.serve<OfCall, Brought>('phone.again', async ({ call }) => published(await calls.again(call)));
    fleet.serve<OfCall & { report: DialReport }, Continuation>('phone.transfer-ended', async ({ call, report }) =>
      published(calls.transferEnded(call, report)),
    );
    fleet.serve<OfCall, void>('phone.ended', async ({ call }) => calls.carrierEnded(call));
  }

  /** What comes next for a caller whose stream ended. Never rejects. */
  async continuation(call: CarrierCall): Promise<Continuation> {
    const { calls } = this.#deps;
    return (await this.#askOrGoOn<Continuation>(call, 'phone.continuation', {}, ASK_MS)) ?? calls.continuation(call);
  }

  /** What a carrier means that brings a call again. Never rejects. */
  async again(call: CarrierCall): Promise<Brought> {
    const answer = await this.#askOrGoOn<Brought>(call, 'phone.again', {}, ASK_AGAIN_MS);
    // A call that is over begins anew when its carrier brings it again.
    return answer === undefined || answer.next === 'hangup' ? this.#deps.calls.again(call) : answer;
  }

  /** What comes next for a caller who was connected to another number. Never rejects. */
  async transferEnded(call: CarrierCall, report: DialReport): Promise<Continuation> {
    const asked = [call, 'phone.transfer-ended', { report }, ASK_MS] as const;
    // Who has talked to somebody, or has hung up, has nothing to go on with.
    const isBack = report.how !== 'completed' && !report.gone;
    const answer = await (isBack ? this.#askOrGoOn<Continuation>(...asked) : this.#ask<Continuation>(...asked));
    return answer ?? this.#deps.calls.transferEnded(call, report);
  }

  /** The carrier says that its call is over. Never throws. */
  ended(call: CarrierCall): void {
    this.#deps.calls.carrierEnded(call);
    void this.#tellEnd(call, LOOK_AGAIN_MS);
  }

  async #tellEnd(call: CarrierCall, waits: readonly number[]): Promise<void> {
    const { calls, fleet, clock } = this.#deps;
    if (fleet.isAlone || calls.knows(call)) return;
    const told = await this.#ask<null>(call, 'phone.ended', {}, ASK_MS, null);
    const [wait, ...rest] = waits;
    if (told === undefined && wait !== undefined) clock.after(wait, () => void this.#tellEnd(call, rest));
  }

  /** As `#ask`; where nobody answers for the call that its caller is here for, it goes on here. Never rejects. */
  async #askOrGoOn<A extends Brought>(
    call: CarrierCall,
    name: string,
    more: object,
    withinMs: number,
  ): Promise<A | Continuation | undefined> {
    const { calls, fleet, resumed, clock } = this.#deps;
    for (let tries = TAKEN_TRIES; ; tries--) {
      let failed: string | undefined;
      const answer = await this.#ask<A>(call, name, more, withinMs, undefined, (instance) => {
        failed = instance;
      });
      if (answer !== undefined || fleet.isAlone || calls.knows(call)) return answer;
      const what = await resumed?.resume(call, failed);
      if (what !== 'taken') return what;
      if (tries <= 1) return undefined;
      // Whoever has it, or takes it up just now, is to be asked when that is known.
      await delay(clock, TAKEN_MS);
    }
  }

  /** The answer of the instance that has this call; undefined where that is this one, or nobody's, or does not answer. Never rejects. */
  async #ask<A>(
    call: CarrierCall,
    name: string,
    more: object,
    withinMs: number,
    nothing?: A,
    failed?: (instance: string) => void,
  ): Promise<A | undefined> {
    const { calls, fleet, log } = this.#deps;
    if (fleet.isAlone || calls.knows(call)) return undefined;
    const owner = await fleet.ownerOf({ kind: 'carrier', id: carrierCallKey(call) });
    if (owner === undefined || !owner.reachable || owner.instance === fleet.self) return undefined;
    const { carrier, accountId, carrierCallId } = call;
    try {
      const question = { call: { carrier, accountId, carrierCallId }, ...more };
      return (await fleet.ask<object, A>(owner.instance, name, question, { withinMs })) ?? nothing;
    } catch (error) {
      log.warn(
        { callId: owner.callId, instance: owner.instance, code: errorCode(error) },
        'the instance that has a call does not answer for it',
      );
      failed?.(owner.instance);
      return undefined;
    }
  }
}
