import type { Clock } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { errorMessage } from '../errors.ts';
import type { AssessDeps } from './assess/assess.ts';
import { assess, decide, unheard } from './assess/assess.ts';
import { ownFault } from './assess/own-fault.ts';
import { type AttemptDeps, attempt } from './attempt.ts';
import { CaseQueue, type Place } from './case-queue.ts';
import { decidesFailures, gateResults, gateText } from './gates.ts';
import type { Suite } from './load.ts';
import { masked } from './mask.ts';
import { Pauses } from './pauses.ts';
import type { PlannedCase } from './plan.ts';
import type { ProviderLimits } from './provider-limits.ts';
import { passHatK, repeatsOf } from './report/repeats.ts';
import {
  type CaseReport,
  type CaseState,
  type CaseSummary,
  caseSummary,
  FORMAT,
  type RunReport,
} from './report/types.ts';
import type { RunStore } from './store.ts';
import type { MockTools } from './tools.ts';
import type { CaseWatch } from './watch.ts';

/** One run of a suite: its cases called, so many at once, within its budget, each assessed and written down as it ends. */

export interface RunDeps extends AttemptDeps, AssessDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: RunStore;
  readonly tools: MockTools;
  /** How many calls may go on and begin, by kind of agent. */
  readonly limits: ProviderLimits;
  /** Something of the run is new. Must not throw. */
  told(event: RunEvent): void;
}

/** News of a run, for those who watch it. Holds no words. */
export type RunEvent =
  | { readonly type: 'run_started'; readonly run: string; readonly suite: string; readonly planned: number }
  | { readonly type: 'case_started'; readonly run: string; readonly id: string; readonly attempt: number }
  | {
      readonly type: 'case_ended';
      readonly run: string;
      readonly id: string;
      readonly state: CaseState;
      readonly callId: string | undefined;
      readonly durationMs: number;
    }
  /** No agent of the kind is called for so long: its provider asked for that, or nobody had a place for a call. */
  | { readonly type: 'run_waits'; readonly run: string; readonly kind: string; readonly forMs: number }
  | { readonly type: 'run_ended'; readonly run: string; readonly state: RunReport['state'] };

/** A case whose provider has no place for it is tried again so often, after pauses that double. */
const BUSY_TRIES = 6;
const BUSY_MS = 5_000;
const BUSY_MOST_MS = 60_000;
/** In the notes, in place of a kind of agent. */
const THIS_DAEMON = 'this daemon';

export class Run {
  readonly #suite: Suite;
  readonly #plan: readonly PlannedCase[];
  readonly #deps: RunDeps;
  readonly #stop = new AbortController();
  readonly #reports = new Map<string, CaseReport>();
  readonly #running = new Map<string, number>();
  #report: RunReport;
  #usedMs: number;
  #finishing: Promise<unknown> = Promise.resolve();
  /** How often providers asked to come back later, by kind, and this daemon. */
  readonly #busy = new Map<string, number>();
  readonly #pauses: Pauses;
  /** Whether one more call may begin; false for the rest of the run as soon as the budget is used. */
  #hasBudget = true;

  /** `report`: as it is now; cases that it has as passed or failed are not called again. */
  constructor(suite: Suite, plan: readonly PlannedCase[], report: RunReport, deps: RunDeps) {
    this.#suite = suite;
    this.#plan = plan;
    this.#report = report;
    this.#deps = deps;
    this.#usedMs = report.spent.minutes * 60_000;
    const waits = (kind: string, forMs: number) => deps.told({ type: 'run_waits', run: report.id, kind, forMs });
    this.#pauses = new Pauses({ ...deps, waits });
  }

  get report(): RunReport {
    const { waiting } = this.#pauses;
    return waiting.length === 0 || this.#report.state !== 'running' ? this.#report : { ...this.#report, waiting };
  }

  /** Ends the calls that run and begins none. */
  stop(): void {
    this.#stop.abort();
  }

  /** Resolves with the report when all is done. Rejects where it cannot be written down. */
  async run(): Promise<RunReport> {
    const { told } = this.#deps;
    const { id: run, suite, cases } = this.#report;
    told({ type: 'run_started', run, suite, planned: this.#plan.length });
    const settled = new Set(cases.filter(({ state }) => isDecided(state)).map(({ id }) => id));
    for (const id of settled) {
      const before = await this.#deps.store.readCase(run, id);
      if (before !== undefined) this.#reports.set(id, before);
    }
    const left = this.#plan.filter(({ id }) => !settled.has(id));
    const queue = new CaseQueue(left, this.#deps.limits, this.#stop.signal, (kind) => this.#pauses.tell(kind));
    const work = async () => {
      try {
        for (let next = await queue.next(); next !== undefined; next = await queue.next()) {
          const { planned, place } = next;
          const report = await this.#case(planned, place).finally(() => place.free());
          await this.#finish(report);
        }
      } catch (error) {
        // What cannot be written down is not worth a call.
        this.#stop.abort();
        throw error;
      }
    };
    const done = await Promise.allSettled(Array.from({ length: this.#report.options.concurrency }, work));
    for (const one of done) if (one.status === 'rejected') throw one.reason;
    await this.#end(limitNotes(queue.waited, this.#busy));
    return this.#report;
  }

  /** Decides all cases anew that were called, and asks the judge again; nobody is called. */
  async rejudge(): Promise<RunReport> {
    const { store } = this.#deps;
    const { id: run } = this.#report;
    const { signal } = this.#stop;
    for (const planned of this.#plan) {
      const before = await store.readCase(run, planned.id);
      if (before === undefined) continue;
      this.#reports.set(planned.id, before);
      if (signal.aborted || before.caller === undefined || before.caller.state === 'invalid') continue;
      const problems = unheard(before, this.#suite);
      const after = await decide(planned, before, this.#suite, this.#deps, problems, signal);
      // Of whom the judge was just being asked when it was stopped nothing new is known.
      if (!signal.aborted) await this.#finish(after);
    }
    if (signal.aborted)
      this.#report = { ...this.#report, notes: [...this.#report.notes, 'stopped before all cases were judged again'] };
    await this.#end();
    return this.#report;
  }

  async #case(planned: PlannedCase, place: Place): Promise<CaseReport> {
    const { store, told, tools } = this.#deps;
    const { id: run } = this.#report;
    const { kind } = planned.target;
    let busy = 0;
    /** What to leave the provider alone for before the next call; undefined: there is a place for it, as for the first, which comes with the case. */
    let restMs: number | undefined;
    for (let n = 1; ; n++) {
      if (restMs !== undefined) {
        const placed = place.again(restMs);
        this.#pauses.tell(kind);
        await placed;
      }
      restMs = 0;
      if (this.#stop.signal.aborted) return this.#notExecuted(planned, n, 'the run was stopped');
      const shut = this.#pauses.shutFor(kind);
      if (shut !== undefined) return this.#notExecuted(planned, n, shut);
      if (!this.#withinBudget()) return this.#notExecuted(planned, n, 'the budget is used');
      told({ type: 'case_started', run, id: planned.id, attempt: n });
      let watch: CaseWatch | undefined;
      const asked = tools.begin({
        callId: () => watch?.providerCallId,
        startedAt: () => watch?.connectedAt,
        ownId: () => watch?.callId,
        told: () => watch?.toolCalls ?? new Map(),
      });
      try {
        // A repetition writes its own tape.
        await store.removeTape(run, planned.id);
        const done = await attempt(
          planned,
          { ...this.#deps, placer: this.#timed(planned.id), watching: (one) => (watch = one) },
          this.#stop.signal,
        );
        if (done.state === 'not-executed') {
          if (done.busy === undefined || ++busy > BUSY_TRIES || this.#stop.signal.aborted)
            return this.#notExecuted(planned, n, done.reason, done.callId);
          const { where, retryAfterMs = 0 } = done.busy;
          const notWaited = this.#pauses.shut(kind, retryAfterMs, done.reason);
          if (notWaited !== undefined) return this.#notExecuted(planned, n, notWaited, done.callId);
          const whose = where === 'here' ? THIS_DAEMON : kind;
          this.#busy.set(whose, (this.#busy.get(whose) ?? 0) + 1);
          // It is no call that failed: there was none.
          n--;
          restMs = Math.max(retryAfterMs, Math.min(BUSY_MOST_MS, BUSY_MS * 2 ** (busy - 1)));
          continue;
        }
        // What is looked at afterwards, as long as it takes, is no call: its provider's own report says by now that it is over.
        place.free();
        asked.over();
        if (done.state === 'invalid' && n <= this.#suite.retries) continue;
        const report = await assess(planned, done, n, this.#suite, asked, this.#deps, this.#stop.signal);
        if (report.state === 'invalid' && n <= this.#suite.retries && ownFault(report) !== undefined) continue;
        return report;
      } catch (error) {
        this.#deps.log.error({ err: error, run, case: planned.id }, 'a tested call could not be assessed');
        return this.#notExecuted(planned, n, errorMessage(error));
      } finally {
        asked.end();
      }
    }
  }

  /** Places the calls of a case and counts how long they last: not what making its speech, writing down and judging take. */
  #timed(id: string): AttemptDeps['placer'] {
    const { placer, clock } = this.#deps;
    return {
      place: async (planned, told) => {
        const call = await placer.place(planned, told);
        const began = clock.now();
        this.#running.set(id, began);
        void call.done.then(() => {
          this.#running.delete(id);
          this.#usedMs += clock.now() - began;
        });
        return call;
      },
    };
  }

  /** One after the other: the run's report is one file. */
  #finish(report: CaseReport): Promise<void> {
    const finished = this.#finishing.then(() => this.#keep(report));
    this.#finishing = finished.catch(() => undefined);
    return finished;
  }

  async #keep(report: CaseReport): Promise<void> {
    const { store, told } = this.#deps;
    const { mask } = this.#report.options;
    const { id: run } = this.#report;
    const kept = masked({ ...report, tape: store.hasTape(run, report.id) && mask !== 'words' }, mask);
    if (!kept.tape) await store.removeTape(run, report.id);
    this.#reports.set(report.id, kept);
    await store.saveCase(run, kept);
    const summary = caseSummary.parse(kept);
    const order = new Map(this.#plan.map(({ id }, i) => [id, i]));
    const others = this.#report.cases.filter(({ id }) => id !== report.id);
    const cases = [...others, summary].sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
    this.#report = { ...this.#report, cases, counts: countsOf(cases), spent: this.#spent() };
    await store.save(this.#report);
    const { id, state, callId, durationMs } = kept;
    told({ type: 'case_ended', run, id, state, callId, durationMs });
  }

  async #end(more: readonly string[] = []): Promise<void> {
    const { store, told, clock, measuring, tools } = this.#deps;
    const decided = [...this.#reports.values()].filter(({ state }) => isDecided(state));
    const measured = decided.flatMap(({ measures }) => (measures === undefined ? [] : [measures]));
    const figures = measured.length === 0 ? undefined : measuring.figuresOf(measured);
    const { counts, cases } = this.#report;
    const repeats = repeatsOf(cases);
    const gates = gateResults(this.#suite.gates, {
      measured: figures,
      passed: shareOf(counts.passed, counts.passed + counts.failed),
      wordErrorRate: ofAllWords(decided, (words) => [words.callerWordErrorRate, words.callerWords]),
      channelWordErrorRate: ofAllWords(decided, (words) => [words.channelWordErrorRate, words.channelWords]),
      agreement: meanOf(decided.flatMap(({ judged }) => judged?.criteria.map(({ agreement }) => agreement) ?? [])),
      passHatK: (k) => {
        const { value, cases: n } = passHatK(repeats?.cases ?? [], k);
        return { value, n };
      },
    });
    const notes = [...this.#report.notes, ...more];
    if (tools.unclaimed.length > 0)
      notes.push(`${tools.unclaimed.length} requests for tools named no call that was running`);
    this.#report = {
      ...this.#report,
      gates,
      notes,
      state: stateOf(counts, gates, this.#plan.length, decidesFailures(this.#suite.gates)),
      endedAt: new Date(clock.wall()).toISOString(),
      ...(figures === undefined ? {} : { figures: { ...figures } }),
      ...(repeats === undefined ? {} : { repeats }),
    };
    await store.save(this.#report);
    told({ type: 'run_ended', run: this.#report.id, state: this.#report.state });
  }

  #notExecuted(planned: PlannedCase, attempts: number, reason: string, callId?: string): CaseReport {
    const { id, name, variables, repetition, seed, target } = planned;
    return {
      format: FORMAT,
      id,
      name,
      state: 'not-executed',
      reasons: [reason],
      variables,
      repetition,
      attempts,
      seed,
      target: { kind: target.kind },
      ...(callId === undefined ? {} : { callId }),
      durationMs: 0,
      transcript: [],
      providerTranscript: [],
      tools: [],
      checks: [],
      gates: [],
      tape: false,
      masked: 'off',
    };
  }

  #spent(): RunReport['spent'] {
    const minutes = this.#minutes();
    const price = this.#suite.budget?.price_per_minute;
    return { minutes: rounded(minutes), ...(price === undefined ? {} : { money: rounded(minutes * price) }) };
  }

  #minutes(): number {
    const now = this.#deps.clock.now();
    let ms = this.#usedMs;
    for (const began of this.#running.values()) ms += now - began;
    return ms / 60_000;
  }

  #withinBudget(): boolean {
    const { minutes = Number.POSITIVE_INFINITY, money, price_per_minute: price } = this.#suite.budget ?? {};
    const most = money === undefined || price === undefined ? minutes : Math.min(minutes, money / price);
    this.#hasBudget &&= this.#minutes() < most;
    return this.#hasBudget;
  }
}

export const isDecided = (state: CaseState): boolean => state === 'passed' || state === 'failed';

export function countsOf(cases: ReadonlyArray<Pick<CaseSummary, 'state'>>): RunReport['counts'] {
  const counts = { passed: 0, failed: 0, invalid: 0, 'not-executed': 0 };
  for (const { state } of cases) counts[state]++;
  return counts;
}

/**
 * failed where a case failed or a gate is broken; else not-executed or invalid where one is missing or a gate could not be decided. With a gate for the rate of
 * cases that pass that gate decides about failed cases.
 */
export function stateOf(
  counts: RunReport['counts'],
  gates: RunReport['gates'],
  planned: number,
  hasPassRate: boolean,
): RunReport['state'] {
  if (gates.some(({ state }) => state === 'broken') || (counts.failed > 0 && !hasPassRate)) return 'failed';
  if (counts['not-executed'] > 0 || counts.passed + counts.failed + counts.invalid < planned) return 'not-executed';
  if (counts.invalid > 0 || gates.some(({ state }) => state === 'undecided')) return 'invalid';
  return 'passed';
}

/** Exit codes of the command: 0 passed, 1 failed, 2 not executed or invalid. */
export const exitCodeOf = ({ state }: Pick<RunReport, 'state'>): 0 | 1 | 2 =>
  state === 'passed' ? 0 : state === 'failed' ? 1 : 2;

/** What of a run's gates was not kept, one line each. */
export const brokenGates = ({ gates }: Pick<RunReport, 'gates'>): string[] =>
  gates.filter(({ state }) => state !== 'kept').map(gateText);

const rounded = (value: number) => Math.round(value * 1000) / 1000;
const shareOf = (count: number, n: number) => ({ value: n === 0 ? null : count / n, n });
const meanOf = (values: readonly number[]) => ({
  value: values.length === 0 ? null : values.reduce((sum, one) => sum + one, 0) / values.length,
  n: values.length,
});

/** That calls waited for a provider is told: the run took longer by it, and a load that was wanted was not there. */
function limitNotes(waited: ReadonlyMap<string, number>, busy: ReadonlyMap<string, number>): string[] {
  return [
    ...[...waited].map(([kind, n]) => `${n} times a call waited for the limits of ${kind}`),
    ...[...busy].map(([kind, n]) => `${n} times ${kind} had no place for a call and was asked again later`),
  ];
}

/** Over all words, not over cases: a short case counts less. */
function ofAllWords(
  reports: readonly CaseReport[],
  of: (
    words: NonNullable<CaseReport['words']>,
  ) => readonly [rate: number | null | undefined, words: number | undefined],
) {
  const known = reports.flatMap(({ words }) => {
    const [rate, n] = words === undefined ? [] : of(words);
    return rate == null || n === undefined ? [] : [{ rate, n }];
  });
  const n = known.reduce((sum, one) => sum + one.n, 0);
  return { value: n === 0 ? null : known.reduce((sum, one) => sum + one.rate * one.n, 0) / n, n };
}
