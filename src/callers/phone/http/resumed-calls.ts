import { randomUUID } from 'node:crypto';
import { InTurn } from '../../../admission/in-turn.ts';
import type { Continuation } from '../../../call/calls.ts';
import { type CarrierCall, carrierCallKey } from '../../../call/carrier-call.ts';
import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import type { Continuity } from '../../../continuity/continuity.ts';
import { errorCode } from '../../../errors.ts';
import type { Fleet } from '../../../fleet/fleet.ts';
import type { Intake } from '../../../intake/intake.ts';
import type { Brought, PhoneCalls } from './phone-calls.ts';
import type { PreparedCalls } from './prepared-calls.ts';

/**
 * Calls whose instance is gone, and whose caller the carrier has brought here. The call goes on as another one of ours, with an id and a record of its own: what the
 * first was is closed as lost by whoever finds out. Its agent is told what was said, and the caller hears that it goes on.
 */

/** How long an instance that is said to have a call may take to say that it lives, ms: the caller waits for it. */
const LIVES_MS = 1_000;
const LIVES = 'phone.lives';
/**
 * From one call that is made anew to the next, ms. All callers of an instance come at the same moment, and are answered by one that has calls of its own: making one takes
 * some milliseconds of its loop, now and when its model and its stream are there. A hundred are begun within 3 s, well within a carrier's patience with a webhook.
 */
const APART_MS = 30;

export interface ResumedCallsDeps {
  readonly continuity: Pick<Continuity<Brought>, 'takeUp'>;
  readonly phone: PhoneCalls;
  readonly prepared: Pick<PreparedCalls, 'publish'>;
  readonly intake: Pick<Intake, 'takeOver'>;
  /** Whether there is room for one more call. */
  readonly hasRoom: () => boolean;
  readonly fleet: Fleet;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly log: Pick<Log, 'warn' | 'info'>;
}

/** `taken`: an instance that lives has the call, or is just taking it up. Undefined: nobody knows of it. */
export type Resumed = Continuation | 'taken' | undefined;

export class ResumedCalls {
  readonly #deps: ResumedCallsDeps;
  readonly #turns: InTurn;
  /** Calls that are being taken up here. */
  readonly #making = new Map<string, Promise<Resumed>>();

  constructor(deps: ResumedCallsDeps) {
    this.#deps = deps;
    this.#turns = new InTurn(deps.clock, APART_MS);
    deps.fleet.serve(LIVES, async () => true);
  }

  /** Goes on with a call. `failed`: an instance that was just found not to answer. Never rejects. */
  resume(call: CarrierCall, failed: string | undefined): Promise<Resumed> {
    const key = carrierCallKey(call);
    const making = this.#making.get(key) ?? this.#resume(call, failed).finally(() => this.#making.delete(key));
    this.#making.set(key, making);
    return making;
  }

  async #resume(call: CarrierCall, failed: string | undefined): Promise<Resumed> {
    const { continuity, phone, prepared, intake, hasRoom, fleet, log } = this.#deps;
    const callId = randomUUID();
    try {
      const kept = await continuity.takeUp(
        call,
        callId,
        async (instance) => instance === failed || !(await this.#lives(instance)),
      );
      if (kept === undefined || kept === 'taken' || 'next' in kept) return kept;
      const { before, lives, brought, said } = kept;
      await this.#turns.turn();
      if (!hasRoom()) {
        await kept.giveBack();
        return undefined;
      }
      const arrival = intake.takeOver(before);
      try {
        const { incoming, overrides } = brought;
        const begun = await phone.begin(
          arrival,
          incoming,
          { ...overrides, before: { callId: before, lives, said } },
          callId,
        );
        if (begun.ok) {
          prepared.publish(callId);
          log.info(
            { callId, before, lives, said: said.length, instance: fleet.self },
            'a call goes on from where its instance died',
          );
          return { next: 'reattach', callId };
        }
        log.warn({ before, reason: begun.reason }, 'a call whose instance is gone cannot go on here');
      } catch (error) {
        log.warn({ before, code: errorCode(error) }, 'a call whose instance is gone cannot go on here');
      } finally {
        arrival.free();
      }
      await kept.giveBack();
      return undefined;
    } catch (error) {
      log.warn({ code: errorCode(error) }, 'a call whose instance is gone cannot go on here');
      return undefined;
    }
  }

  async #lives(instance: string): Promise<boolean> {
    const { fleet } = this.#deps;
    // What this process does not know of any more is nobody's.
    if (instance === fleet.self) return false;
    return fleet.ask<null, boolean>(instance, LIVES, null, { withinMs: LIVES_MS }).catch(() => false);
  }
}
