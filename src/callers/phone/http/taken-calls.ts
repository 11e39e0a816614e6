import type { Calls } from '../../../call/calls.ts';
import type { Clock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { newestSaid, type Said } from '../../../call/said.ts';
import type { CallBefore } from '../../../dispatch.ts';
import { errorCode } from '../../../errors.ts';
import type { Fleet } from '../../../fleet/fleet.ts';
import type { Intake } from '../../../intake/intake.ts';
import { infoOf, type PhoneCalls } from './phone-calls.ts';
import type { PreparedCalls } from './prepared-calls.ts';

/**
 * Calls whose media stream came to another instance than their webhook. Media never moves, so the call does: the instance at which the stream landed
 * makes it anew, under the same id, and the one that prepared it drops what it has. It is told first, so that never two of them speak for one call;
 * one that does not answer at once is not waited for, since there is a caller on the line.
 */

/** How long whoever has the call may take to let go of it, ms: what the caller says meanwhile is kept. */
const LET_GO_MS = 800;
/** It is told again after each of these, ms, as long as it does not answer: by then its call has ended for want of a stream. */
const INSIST_MS = [500, 1_000, 2_000, 4_000, 8_000];

export interface TakenCallsDeps {
  readonly calls: Pick<Calls, 'get' | 'moveTo'>;
  readonly phone: PhoneCalls;
  readonly prepared: PreparedCalls;
  readonly intake: Pick<Intake, 'takeOver'>;
  readonly fleet: Fleet;
  /** What its instance kept of a conversation for the others. Rejects where the memory fails. */
  readonly said: (callId: string) => Promise<readonly Said[]>;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Pick<Log, 'warn' | 'info'>;
}

/** `said`: it is dropped there, after so much of a conversation; `over`: nobody is to be answered any more. */
type LetGo = { readonly said: readonly Said[] } | 'over';

export class TakenCalls {
  readonly #deps: TakenCallsDeps;

  constructor(deps: TakenCallsDeps) {
    this.#deps = deps;
    const { fleet, calls } = deps;
    fleet.serve<{ callId: string; to: string }, LetGo>('phone.let-go', async ({ callId, to }) => {
      const call = calls.get(callId);
      // Read before its agent is gone; of one that nobody has joined nothing was heard.
      const said = call === undefined || call.state === 'waiting' ? [] : newestSaid(call.said ?? []);
      return calls.moveTo(callId, to) ? { said } : 'over';
    });
  }

  /** Makes the call of this id here, which another instance prepared. False: there is none, or it is over. Never rejects. */
  async take(callId: string): Promise<boolean> {
    const { prepared, fleet, intake, phone, log } = this.#deps;
    const found = await prepared.find(callId).catch(() => undefined);
    if (found === undefined || found.by === fleet.self) return false;
    const { by, incoming, overrides: prepare } = found;
    const left = await this.#letGo(by, callId);
    if (left === 'over') return false;
    const overrides = { ...prepare, before: beforeOf(callId, prepare.before, left.said) };
    const arrival = intake.takeOver();
    try {
      const begun = await phone.begin(arrival, incoming, overrides, callId, { ...infoOf(incoming), takenFrom: by });
      if (!begun.ok) log.warn({ callId, reason: begun.reason }, 'a call whose stream came here cannot be answered');
      return begun.ok;
    } catch (error) {
      log.warn({ callId, code: errorCode(error) }, 'a call whose stream came here cannot be answered');
      return false;
    } finally {
      arrival.free();
    }
  }

  async #letGo(by: string, callId: string): Promise<LetGo> {
    try {
      return await this.#tell(by, callId);
    } catch (error) {
      this.#deps.log.warn(
        { callId, from: by, code: errorCode(error) },
        'a call is taken on from an instance that does not answer',
      );
      this.#insist(by, callId, INSIST_MS);
      // What it kept for others last is some seconds old at most.
      return { said: await this.#deps.said(callId).catch(() => []) };
    }
  }

  #tell(by: string, callId: string): Promise<LetGo> {
    const { fleet } = this.#deps;
    return fleet.ask<object, LetGo>(by, 'phone.let-go', { callId, to: fleet.self }, { withinMs: LET_GO_MS });
  }

  /** It may only have been too busy for a moment. */
  #insist(by: string, callId: string, [wait, ...rest]: readonly number[]): void {
    if (wait === undefined) return;
    this.#deps.clock.after(wait, () => {
      void this.#tell(by, callId).catch(() => this.#insist(by, callId, rest));
    });
  }
}

/** What the call was when it came here: one that nobody has talked in yet begins here as if it had begun nowhere. */
function beforeOf(callId: string, earlier: CallBefore | undefined, said: readonly Said[]): CallBefore | undefined {
  return said.length === 0 ? earlier : { callId: earlier?.callId ?? callId, lives: earlier?.lives ?? 0, said };
}
