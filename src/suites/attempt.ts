import type { Clock } from '../call/clock.ts';
import type { CallEvent } from '../call/events.ts';
import type { CallerLeg, Log } from '../call/leg.ts';
import { type Termination, termination } from '../call/termination.ts';
import type { CallerOutcome, TestCaller } from '../callers/test/kind.ts';
import { BridgeError, errorCode, errorMessage } from '../errors.ts';
import type { MeasureOptions } from '../measure/measures.ts';
import type { Tape, TapeWriter } from '../measure/tape.ts';
import { cutOff } from './cut-off.ts';
import type { PlannedCase } from './plan.ts';
import { askForReport, PathWatch, type ProviderSources } from './provider.ts';
import { CaseWatch } from './watch.ts';

/** One call of a case: the caller and the target are put on one line, and what comes of it is gathered. */

/** A call that was begun. Nobody is on its line before `join`. */
export interface PlacedCall {
  readonly callId: string;
  /** Puts the caller on the line. False where the call is over. */
  join(leg: CallerLeg): boolean;
  /** Ends it. */
  end(end: Termination): void;
  readonly done: Promise<Termination>;
  /** Left out: there is nothing to ask. */
  readonly sources?: ProviderSources | undefined;
}

/** This daemon has no room for the call at the moment: later it may have. */
export class NoRoom extends BridgeError {
  constructor(why: string) {
    super('ABORTED', `no more calls are taken: ${why}`, { retryable: true });
    this.name = 'NoRoom';
  }
}

/** Who begins calls with targets. */
export interface CallPlacer {
  /** Rejects where the target cannot be had; with NoRoom where there is no room. `told` hears each event of the call, from its first on. */
  place(planned: Pick<PlannedCase, 'target' | 'variables'>, told: (event: CallEvent) => void): Promise<PlacedCall>;
}

export interface AttemptDeps {
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  readonly placer: CallPlacer;
  /** Makes the caller of a case, and the tape that it writes. Rejects where its speech cannot be had, or is not needed any more. */
  callerOf(
    planned: PlannedCase,
    signal: AbortSignal,
  ): Promise<{ readonly caller: TestCaller; readonly tape: TapeWriter }>;
  /** Told of what watches the call, before it begins. */
  readonly watching?: ((watch: CaseWatch) => void) | undefined;
}

/** There is no place for a call at the moment. */
export interface Busy {
  /** `provider`: of the target; `here`: this daemon's own calls are as many as it takes. */
  readonly where: 'provider' | 'here';
  /** For how long the provider asks to be left alone, ms; undefined: it does not say. */
  readonly retryAfterMs?: number | undefined;
}

/** What one call came to. */
export type Attempt =
  | {
      readonly state: 'not-executed';
      readonly reason: string;
      readonly callId: string | undefined;
      readonly busy?: Busy | undefined;
    }
  | {
      /** `invalid`: the caller itself did not do what it should, or the call was ended here before it was through. */
      readonly state: 'done' | 'invalid';
      readonly callId: string;
      readonly startedAt: number;
      readonly outcome: CallerOutcome;
      readonly end: Termination;
      readonly watch: CaseWatch;
      readonly tape: Tape;
      /** What the agent's side says of the call, and the statistics of the way to it. */
      readonly beside: Pick<MeasureOptions, 'provider' | 'path'>;
    };

/** How long a target may take until it can take audio, ms: providers queue calls. */
const READY_MS = 60_000;
const STOPPED = 'the run was stopped';
/** Why a call ends for which there was no room: later there may be. */
const BUSY: ReadonlySet<Termination['reason']> = new Set(['model-rate-limited', 'dial-limit']);

/** Makes one call. Never rejects; when `signal` aborts the call is ended and was not executed. */
export async function attempt(planned: PlannedCase, deps: AttemptDeps, signal: AbortSignal): Promise<Attempt> {
  const { clock, log, placer } = deps;
  const startedAt = clock.wall();
  const notExecuted = (reason: string, callId?: string, busy?: Busy): Attempt => ({
    state: 'not-executed',
    reason,
    callId,
    ...(busy === undefined ? {} : { busy }),
  });
  if (signal.aborted) return notExecuted(STOPPED);
  let made: Awaited<ReturnType<AttemptDeps['callerOf']>>;
  try {
    made = await deps.callerOf(planned, signal);
  } catch (error) {
    return notExecuted(signal.aborted ? STOPPED : told(error));
  }
  const { caller, tape } = made;
  const ready = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<Termination>();
  const watch = new CaseWatch(
    clock,
    () => ready.resolve(),
    () => tape.start(),
    (end) => gone.resolve(end),
  );
  deps.watching?.(watch);
  let call: PlacedCall;
  try {
    call = await placer.place(planned, (event) => watch.onEvent(event));
  } catch (error) {
    // Who never came to the line is to be sent away, too: a model that plays somebody has its session already.
    await caller.leg.close(termination('no-stream'));
    await tape.close().catch(() => undefined);
    return notExecuted(told(error), undefined, error instanceof NoRoom ? { where: 'here' } : undefined);
  }
  watch.callId = call.callId;
  const stop = () => call.end(termination('operator-hangup', STOPPED));
  const late = clock.after(READY_MS, () => {
    if (!watch.isConnected) call.end(termination('model-unavailable', 'the target could not take audio in time'));
  });
  const { sources = {} } = call;
  const way = sources.path === undefined ? undefined : new PathWatch(clock, sources.path);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    // The caller is on the line when the target can hear it, as somebody whose call was answered.
    const over = await Promise.race([ready.promise, call.done, gone.promise]);
    // For one who could not be had nobody waits on the line.
    if (over !== undefined) call.end(over);
    const joined = call.join(caller.leg);
    const end = await call.done;
    if (!joined) await caller.leg.close(end);
    way?.stop();
    await tape.close();
    if (signal.aborted) return notExecuted(STOPPED, call.callId);
    const busy: Busy | undefined = BUSY.has(end.reason)
      ? { where: 'provider', retryAfterMs: end.retryAfterMs }
      : undefined;
    if (!joined || !watch.isConnected)
      return notExecuted(
        `the target did not answer: ${end.reason}${end.detail === undefined ? '' : ` (${end.detail})`}`,
        call.callId,
        busy,
      );
    const outcome = await caller.outcome;
    const cut = cutOff(outcome.state, end);
    if (cut?.state === 'not-executed') return notExecuted(cut.reason, call.callId, busy);
    const state = outcome.state === 'invalid' || cut !== undefined ? 'invalid' : 'done';
    const report = state === 'invalid' ? undefined : await askForReport(sources.report, clock, log, signal);
    const { providerCallId: callId } = watch;
    const provider = { ...(callId === undefined ? {} : { callId }), ...watch.figures, ...report };
    const { connectedAt = 0 } = watch;
    const path = way?.samples.map(({ at, ...seen }) => ({ ...seen, atMs: at - connectedAt }));
    const beside = { provider, ...(path === undefined ? {} : { path }) };
    return { state, callId: call.callId, startedAt, outcome, end, watch, tape: tape.tape(), beside };
  } catch (error) {
    return notExecuted(told(error), call.callId);
  } finally {
    late.cancel();
    way?.stop();
    signal.removeEventListener('abort', stop);
  }
}

const told = (error: unknown) => `${errorCode(error)}: ${errorMessage(error)}`;
