import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/call/clock.ts';
import type { CallEvent } from '../../../src/call/events.ts';
import type { CallerLeg } from '../../../src/call/leg.ts';
import { type Termination, termination } from '../../../src/call/termination.ts';
import type { CallerOutcome } from '../../../src/callers/test/kind.ts';
import { BridgeError } from '../../../src/errors.ts';
import { measure } from '../../../src/measure/measure.ts';
import type { ProviderFigures } from '../../../src/measure/measures.ts';
import { TapeWriter } from '../../../src/measure/tape.ts';
import { makeTone } from '../../../src/media/tone.ts';
import { type CallPlacer, NoRoom } from '../../../src/suites/attempt.ts';
import { measuringBy } from '../../../src/suites/measuring.ts';
import { ProviderLimits } from '../../../src/suites/provider-limits.ts';
import type { RunReport } from '../../../src/suites/report/types.ts';
import type { RunEvent } from '../../../src/suites/run.ts';
import { RunRefused, Runs, type RunsDeps } from '../../../src/suites/runs.ts';
import { RunStore } from '../../../src/suites/store.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';

/** Runs of suites with calls that are made up: what becomes of their states, budgets, ends and files. */

const measuring = measuringBy(async (tape, options) => measure(tape, options));

interface MadeUp {
  /** `full`: this daemon has no room; `busy`: the provider has none. */
  readonly state: CallerOutcome['state'] | 'refused' | 'never' | 'full' | 'busy';
  /** Tools that the call tells of, and who is asked for them meanwhile, by our id of the call. */
  readonly uses?: ReadonlyArray<{ readonly name: string; readonly arguments: unknown }>;
  readonly asks?: (callId: string) => Promise<void>;
  /** How the call ends behind the caller's coming; it hangs up where that is left out. */
  readonly end?: Termination;
  /** How long a provider that is busy asks to be left alone, ms. */
  readonly retryAfterMs?: number;
  readonly reason?: string;
  /** What the provider has of the call afterwards. */
  readonly report?: ProviderFigures;
  /** What the caller did, and what is on the tape; nothing where they are left out. */
  readonly marks?: CallerOutcome['marks'];
  readonly tape?: () => Promise<TapeWriter>;
}

/** Cases are files: on a busy machine a disk takes its time. */
const PATIENT = { timeout: 30_000 };

let folder: string;
let placed: string[];
let events: RunEvent[];
let running: number;
let most: number;
/** Calls go on until there were so many at once. */
let wanted: number;
/** Cases whose callers were sent away without a call. */
let sentAway: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'suites-'));
  placed = [];
  events = [];
  running = 0;
  most = 0;
  wanted = 0;
  sentAway = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs whose nth call of a case (from 0) goes as `how` says. */
function runsOf(how: (id: string, n: number) => MadeUp, more: Partial<RunsDeps> = {}): Runs {
  const store = new RunStore(join(folder, 'runs'));
  const ends = new WeakMap<CallerLeg, (end: Termination) => void>();
  const tries = new Map<string, number>();
  const placer: CallPlacer = {
    async place(planned, told) {
      const { id } = planned as unknown as { id: string };
      const n = tries.get(id) ?? 0;
      const { uses = [], asks } = how(id, n);
      const { state, report, retryAfterMs, end: over = termination('caller-hangup') } = how(id, n);
      placed.push(id);
      tries.set(id, n + 1);
      if (state === 'refused') throw new BridgeError('MODEL_QUOTA', 'no credit');
      if (state === 'full') throw new NoRoom('calls');
      running++;
      most = Math.max(most, running);
      const done = Promise.withResolvers<Termination>();
      const end = (reason: Termination) => done.resolve(reason);
      void done.promise.then(() => running--);
      const tell = (event: unknown) => told(event as CallEvent);
      if (state === 'busy') {
        end({ ...termination('model-rate-limited'), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
        return { callId: `call-${id}-${n}`, join: () => false, end, done: done.promise };
      }
      tell({
        type: 'agent',
        event: { type: 'ready', transport: 'x', pace: 'live', sessionId: `provider-${id}`, resumed: false },
      });
      return {
        callId: `call-${id}-${n}`,
        join(leg) {
          tell({ type: 'connected', audioPath: 'x' });
          tell({
            type: 'agent',
            event: { type: 'transcript', role: 'agent', itemId: 'i', text: 'Hello there.', final: true },
          });
          for (const [i, { name, arguments: given }] of uses.entries())
            tell({
              type: 'agent',
              event: {
                type: 'tool_call',
                toolCallId: `t${i}`,
                name,
                arguments: JSON.stringify(given),
                responseId: 'r',
              },
            });
          ends.set(leg, end);
          const hangUp = () => {
            if (most >= wanted) end(over);
            else setImmediate(hangUp);
          };
          const asked = asks?.(`call-${id}-${n}`) ?? Promise.resolve();
          if (state !== 'never') void asked.then(() => setImmediate(hangUp));
          return true;
        },
        end,
        done: done.promise,
        ...(report === undefined ? {} : { sources: { report: async () => report } }),
      };
    },
  };
  return new Runs({
    clock: systemClock,
    log: fakeLog(),
    store,
    folder,
    targets: { agents: [] },
    placer,
    measuring,
    mask: 'off',
    toolsToken: undefined,
    limits: new ProviderLimits(systemClock, {}),
    publicUrl: undefined,
    assessors: async () => undefined,
    callersOf: () => async (planned) => {
      const made = how(planned.id, tries.get(planned.id) ?? 0);
      const { state, reason, marks = [] } = made;
      const tape = (await made.tape?.()) ?? new TapeWriter({ clock: systemClock });
      const outcome: CallerOutcome = {
        state: state === 'refused' || state === 'never' || state === 'full' || state === 'busy' ? 'done' : state,
        ...(reason === undefined ? {} : { reason }),
        marks,
        pace: { frames: 0, late: 0, starved: 0, worstMs: 0, worstOwnMs: 0 },
        stalls: [],
        expectations: [],
        end: termination('caller-hangup'),
      };
      const leg = { close: async () => void sentAway.push(planned.id) } as unknown as CallerLeg;
      return { caller: { leg, tape, outcome: Promise.resolve(outcome) }, tape };
    },
    told: (event) => void events.push(event),
    ...more,
  });
}

const suiteOf = (names: readonly string[], more = '') =>
  writeFile(
    join(folder, 's.yaml'),
    `target: self\n${more}cases:\n${names.map((name) => `  - { name: ${name}, steps: [hang_up], checks: { says: hello there } }\n`).join('')}`,
  );

async function whole(runs: Runs, order: Parameters<Runs['start']>[0]): Promise<RunReport> {
  const { id } = await runs.start(order);
  await runs.ended(id);
  return (await runs.get(id))!;
}

describe('a run', () => {
  it('calls each case, tells of it, and keeps what came of it', async () => {
    await suiteOf(['one', 'two']);
    const runs = runsOf(() => ({ state: 'done' }));
    const report = await whole(runs, { suite: 's.yaml' });
    expect(report).toMatchObject({ state: 'passed', planned: 2, counts: { passed: 2, failed: 0 } });
    expect(report.cases[0]).toMatchObject({ id: 'one', callId: 'call-one-0', providerCallId: 'provider-one' });
    expect(await runs.readCase(report.id, 'two')).toMatchObject({
      state: 'passed',
      providerTranscript: [{ who: 'agent', text: 'Hello there.' }],
      checks: [{ what: 'says "hello there"', ok: true }],
    });
    expect(events.map(({ type }) => type)).toEqual([
      'run_started',
      'case_started',
      'case_ended',
      'case_started',
      'case_ended',
      'run_ended',
    ]);
    expect(JSON.stringify(events)).not.toContain('Hello');
  });

  it("has the provider's own record of the call for the agent's words where there is one, with the times of what the call told", async () => {
    await suiteOf(['one']);
    const transcript = [
      { who: 'agent' as const, text: 'Hello there.' },
      { who: 'caller' as const, text: 'Bye.' },
      { who: 'agent' as const, text: 'Goodbye, then.' },
    ];
    const runs = runsOf(() => ({ state: 'done', report: { transcript } }));
    const { id } = await whole(runs, { suite: 's.yaml' });
    const kept = await runs.readCase(id, 'one');
    expect(kept?.providerTranscript).toEqual([
      { ...transcript[0], fromMs: expect.any(Number) },
      transcript[1],
      transcript[2],
    ]);
  });

  it('keeps states apart: failed, invalid after its repetitions, not executed', async () => {
    await suiteOf(['hung', 'wild', 'late', 'quota']);
    const runs = runsOf((id) =>
      id === 'hung'
        ? { state: 'hung-up-on', reason: 'agent-hangup' }
        : id === 'late'
          ? { state: 'timeout' }
          : id === 'wild'
            ? { state: 'invalid', reason: 'it spoke over the agent' }
            : { state: 'refused' },
    );
    const report = await whole(runs, { suite: 's.yaml' });
    expect(Object.fromEntries(report.cases.map(({ id, state }) => [id, state]))).toEqual({
      hung: 'failed',
      wild: 'invalid',
      late: 'failed',
      quota: 'not-executed',
    });
    expect(placed.filter((id) => id === 'wild')).toHaveLength(3);
    expect(report.cases.find(({ id }) => id === 'wild')).toMatchObject({
      attempts: 3,
      reasons: ['the caller: it spoke over the agent'],
    });
    expect(report.cases.find(({ id }) => id === 'quota')?.reasons).toEqual(['MODEL_QUOTA: no credit']);
    expect(report.state).toBe('failed');
  });

  it('holds no call against the agent that its provider, an operator or this daemon cut off, and one that the agent or its line did', async () => {
    const ends = {
      quota: termination('model-quota', 'no credit'),
      auth: termination('model-auth'),
      operator: termination('operator-hangup'),
      drained: termination('drained'),
      longest: termination('max-duration'),
      bug: termination('internal', 'a bug'),
      agent: termination('agent-hangup'),
      session: termination('model-session-lost'),
      line: termination('media-lost'),
    };
    await suiteOf(Object.keys(ends), 'retries: 1\n');
    const runs = runsOf((id) => ({ state: 'hung-up-on', end: ends[id as keyof typeof ends] }));
    const report = await whole(runs, { suite: 's.yaml' });
    const states = (of: RunReport) => of.cases.map(({ id, state, attempts }) => [id, state, attempts]);
    const known = [
      ['quota', 'not-executed', 1],
      ['auth', 'not-executed', 1],
      ['operator', 'invalid', 2],
      ['drained', 'invalid', 2],
      ['longest', 'invalid', 2],
      ['bug', 'invalid', 2],
      ['agent', 'failed', 1],
      ['session', 'failed', 1],
      ['line', 'failed', 1],
    ];
    expect(states(report)).toEqual(known);
    const reasons = report.cases.map((one) => one.reasons[0]);
    expect(reasons[0]).toBe('the provider did not go on with the call: model-quota (no credit)');
    expect(reasons[5]).toBe('the call was ended here: internal (a bug)');
    expect(states(await whole(runs, { rejudge: report.id }))).toEqual(known);
  });

  it('calls again where our own caller was not to be understood, and does not count it', async () => {
    await writeFile(
      join(folder, 's.yaml'),
      'target: self\ncases: [{ name: one, steps: [hang_up], checks: { says: tuesday } }]\n',
    );
    const said = [
      { at: 0, kind: 'say' as const, text: 'Can I come on Tuesday?' },
      { at: 24_000, kind: 'said' as const },
    ];
    const tape = async () => {
      let now = 0;
      const writer = new TapeWriter({ clock: { ...systemClock, now: () => now } });
      writer.start();
      writer.caller({ samples: makeTone(700, 24_000, 1_000), sampleRate: 24_000 });
      now = 1_000;
      await writer.close();
      return writer;
    };
    const heard: string[] = [];
    const service = {
      post: async () => {
        const text = heard.shift() ?? '';
        return { text };
      },
    };
    const runs = runsOf(() => ({ state: 'done', marks: said, tape }), {
      assessors: async () => ({ service, transcriptionModel: 't', judgeModel: 'j' }),
    });
    heard.push('hang on some shoes', 'hang on some shoes', 'hang on some shoes');
    expect(await whole(runs, { suite: 's.yaml' })).toMatchObject({
      state: 'invalid',
      counts: { invalid: 1, failed: 0 },
      cases: [{ attempts: 3, reasons: [expect.stringContaining('not to be understood'), expect.anything()] }],
    });
    heard.push('hang on some shoes', 'can i come on tuesday');
    expect(await whole(runs, { suite: 's.yaml' })).toMatchObject({ state: 'failed', cases: [{ attempts: 2 }] });
  });

  it('counts a case once that was invalid before it was valid', async () => {
    await suiteOf(['one']);
    const report = await whole(
      runsOf((_, n) => ({ state: n === 0 ? 'invalid' : 'done' })),
      { suite: 's.yaml' },
    );
    expect(report).toMatchObject({ state: 'passed', counts: { passed: 1, invalid: 0 }, cases: [{ attempts: 2 }] });
  });

  it('calls so many at once and no more', async () => {
    await suiteOf(
      Array.from({ length: 12 }, (_, i) => `c${i}`),
      'concurrency: 3\n',
    );
    const runs = runsOf(() => ({ state: 'done' }));
    wanted = 3;
    expect((await whole(runs, { suite: 's.yaml' })).counts.passed).toBe(12);
    expect(most).toBe(3);
    most = 0;
    wanted = 5;
    await whole(runs, { suite: 's.yaml', concurrency: 5 });
    expect(most).toBe(5);
  });

  it('begins no call when its budget is used, and says so', async () => {
    await suiteOf(['one', 'two', 'three'], 'budget: { money: 1, price_per_minute: 1000000000 }\n');
    const report = await whole(
      runsOf(() => ({ state: 'done' })),
      { suite: 's.yaml' },
    );
    expect(placed).toEqual(['one']);
    expect(report).toMatchObject({ state: 'not-executed', counts: { passed: 1, 'not-executed': 2 } });
    expect(report.cases[1]?.reasons).toEqual(['the budget is used']);
    expect(report.spent.money).toBeGreaterThan(1);
  });

  it('ends its calls when it is stopped, keeps what it has, and is gone on with later', async () => {
    const names = Array.from({ length: 50 }, (_, i) => `c${i}`);
    await suiteOf(names, 'concurrency: 2\n');
    let isHanging = true;
    const runs = runsOf((id) => ({ state: isHanging && Number(id.slice(1)) >= 20 ? 'never' : 'done' }));
    const { id } = await runs.start({ suite: 's.yaml' });
    await expect.poll(() => running, PATIENT).toBe(2);
    await expect.poll(() => placed.length, PATIENT).toBe(22);
    expect(runs.stop(id)).toBe(true);
    await runs.ended(id);
    const cut = (await runs.get(id))!;
    expect(cut).toMatchObject({ state: 'not-executed', counts: { passed: 20, 'not-executed': 30 } });
    isHanging = false;
    placed.length = 0;
    const report = await whole(runs, { resume: id });
    expect(report).toMatchObject({ id, state: 'passed', counts: { passed: 50 } });
    expect(placed).toHaveLength(30);
    expect(report.notes[0]).toMatch(/^gone on with at /);
  });

  it('says how far cases that are repeated can be relied on, and a gate of that decides about those that fail', async () => {
    await suiteOf(['one', 'two'], 'repeat: 3\ngates: { pass_hat_2: 0.7, pass_hat_4: 0.5 }\n');
    const runs = runsOf((id) => ({ state: id === 'one.r2' ? 'hung-up-on' : 'done' }));
    const { repeats, gates, counts, state } = await whole(runs, { suite: 's.yaml' });
    expect(counts).toMatchObject({ passed: 5, failed: 1 });
    expect(repeats?.cases.map(({ id, passed, n }) => [id, passed, n])).toEqual([
      ['one', 2, 3],
      ['two', 3, 3],
    ]);
    expect(repeats?.passHatK.map(({ value }) => value)).toEqual([
      expect.closeTo(5 / 6),
      expect.closeTo(2 / 3),
      expect.closeTo(1 / 2),
    ]);
    // Nobody was called four times.
    expect(gates.map(({ figure, n, state }) => [figure, n, state])).toEqual([
      ['pass_hat_2', 2, 'broken'],
      ['pass_hat_4', 0, 'undecided'],
    ]);
    expect(state).toBe('failed');
  });

  it('is interrupted where its process is gone, and is gone on with by the suite as it was', async () => {
    await suiteOf(['one', 'two']);
    const runs = runsOf(() => ({ state: 'done' }));
    const { id } = await whole(runs, { suite: 's.yaml' });
    const store = new RunStore(join(folder, 'runs'));
    const report = (await store.read(id))!;
    await store.save({
      ...report,
      state: 'running',
      process: { pid: 2 ** 22 - 1, host: report.process.host },
      cases: report.cases.slice(0, 1),
    });
    expect((await runs.get(id))?.state).toBe('interrupted');
    await suiteOf(['three']);
    placed.length = 0;
    expect(await whole(runs, { resume: id })).toMatchObject({ state: 'passed', counts: { passed: 2 } });
    expect(placed).toEqual(['two']);
  });

  it('is interrupted where another process has the number of the one that had it', async () => {
    await suiteOf(['one']);
    const runs = runsOf(() => ({ state: 'done' }));
    const { id } = await whole(runs, { suite: 's.yaml' });
    const store = new RunStore(join(folder, 'runs'));
    const report = (await store.read(id))!;
    await store.save({ ...report, state: 'running', process: { pid: process.ppid, host: report.process.host } });
    expect((await runs.get(id))?.state).toBe('running');
    await store.beat(id, Date.now() - 120_000);
    expect((await runs.get(id))?.state).toBe('interrupted');
  });

  it('is interrupted where a process of another host has not said for long that it goes on, as of a container that is gone', async () => {
    await suiteOf(['one']);
    const runs = runsOf(() => ({ state: 'done' }));
    const { id } = await whole(runs, { suite: 's.yaml' });
    const store = new RunStore(join(folder, 'runs'));
    const report = (await store.read(id))!;
    await store.save({ ...report, state: 'running', process: { pid: 1, host: 'another' }, cases: [] });
    expect((await runs.get(id))?.state).toBe('running');
    await expect(runs.start({ resume: id })).rejects.toMatchObject({ why: 'run-running' });
    await store.beat(id, Date.now() - 85_000);
    expect((await runs.get(id))?.state).toBe('running');
    await store.beat(id, Date.now() - 120_000);
    expect((await runs.get(id))?.state).toBe('interrupted');
    expect(await whole(runs, { resume: id })).toMatchObject({ state: 'passed', counts: { passed: 1 } });
  });

  it('is decided anew without a call, by the checks as they are now', async () => {
    await suiteOf(['one']);
    const runs = runsOf(() => ({ state: 'done' }));
    const { id } = await whole(runs, { suite: 's.yaml' });
    placed.length = 0;
    await writeFile(
      join(folder, 's.yaml'),
      'target: self\ncases: [{ name: one, steps: [hang_up], checks: { says: goodbye } }]\n',
    );
    expect(await whole(runs, { rejudge: id, suite: 's.yaml' })).toMatchObject({
      id,
      state: 'failed',
      counts: { failed: 1, passed: 0 },
    });
    expect(await whole(runs, { rejudge: id })).toMatchObject({ state: 'passed' });
    expect(placed).toEqual([]);
  });

  it('is not decided anew by the agent’s own words where what was said was to be written down and could not be', async () => {
    await suiteOf(['one'], 'transcribe: true\n');
    const runs = runsOf(() => ({ state: 'done' }));
    const { id } = await whole(runs, { suite: 's.yaml' });
    const store = new RunStore(join(folder, 'runs'));
    const kept = (await store.readCase(id, 'one'))!;
    const reasons = ['what was said could not be written down: ASSESSMENT_UNAVAILABLE: no answer'];
    await store.saveCase(id, { ...kept, state: 'not-executed', reasons });
    for (const _ of [1, 2]) {
      expect(await whole(runs, { rejudge: id })).toMatchObject({ state: 'not-executed', cases: [{ reasons }] });
    }
    await suiteOf(['one'], 'transcribe: false\n');
    expect(await whole(runs, { rejudge: id, suite: 's.yaml' })).toMatchObject({ state: 'passed' });
  });

  it('sends the caller away whose call could not be placed: a model that plays somebody has its session', async () => {
    await suiteOf(['one', 'quota']);
    await whole(
      runsOf((id) => ({ state: id === 'quota' ? 'refused' : 'done' })),
      { suite: 's.yaml' },
    );
    expect(sentAway).toEqual(['quota']);
  });

  it('is stopped while speech is made for a caller', async () => {
    await suiteOf(['one']);
    const making = Promise.withResolvers<void>();
    const callersOf: RunsDeps['callersOf'] = () => (_, signal) => {
      making.resolve();
      return new Promise((__, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const runs = runsOf(() => ({ state: 'done' }), { callersOf });
    const { id } = await runs.start({ suite: 's.yaml' });
    await making.promise;
    runs.stop(id);
    await runs.ended(id);
    expect((await runs.get(id))?.cases).toMatchObject([{ state: 'not-executed', reasons: ['the run was stopped'] }]);
  });

  it('counts the minutes of its calls, and not how long they are looked at', async () => {
    await suiteOf(['one', 'two']);
    const measure: RunsDeps['measuring']['measure'] = async (...given) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return measuring.measure(...given);
    };
    const report = await whole(
      runsOf(() => ({ state: 'done' }), { measuring: { ...measuring, measure } }),
      { suite: 's.yaml' },
    );
    expect(report).toMatchObject({ state: 'passed' });
    expect(report.spent.minutes).toBeLessThan(0.015);
  });

  it('ends before it calls anybody when all is closed while it is prepared', async () => {
    await suiteOf(['one']);
    const runs = runsOf(() => ({ state: 'done' }));
    const [{ id }] = await Promise.all([runs.start({ suite: 's.yaml' }), runs.close()]);
    expect(placed).toEqual([]);
    expect(await runs.get(id)).toMatchObject({ state: 'not-executed' });
  });

  it('stays as it was where judging it again is stopped', async () => {
    await suiteOf(['one', 'two', 'three']);
    const runs = runsOf(() => ({ state: 'done' }));
    const { id } = await whole(runs, { suite: 's.yaml' });
    await suiteOf(['one', 'two', 'three']);
    const text = await readFile(join(folder, 's.yaml'), 'utf8');
    await writeFile(join(folder, 's.yaml'), text.replaceAll('steps:', 'success: A., steps:'));
    const asked = Promise.withResolvers<void>();
    const service = {
      post: (_: string, __: unknown, signal?: AbortSignal) => {
        asked.resolve();
        return new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
      },
    };
    const judging = runsOf(() => ({ state: 'done' }), {
      assessors: async () => ({ service, transcriptionModel: 't', judgeModel: 'j' }),
    });
    await judging.start({ rejudge: id, suite: 's.yaml' });
    await asked.promise;
    judging.stop(id);
    await judging.ended(id);
    const report = (await judging.get(id))!;
    expect(report).toMatchObject({ state: 'passed', counts: { passed: 3 } });
    expect(report.notes).toEqual([
      expect.stringMatching(/^judged again at .* by a suite of SHA-256 [0-9a-f]{64}$/),
      'stopped before all cases were judged again',
    ]);
  });

  it('is decided anew where a gate could not be, and not where words are masked', async () => {
    const write = (gates: string) =>
      writeFile(join(folder, 's.yaml'), `target: self\ncases: [{ name: one, steps: [hang_up], gates: ${gates} }]\n`);
    await write('{ response_latency_p95_ms: 1000 }');
    const runs = runsOf(() => ({ state: 'done' }));
    const { id, state } = await whole(runs, { suite: 's.yaml' });
    expect(state).toBe('invalid');
    await write('{ dead_air_count: 0 }');
    expect(await whole(runs, { rejudge: id, suite: 's.yaml' })).toMatchObject({ state: 'passed' });
    const masked = await whole(runs, { suite: 's.yaml', mask: 'numbers' });
    await expect(runs.start({ rejudge: masked.id })).rejects.toMatchObject({ why: 'run-masked' });
  });

  it.for(['numbers', 'words'] as const)(
    'keeps no suite where %s are masked, and is gone on with by the file as long as that is as it was',
    async (mask) => {
      await suiteOf(['one', 'two'], 'variables: { phone: "0791234567" }\n');
      let isFull = true;
      const runs = runsOf((id) => ({ state: id === 'two' && isFull ? 'refused' : 'done' }));
      const { id } = await whole(runs, { suite: 's.yaml', mask });
      const files = await readdir(join(folder, 'runs', id), { recursive: true, withFileTypes: true });
      const texts = files.filter((one) => one.isFile()).map((one) => readFile(join(one.parentPath, one.name), 'utf8'));
      expect((await Promise.all(texts)).join('\n')).not.toContain('0791234567');
      const text = await readFile(join(folder, 's.yaml'), 'utf8');
      await writeFile(join(folder, 's.yaml'), `${text}# another\n`);
      const refused = { why: 'run-masked', message: expect.stringContaining('s.yaml of SUITES_DIR is not as it was') };
      await expect(runs.start({ resume: id })).rejects.toMatchObject(refused);
      await rm(join(folder, 's.yaml'));
      await expect(runs.start({ resume: id })).rejects.toMatchObject({ why: 'run-masked' });
      await writeFile(join(folder, 's.yaml'), text);
      isFull = false;
      expect(await whole(runs, { resume: id })).toMatchObject({ id, state: 'passed', counts: { passed: 2 } });
    },
  );

  it('leaves no tape and no word behind where words are masked', async () => {
    await suiteOf(['one']);
    const runs = runsOf(() => ({ state: 'done' }));
    const { id } = await whole(runs, { suite: 's.yaml', mask: 'words' });
    expect(JSON.stringify(await runs.readCase(id, 'one'))).not.toContain('Hello');
    expect(await readdir(join(folder, 'runs', id, 'one')).catch(() => [])).toEqual(['case.json']);
  });
});

/** What runs have whose pauses are over as soon as they are told; `waited`: how long they were in all. */
function hasty() {
  const clock = new FakeClock();
  const told = (event: RunEvent) => {
    events.push(event);
    if (event.type === 'run_waits') setImmediate(() => clock.advance(event.forMs));
  };
  return { deps: { clock, told, limits: new ProviderLimits(clock, {}) }, waited: () => clock.now() };
}

describe('a case for whose call there is no place', () => {
  const waits = () => events.flatMap((event) => (event.type === 'run_waits' ? [[event.kind, event.forMs]] : []));

  it('is called later where its provider says so, which is told', async () => {
    await suiteOf(['one']);
    const { deps, waited } = hasty();
    const how = (_: string, n: number): MadeUp =>
      n === 0 ? { state: 'busy', retryAfterMs: 240_000 } : { state: n === 1 ? 'busy' : 'done' };
    const report = await whole(runsOf(how, deps), { suite: 's.yaml' });
    expect(report).toMatchObject({ state: 'passed', cases: [{ attempts: 1 }] });
    expect(report.notes).toEqual(['2 times self had no place for a call and was asked again later']);
    expect(waits()).toEqual([
      ['self', 240_000],
      ['self', 10_000],
    ]);
    expect(waited()).toBe(250_000);
    // Nobody waits any more.
    expect(report).not.toHaveProperty('waiting');
  });

  it('is called later where its provider broke off a call for that', async () => {
    await suiteOf(['one']);
    const { deps, waited } = hasty();
    const end = { ...termination('model-rate-limited'), retryAfterMs: 30_000 };
    const how = (): MadeUp => (waited() === 0 ? { state: 'hung-up-on', end } : { state: 'done' });
    const report = await whole(runsOf(how, deps), { suite: 's.yaml' });
    expect(report).toMatchObject({ state: 'passed', cases: [{ attempts: 1 }] });
    expect([placed, waited()]).toEqual([['one', 'one'], 30_000]);
  });

  it('is called later where this daemon has no room', async () => {
    await suiteOf(['one']);
    const { deps, waited } = hasty();
    const report = await whole(
      runsOf((_, n) => ({ state: n < 2 ? 'full' : 'done' }), deps),
      { suite: 's.yaml' },
    );
    expect(report).toMatchObject({ state: 'passed', cases: [{ attempts: 1 }] });
    expect(report.notes).toEqual(['2 times this daemon had no place for a call and was asked again later']);
    expect([placed, waited()]).toEqual([['one', 'one', 'one'], 15_000]);
  });

  it('is not executed where its provider asks for a day, nor is any other of the kind, and no other run waits for it', async () => {
    await suiteOf(['one', 'two', 'three']);
    const { deps, waited } = hasty();
    const runs = runsOf((id) => (id === 'one' ? { state: 'busy', retryAfterMs: 86_400_000 } : { state: 'done' }), deps);
    const report = await whole(runs, { suite: 's.yaml' });
    expect(report.counts).toMatchObject({ passed: 0, 'not-executed': 3 });
    const why =
      'the target did not answer: model-rate-limited: its provider asks to be left alone for 1440 minutes, and 10 are waited at the most';
    for (const { reasons } of report.cases) expect(reasons).toEqual([why]);
    expect([placed, waits(), waited()]).toEqual([['one'], [], 0]);
    await suiteOf(['two']);
    expect(await whole(runs, { suite: 's.yaml' })).toMatchObject({ state: 'passed' });
  });

  it('is shown to be waited for while the run stands still', async () => {
    await suiteOf(['one']);
    const clock = new FakeClock();
    const limits = new ProviderLimits(clock, {});
    const runs = runsOf(() => ({ state: 'busy', retryAfterMs: 60_000 }), { clock, limits });
    const { id } = await runs.start({ suite: 's.yaml' });
    await expect.poll(waits, PATIENT).toEqual([['self', 60_000]]);
    expect(await runs.get(id)).toMatchObject({
      state: 'running',
      waiting: [{ kind: 'self', untilAt: expect.any(String) }],
    });
    await runs.close();
    expect(await runs.get(id)).not.toHaveProperty('waiting');
  });

  it('has it as soon as the call before is over, whatever is still looked at of that', async () => {
    await suiteOf(['one', 'two'], 'concurrency: 2\nlimits: { self: { concurrency: 1 } }\n');
    const both = Promise.withResolvers<void>();
    const runs = runsOf(
      () => {
        if (placed.length === 1) both.resolve();
        return { state: 'done' };
      },
      {
        measuring: {
          ...measuring,
          async measure(...given) {
            await both.promise;
            return measuring.measure(...given);
          },
        },
      },
    );
    expect(await whole(runs, { suite: 's.yaml' })).toMatchObject({ state: 'passed', counts: { passed: 2 } });
    expect(most).toBe(1);
  });
});

describe('orders', () => {
  const why = (order: Parameters<Runs['start']>[0], runs = runsOf(() => ({ state: 'done' }))) =>
    runs.start(order).then(
      () => undefined,
      (error: unknown) => (error instanceof RunRefused ? error.why : error),
    );

  it('are refused for what there is not, with why', async () => {
    await suiteOf(['one']);
    await writeFile(join(folder, 'bad.yaml'), 'target: self\n');
    expect(await why({ suite: 'none.yaml' })).toBe('suite-unknown');
    expect(await why({ suite: '../s.yaml' })).toBe('suite-unknown');
    expect(await why({})).toBe('suite-unknown');
    expect(await why({ suite: 'bad.yaml' })).toBe('suite-invalid');
    expect(await why({ suite: 's.yaml', only: ['two'] })).toBe('nothing');
    expect(await why({ resume: '20300101-000000-aaaaaa' })).toBe('run-unknown');
    expect(await why({ rejudge: '../../etc' })).toBe('run-unknown');
  });

  it('are refused while so many runs go on, and for one that goes on', async () => {
    await suiteOf(['one']);
    const runs = runsOf(() => ({ state: 'never' }));
    const ids = await Promise.all(Array.from({ length: 4 }, async () => (await runs.start({ suite: 's.yaml' })).id));
    expect(await why({ suite: 's.yaml' }, runs)).toBe('too-many');
    await expect(runs.remove(ids[0]!)).rejects.toMatchObject({ why: 'run-running' });
    await runs.close();
    expect(runs.size).toBe(0);
    expect(await why({ suite: 's.yaml' }, runs)).toBe('too-many');
    expect((await runs.list(10)).map(({ state }) => state)).toEqual([
      'not-executed',
      'not-executed',
      'not-executed',
      'not-executed',
    ]);
    expect(await runs.remove(ids[0]!)).toBe(true);
    expect(await runs.get(ids[0]!)).toBeUndefined();
  });

  it('give a run that there is to one of two who want it at the same time', async () => {
    await suiteOf(['one']);
    const runs = runsOf(() => ({ state: 'never' }));
    const { id } = await runs.start({ suite: 's.yaml' });
    runs.stop(id);
    await runs.ended(id);
    placed.length = 0;
    const two = await Promise.allSettled([runs.start({ resume: id }), runs.start({ resume: id }), runs.remove(id)]);
    expect(two.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(two.slice(1).map((one) => (one as PromiseRejectedResult).reason)).toMatchObject([
      { why: 'run-running' },
      { why: 'run-running' },
    ]);
    await expect.poll(() => placed, PATIENT).toEqual(['one']);
    await runs.close();
  });

  it('remove no run that another process has', async () => {
    await suiteOf(['one']);
    const runs = runsOf(() => ({ state: 'done' }));
    const { id } = await whole(runs, { suite: 's.yaml' });
    const store = new RunStore(join(folder, 'runs'));
    const report = (await store.read(id))!;
    await store.save({ ...report, state: 'running', process: { ...report.process, pid: process.ppid } });
    await expect(runs.remove(id)).rejects.toMatchObject({ why: 'run-running' });
    await store.save(report);
    expect(await runs.remove(id)).toBe(true);
  });

  it('are refused whose tools nobody could ask for, before anybody is called, and so are those that are gone on with', async () => {
    await suiteOf(['one'], 'tools: { book: { result: first } }\n');
    const refused = { why: 'way-in', message: expect.stringMatching(/^TESTS_TOOLS_TOKEN is not set: /) };
    await expect(runsOf(() => ({ state: 'done' })).start({ suite: 's.yaml' })).rejects.toMatchObject(refused);
    const runs = runsOf(() => ({ state: 'refused' }), { toolsToken: 'token' });
    const { id } = await whole(runs, { suite: 's.yaml' });
    const without = runsOf(() => ({ state: 'done' }));
    await expect(without.start({ resume: id })).rejects.toMatchObject(refused);
    expect(await whole(without, { rejudge: id })).toMatchObject({ id });
    expect(placed).toEqual(['one']);
  });

  it('of tools find the run that has the call, where runs have one token', async () => {
    await suiteOf(['one'], 'tools: { book: { result: first } }\n');
    await writeFile(
      join(folder, 't.yaml'),
      'target: self\ntools: { book: { result: second } }\ncases: [{ name: two, steps: [hang_up] }]\n',
    );
    const runs = runsOf(() => ({ state: 'never' }), { toolsToken: 'token' });
    await runs.start({ suite: 's.yaml' });
    const { id } = await runs.start({ suite: 't.yaml' });
    await expect.poll(() => placed.length, PATIENT).toBe(2);
    const asked = { token: 'token', name: 'book', body: { args: {}, call: { call_id: 'provider-two' } } };
    expect(await runs.answerTool(asked)).toMatchObject({ body: 'second' });
    expect(await runs.answerTool({ ...asked, token: 'other' })).toBeUndefined();
    expect(await runs.answerTool({ ...asked, name: 'none' })).toBeUndefined();
    await runs.close();
    expect((await runs.get(id))?.notes).toEqual([]);
  });

  it('of tools know a call that is over, so that no other process answers what is asked for in it late', async () => {
    await suiteOf(['one', 'two'], 'tools: { book: { result: first } }\n');
    const runs = runsOf((id) => ({ state: id === 'one' ? 'done' : 'never' }), { toolsToken: 'token' });
    await runs.start({ suite: 's.yaml' });
    await expect.poll(() => placed, PATIENT).toEqual(['one', 'two']);
    const asked = (call_id: string) => ({ token: 'token', name: 'book', body: { args: {}, call: { call_id } } });
    const calls = ['provider-one', 'provider-two', 'of nobody'];
    expect(calls.map((id) => runs.hasCallOf(asked(id)))).toEqual([true, true, false]);
    expect(runs.hasCallOf({ ...asked('provider-one'), token: 'other' })).toBe(false);
    await runs.close();
  });

  it('of tools find the case by our own id of its call, and count a use once of which that tells', async () => {
    await writeFile(
      join(folder, 's.yaml'),
      `target: self
tools: { book: { result: first } }
cases: [{ name: one, steps: [hang_up], checks: { tools: [{ name: book, arguments: { people: 2 }, times: 1 }] } }]
`,
    );
    const uses = [{ name: 'book', arguments: { people: 2 } }];
    const runs: Runs = runsOf(
      () => ({
        ...{ state: 'done', uses },
        asks: async (callId) => {
          const body = { people: 2, call: { id: callId, from: 'test caller' } };
          expect(await runs.answerTool({ token: 'token', name: 'book', body })).toMatchObject({ body: 'first' });
        },
      }),
      { toolsToken: 'token' },
    );
    const report = await whole(runs, { suite: 's.yaml' });
    expect(report).toMatchObject({ state: 'passed', notes: [] });
    expect((await runs.readCase(report.id, 'one'))?.tools).toMatchObject([{ name: 'book', by: 'call' }]);
  });

  it('of tools are of no run and no case where several have such a tool and no call is named, and are counted by each', async () => {
    await suiteOf(['one'], 'tools: { book: { result: first } }\n');
    await writeFile(
      join(folder, 't.yaml'),
      'target: self\ntools: { book: { result: second }, own: { result: third } }\ncases: [{ name: two, steps: [hang_up] }]\n',
    );
    const runs = runsOf(() => ({ state: 'never' }), { toolsToken: 'token' });
    const first = await runs.start({ suite: 's.yaml' });
    const ask = (name: string, body: unknown) => runs.answerTool({ token: 'token', name, body });
    await expect.poll(() => placed.length, PATIENT).toBe(1);
    // As long as one run alone has it.
    expect(await ask('book', {})).toMatchObject({ body: 'first' });
    const second = await runs.start({ suite: 't.yaml' });
    await expect.poll(() => placed.length, PATIENT).toBe(2);
    expect(await ask('book', { people: 2 })).toBe('ambiguous');
    expect(await ask('book', { call_id: 'of nobody' })).toBe('ambiguous');
    expect(await ask('own', {})).toMatchObject({ body: 'third' });
    expect(await ask('book', { call_id: 'provider-two' })).toMatchObject({ body: 'second' });
    await runs.close();
    const notes = ['2 requests for tools named no call that was running'];
    for (const { id } of [first, second]) expect((await runs.get(id))?.notes).toEqual(notes);
  });

  it('know the suites of the folder, those that are wrong with why', async () => {
    await suiteOf(['one', 'two'], 'description: Two of them.\n');
    await writeFile(join(folder, 'bad.yaml'), 'cases: []\n');
    await writeFile(join(folder, 'note.txt'), 'nothing');
    const found = await runsOf(() => ({ state: 'done' })).suites();
    expect(found.map(({ file, cases, problems }) => [file, cases, problems.length > 0])).toEqual([
      ['bad.yaml', 0, true],
      ['s.yaml', 2, false],
    ]);
  });
});
