import { join } from 'node:path';
import type { Clock, Timer } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import { scanFolder } from '../folder.ts';
import { readOperatorFile } from '../operator-file.ts';
import type { Assessors, Measuring } from './assess/assess.ts';
import type { AttemptDeps, CallPlacer } from './attempt.ts';
import { loadSuite, parseSuite, SUITE_NAME, type Suite, type SuiteTargets } from './load.ts';
import type { Mask } from './mask.ts';
import { BEAT_MS, owner, trueState } from './owner.ts';
import { type PlannedCase, planOf } from './plan.ts';
import { ProviderLimits } from './provider-limits.ts';
import { type CaseReport, FORMAT, type RunReport } from './report/types.ts';
import { countsOf, isDecided, Run, type RunEvent } from './run.ts';
import { newRunId, type RunStore, sha256 } from './store.ts';
import { AMBIGUOUS, isSameToken, MockTools, type ToolAnswer, type ToolRequest } from './tools.ts';
import { missingFor, wayInOf } from './way-in.ts';

/** The runs of this process: begun, gone on with, judged again, stopped; and what is stored of all. */

/** Runs at once: each has its own concurrency. */
const MOST_RUNS = 4;
/** Calls at once that a run may have, whatever it asks for. */
const MOST_CONCURRENCY = 100;

/** What somebody wants to be run. */
export interface RunOrder {
  /** A file of the folder of suites. Needed unless a run is gone on with, or judged again as it was. */
  readonly suite?: string | undefined;
  readonly only?: readonly string[] | undefined;
  readonly repeat?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly mask?: Mask | undefined;
  /** Id of a run that was cut short: what it has is not called again. */
  readonly resume?: string | undefined;
  /** Id of a run whose cases are decided anew, by `suite` as it is now or by its own. */
  readonly rejudge?: string | undefined;
}

/** Why an order cannot be taken. */
export class RunRefused extends Error {
  readonly why:
    | 'suite-unknown'
    | 'suite-invalid'
    | 'run-unknown'
    | 'run-running'
    | 'run-masked'
    | 'too-many'
    | 'way-in'
    | 'nothing';

  constructor(why: RunRefused['why'], message: string) {
    super(message);
    this.name = 'RunRefused';
    this.why = why;
  }
}

export interface RunsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: RunStore;
  /** Folder of suites. */
  readonly folder: string;
  readonly targets: SuiteTargets;
  readonly placer: CallPlacer;
  readonly measuring: Measuring;
  /** What cases are masked by where an order does not say. */
  readonly mask: Mask;
  /** In the address of tools in place of one of each run's own. */
  readonly toolsToken: string | undefined;
  /** Of all runs together, how many calls may go on and begin with each kind of agent. */
  readonly limits: ProviderLimits;
  /** Where this daemon is reached from outside; undefined: nobody knows. */
  readonly publicUrl: string | undefined;
  /** Asked once a run. */
  assessors(): Promise<Assessors | undefined>;
  /** Makes callers that write their tapes to the run's folder; with the mask `words` their tapes are in memory alone. */
  callersOf(run: string, mask: Mask): AttemptDeps['callerOf'];
  told(event: RunEvent): void;
}

/** A suite as it is found in its folder. */
export interface FoundSuite {
  readonly file: string;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly cases: number;
  /** Why it cannot be run; empty where it can. */
  readonly problems: readonly string[];
}

export class Runs {
  readonly #deps: RunsDeps;
  readonly #running = new Map<string, { run: Run; tools: MockTools; done: Promise<void> }>();
  /** Runs that are being prepared, and which of those are gone on with or judged again. */
  readonly #beginning = new Set<Promise<unknown>>();
  readonly #taken = new Set<string>();
  #closed = false;

  constructor(deps: RunsDeps) {
    this.#deps = deps;
  }

  /** Runs that go on here. */
  get size(): number {
    return this.#running.size;
  }

  /** Begins a run, or goes on with one. Rejects with RunRefused. The run itself goes on after this has resolved. */
  async start(order: RunOrder): Promise<RunReport> {
    if (this.#closed) throw new RunRefused('too-many', 'the process is about to end');
    if (this.#running.size + this.#beginning.size >= MOST_RUNS)
      throw new RunRefused('too-many', `${MOST_RUNS} runs go on already`);
    const again = order.resume ?? order.rejudge;
    const begun = again === undefined ? this.#begin(order) : this.#alone(again, () => this.#again(again, order));
    this.#beginning.add(begun);
    try {
      return await begun;
    } finally {
      this.#beginning.delete(begun);
    }
  }

  /** One at a time has a run that there is already. */
  async #alone<T>(id: string, work: () => Promise<T>): Promise<T> {
    if (this.#running.has(id) || this.#taken.has(id)) throw new RunRefused('run-running', 'the run goes on');
    this.#taken.add(id);
    try {
      return await work();
    } finally {
      this.#taken.delete(id);
    }
  }

  /** As it is now; undefined where there is none. One whose process is gone is `interrupted`. */
  async get(id: string): Promise<RunReport | undefined> {
    const here = this.#running.get(id);
    if (here !== undefined) return here.run.report;
    const report = await this.#deps.store.read(id);
    return report === undefined ? undefined : this.#trueState(report);
  }

  async list(limit: number): Promise<RunReport[]> {
    const ids = (await this.#deps.store.list()).slice(0, limit);
    const found = await Promise.all(ids.map((id) => this.get(id)));
    return found.filter((one) => one !== undefined);
  }

  readCase(run: string, id: string): Promise<CaseReport | undefined> {
    return this.#deps.store.readCase(run, id);
  }

  /** Resolves when the run is over, at once where none goes on. */
  async ended(id: string): Promise<void> {
    await this.#running.get(id)?.done;
  }

  /** Ends the run's calls and begins no more. False where no such run goes on here. */
  stop(id: string): boolean {
    const here = this.#running.get(id);
    here?.run.stop();
    return here !== undefined;
  }

  /** Removes what is stored of a run that is over. */
  async remove(id: string): Promise<boolean> {
    return this.#alone(id, async () => {
      const report = await this.get(id);
      if (report?.state === 'running') throw new RunRefused('run-running', 'another process has the run');
      return this.#deps.store.remove(id);
    });
  }

  /** The suites of the folder, by their files' names. */
  async suites(): Promise<FoundSuite[]> {
    const files = await scanFolder(this.#deps.folder);
    return Promise.all(
      files
        .filter(({ name }) => SUITE_NAME.test(name))
        .map(async ({ name: file, path }): Promise<FoundSuite> => {
          try {
            const { name, description, cases } = await loadSuite(path, this.#deps.targets);
            return { file, name, description, cases: cases.length, problems: [] };
          } catch (error) {
            return {
              file,
              name: undefined,
              description: undefined,
              cases: 0,
              problems: errorMessage(error).split('\n'),
            };
          }
        }),
    );
  }

  /** Whether the request is of a call that a run with this token has here, or had. */
  hasCallOf({ token, body }: ToolRequest): boolean {
    return this.#toolsBy(token).some((tools) => tools.isNamedIn(body));
  }

  /** How many runs here have such a tool, and may have the call, which is none that is named. */
  mayHaveTool(request: ToolRequest): number {
    return this.#toolsBy(request.token).filter((tools) => tools.has(request) && tools.mayHave(request)).length;
  }

  /**
   * Answers a target's tool; undefined where no run that goes on here has this token, or it has no such tool. Runs may have one token: it is the one's whose call is
   * named, or that one's which alone has such a tool. Of several it is nobody's: one's answer to another's agent would be held against both.
   */
  async answerTool(request: ToolRequest): Promise<ToolAnswer | typeof AMBIGUOUS | undefined> {
    const { body } = request;
    const runs = this.#toolsBy(request.token);
    const named = runs.find((tools) => tools.isNamedIn(body));
    if (named !== undefined) return named.answer(request);
    const able = runs.filter((tools) => tools.has(request));
    const likely = able.length > 1 ? able.filter((tools) => tools.mayHave(request)) : able;
    if (able.length > 1 && likely.length !== 1) return this.disclaimTool(request);
    return (likely[0] ?? runs[0])?.answer(request);
  }

  /** Counts it in the runs that have such a tool, as no case's. */
  disclaimTool(request: ToolRequest): typeof AMBIGUOUS {
    for (const tools of this.#toolsBy(request.token)) if (tools.has(request)) tools.disclaim(request);
    return AMBIGUOUS;
  }

  #toolsBy(token: string): MockTools[] {
    return [...this.#running.values()].map(({ tools }) => tools).filter((tools) => tools.knows(token));
  }

  /** Whether a run that goes on here, or may elsewhere, has this token. */
  knowsToken(token: string): boolean {
    return this.sharesToken(token) || [...this.#running.values()].some(({ tools }) => tools.knows(token));
  }

  /** Whether it is the token that runs of other processes have, too. */
  sharesToken(token: string): boolean {
    const { toolsToken } = this.#deps;
    return toolsToken !== undefined && isSameToken(token, toolsToken);
  }

  /** Stops all runs and waits until what they have is written down. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#beginning);
    for (const { run } of this.#running.values()) run.stop();
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  async #begin({ suite: file, only, repeat, concurrency, mask }: RunOrder): Promise<RunReport> {
    const { clock, store } = this.#deps;
    if (file === undefined) throw new RunRefused('suite-unknown', 'say which suite');
    const suite = await this.#load(file);
    const plan = planOf(suite, { only, repeat });
    if (plan.length === 0) throw new RunRefused('nothing', 'no case is meant by this');
    this.#checkWayIn(suite, plan);
    const now = clock.wall();
    const report: RunReport = {
      format: FORMAT,
      id: newRunId(now),
      suite: suite.name,
      suiteFile: file,
      suiteHash: sha256(suite.text),
      state: 'running',
      startedAt: new Date(now).toISOString(),
      process: owner(),
      options: {
        ...(only === undefined ? {} : { only: [...only] }),
        ...(repeat === undefined ? {} : { repeat }),
        concurrency: Math.min(MOST_CONCURRENCY, concurrency ?? suite.concurrency),
        mask: mask ?? this.#deps.mask,
      },
      planned: plan.length,
      counts: { passed: 0, failed: 0, invalid: 0, 'not-executed': 0 },
      spent: { minutes: 0 },
      cases: [],
      gates: [],
      notes: [],
    };
    await store.begin(report, suite.text);
    await this.#go(suite, plan, report, (run) => run.run());
    return report;
  }

  /** Goes on with a run, or judges it again. */
  async #again(id: string, order: RunOrder): Promise<RunReport> {
    const { store, clock } = this.#deps;
    const before = await store.read(id);
    if (before === undefined) throw new RunRefused('run-unknown', 'there is no such run');
    if ((await this.#trueState(before)).state === 'running')
      throw new RunRefused('run-running', 'another process has the run');
    const isResumed = order.resume !== undefined;
    if (!isResumed && before.options.mask !== 'off')
      throw new RunRefused('run-masked', 'what was said is masked in this run, and cannot be judged any more');
    // What is gone on with is the suite as it was: half of a run by one and half by another would say nothing.
    const suite = isResumed || order.suite === undefined ? await this.#asItWas(before) : await this.#load(order.suite);
    const plan = planOf(suite, before.options);
    if (isResumed) this.#checkWayIn(suite, plan);
    const when = new Date(clock.wall()).toISOString();
    const cases = isResumed ? before.cases.filter(({ state }) => isDecided(state)) : before.cases;
    const { endedAt: _, figures: __, repeats: ___, ...rest } = before;
    const hash = sha256(suite.text);
    const by = hash === before.suiteHash ? '' : ` by a suite of SHA-256 ${hash}`;
    const report: RunReport = {
      ...rest,
      state: 'running',
      process: owner(),
      cases,
      counts: countsOf(cases),
      gates: [],
      planned: plan.length,
      options: { ...before.options, concurrency: order.concurrency ?? before.options.concurrency },
      notes: [...before.notes, `${isResumed ? 'gone on with' : 'judged again'} at ${when}${by}`],
    };
    await store.save(report);
    await this.#go(suite, plan, report, (run) => (isResumed ? run.run() : run.rejudge()));
    return report;
  }

  /** The suite of a run when it began. Of a masked one no copy was kept: it is the file of that name, as long as that is what it was. */
  async #asItWas({ id, suiteFile, suiteHash, options }: RunReport): Promise<Suite> {
    const { store, targets, folder } = this.#deps;
    const kept = await store.suiteText(id);
    if (kept !== undefined) return parsed(suiteFile, kept, targets);
    if (options.mask === 'off') throw new RunRefused('run-unknown', 'there is no such run');
    const found = (await scanFolder(folder)).find(({ name }) => name === suiteFile);
    const text = found === undefined ? undefined : await readOperatorFile(found.path).catch(() => undefined);
    if (text !== undefined && sha256(text) === suiteHash) return parsed(suiteFile, text, targets);
    const what = text === undefined ? 'is not there any more' : 'is not as it was';
    throw new RunRefused('run-masked', `no suite was kept of a masked run, and ${suiteFile} of SUITES_DIR ${what}`);
  }

  async #go(
    suite: Suite,
    plan: ReturnType<typeof planOf>,
    report: RunReport,
    work: (run: Run) => Promise<RunReport>,
  ): Promise<void> {
    const { clock, log, store, placer, measuring, told, toolsToken } = this.#deps;
    const tools = new MockTools(suite.tools, clock, toolsToken);
    const { id } = report;
    const assessors = await this.#deps.assessors();
    const callerOf = this.#deps.callersOf(id, report.options.mask);
    const run = new Run(suite, plan, report, {
      clock,
      log,
      store,
      placer,
      measuring,
      assessors,
      callerOf,
      tools,
      limits: new ProviderLimits(clock, suite.limits, this.#deps.limits),
      told,
    });
    // Who was told to close meanwhile begins no call.
    if (this.#closed) run.stop();
    let next: Timer;
    const beat = () => {
      next = clock.after(BEAT_MS, () => {
        void store.beat(id, clock.wall());
        beat();
      });
    };
    beat();
    const done = work(run)
      .then(() => undefined)
      .catch((error: unknown) => log.error({ err: error, run: id }, 'a run of tests could not go on'))
      .finally(() => {
        next.cancel();
        this.#running.delete(id);
      });
    this.#running.set(id, { run, tools, done });
  }

  /** Nobody is called who could not come here, or whose tools nobody could answer: it would be held against him. */
  #checkWayIn(suite: Suite, plan: readonly PlannedCase[]): void {
    const { targets, publicUrl, toolsToken } = this.#deps;
    const wayIn = wayInOf(suite, plan, targets.agents);
    const settings = { PUBLIC_URL: publicUrl, TESTS_TOOLS_TOKEN: toolsToken };
    const missing = wayIn === undefined ? [] : missingFor(wayIn, settings);
    if (missing.length > 0) throw new RunRefused('way-in', missing.join('\n'));
  }

  async #trueState(report: RunReport): Promise<RunReport> {
    const { store, clock } = this.#deps;
    return trueState(report, clock.wall() - (await store.writtenAt(report.id)));
  }

  async #load(file: string): Promise<Suite> {
    if (!SUITE_NAME.test(file)) throw new RunRefused('suite-unknown', 'that is no name of a suite');
    const { folder, targets } = this.#deps;
    const known = await scanFolder(folder);
    if (!known.some(({ name }) => name === file)) throw new RunRefused('suite-unknown', `there is no suite ${file}`);
    return loadSuite(join(folder, file), targets).catch((error: unknown) => {
      throw invalid(error);
    });
  }
}

function parsed(file: string, text: string, targets: SuiteTargets): Suite {
  try {
    return parseSuite(file, text, targets);
  } catch (error) {
    throw invalid(error);
  }
}

function invalid(error: unknown): unknown {
  return error instanceof BridgeError ? new RunRefused('suite-invalid', errorMessage(error)) : error;
}
