import { describe, expect, vi } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { openRooms } from '../../src/rooms/pool/rooms.ts';
import { RetellServer } from '../../src/simulator/retell/index.ts';
import type { TurnTruth } from '../../src/simulator/talker/turn-truth.ts';
import { startVapi } from '../../src/simulator/vapi/index.ts';
import type { CaseReport } from '../../src/suites/report/types.ts';
import { fakeLog } from '../fakes/legs.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { startRig } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { suiteFolder, wholeRun } from './suite-runs.ts';
import { startAgentProcess } from './test-call.ts';

/** The suites that come with the sources against stand-ins of their providers: a whole daemon, real sockets and peers. */

const KEY = 'key-of-the-account';
const AGENT = 'agent_0000000000000000000000';
/** What an assistant says that books what it is asked for. */
const WORDS = ['Hello, how can I help you?', 'For Ann Miller, next Tuesday at nine?', 'It is booked. Goodbye.'];
const ASSISTANT = '00000000-0000-0000-0000-000000000000';
/** How exact a measured latency is, ms. What a busy machine puts on top of it is a true part of it: that the two ends agree is tried with the agent of a set truth. */
const EXACT_MS = 30;

/** Latencies of the turns in which none of our own frames was late: of the others the caller's end is not known. */
const latenciesOf = ({ measures }: CaseReport) =>
  measures!.turns.flatMap(({ latencyMs, ownLateMs }) => (ownLateMs === undefined ? [latencyMs ?? Number.NaN] : []));

/** Over a WebSocket each latency is what the far end took by its own clock, neither more nor less; of a turn in which our own frames were late the caller's end is not known. */
function expectTrue({ measures }: CaseReport, truth: readonly TurnTruth[]): void {
  const answered = measures!.turns.filter(({ outcome }) => outcome === 'answered');
  expect(answered.length).toBe(truth.length);
  for (const [i, { latencyMs, ownLateMs }] of answered.entries())
    if (ownLateMs === undefined)
      expect(Math.abs(latencyMs! - (truth[i]!.answerFromMs - truth[i]!.callerToMs))).toBeLessThan(EXACT_MS);
}

/** The least that the far end took for an answer, by its own clock, ms. */
const soonestOf = (turns: readonly TurnTruth[]) =>
  Math.min(...turns.map(({ answerFromMs, callerToMs }) => answerFromMs - callerToMs));

describe('the suite for an agent at Retell', () => {
  it('passes over the gateway, with its report beside what was heard, and the way to it', async ({ own }) => {
    const talker = { replyAfterMs: 800, replyMs: 2_500 };
    const retell = own(await RetellServer.start({ key: KEY, agents: [AGENT], scenario: { talker } }));
    const settings = { RETELL_API_KEY: KEY, RETELL_API_URL: retell.url, SUITES_DIR: 'suites' };
    const rig = own(await startRig({ settings }));
    const { run, cases } = await wholeRun(rig, { suite: 'retell.yaml', concurrency: 1 });
    expect(run, JSON.stringify(run.cases)).toMatchObject({ state: 'passed', counts: { passed: 2 } });
    const [answers] = cases;
    expect(retell.calls.map(({ id }) => id)).toContain(answers!.providerCallId);
    expect(answers!.measures!.turns.length).toBeGreaterThan(0);
    const soonest = soonestOf(retell.calls.flatMap(({ truth }) => truth.turns));
    for (const latency of latenciesOf(answers!)) expect(latency).toBeGreaterThan(soonest - EXACT_MS);
    const { provider, path } = answers!.measures!;
    // As its API has it, and as the call's own events have it where that says nothing.
    const its = retell.calls.find(({ id }) => id === answers!.providerCallId)!.truth.turns;
    const theirs = Math.round(Math.max(...its.map(({ answerFromMs, callerToMs }) => answerFromMs - callerToMs)));
    expect(provider).toContainEqual(expect.objectContaining({ name: 'responseLatencyMs.max', theirs }));
    expect(provider.map(({ name }) => name)).toEqual(expect.arrayContaining(['callerInterruptions', 'durationMs']));
    expect(path?.n).toBeGreaterThan(1);
    expect(path?.delayMs).toBeGreaterThan(0);
  });

  it.skipIf(noLiveKit !== undefined)('passes in a room, where the API has only that', async ({ own }) => {
    const { url, apiKey, apiSecret } = own(await startLiveKit());
    const rooms = own(openRooms({ clock: systemClock, log: fakeLog() }));
    await rooms.ready();
    const scenario = { v3: 'absent', talker: { replyAfterMs: 800, replyMs: 2_500 } } as const;
    const livekit = { url, apiKey, apiSecret, rooms };
    const retell = own(await RetellServer.start({ key: KEY, agents: [AGENT], scenario, livekit }));
    const settings = { RETELL_API_KEY: KEY, RETELL_API_URL: retell.url, RETELL_LIVEKIT_URL: url, SUITES_DIR: 'suites' };
    const rig = own(await startRig({ settings }));
    const { run, cases } = await wholeRun(rig, { suite: 'retell.yaml', only: ['greets'] });
    expect(cases[0]!.providerCallId).toBe(retell.calls[0]!.id);
    expect(run, JSON.stringify(run.cases)).toMatchObject({ state: 'passed', counts: { passed: 1 } });
  });
});

describe('the suite for an assistant of Vapi', () => {
  it('passes, with the latency that it tells of beside what was heard', async ({ own }) => {
    const vapi = own(await startVapi({ key: KEY, assistants: [ASSISTANT], voice: { latencyMs: 500 } }));
    const settings = { VAPI_API_KEY: KEY, VAPI_API_URL: vapi.url, SUITES_DIR: 'suites' };
    const rig = own(await startRig({ settings }));
    const { run, cases } = await wholeRun(rig, { suite: 'vapi.yaml', only: ['greets'] });
    expect(run, JSON.stringify(run.cases)).toMatchObject({ state: 'passed', counts: { passed: 1 } });
    expect(cases[0]!.providerCallId).toBe(vapi.calls[0]!.id);
    expect(cases[0]!.measures!.turns.length).toBeGreaterThan(0);
    expectTrue(cases[0]!, vapi.calls[0]!.truth.turns);
    expect(cases[0]!.measures!.provider.map(({ name }) => name)).toContain('responseLatencyMs.mean');
  });
});

describe('the suite for an assistant of Vapi that says words', () => {
  it('passes whole: a model plays the second caller in noise, reaches its goal, and a judge decides', async ({
    own,
  }) => {
    const voice = { latencyMs: 500, say: WORDS };
    const vapi = own(await startVapi({ key: KEY, assistants: [ASSISTANT], voice }));
    const settings = { VAPI_API_KEY: KEY, VAPI_API_URL: vapi.url, SUITES_DIR: 'suites' };
    const rig = own(await startRig({ settings }));
    const { run, cases } = await wholeRun(rig, { suite: 'vapi.yaml', concurrency: 1 });
    expect(run, JSON.stringify(run.cases)).toMatchObject({ state: 'passed', counts: { passed: 2 } });
    const [, books] = cases;
    expect(books!.caller).toMatchObject({ state: 'done' });
    const linesOf = (who: string) => books!.transcript.flatMap((line) => (line.who === who ? [line.text] : []));
    expect(linesOf('agent')).toEqual(WORDS.map((words) => words.toLowerCase()));
    // Short words may drown in the noise of the street for who writes them down; what was said is known by the marks.
    expect(linesOf('caller')).toContain('an appointment next tuesday at nine.');
    const said = books!.caller!.marks.flatMap(({ kind, text }) => (kind === 'say' ? [text] : []));
    expect(said).toEqual(['An appointment next Tuesday at nine.', 'Yes.', 'Goodbye.']);
    expect(books!.providerTranscript.flatMap(({ who, text }) => (who === 'agent' ? [text] : []))).toEqual(WORDS);
    expect(books!.judged?.criteria.map(({ verdict, agreement }) => [verdict, agreement])).toEqual([
      ['pass', 1],
      ['pass', 1],
    ]);
    for (const one of cases) {
      expectTrue(one, vapi.calls.find(({ id }) => id === one.providerCallId)!.truth.turns);
    }
  });

  it('fails soon, and says why, where no word of it can be understood', async ({ own }) => {
    const vapi = own(await startVapi({ key: KEY, assistants: [ASSISTANT] }));
    const settings = { VAPI_API_KEY: KEY, VAPI_API_URL: vapi.url, SUITES_DIR: 'suites' };
    const rig = own(await startRig({ settings }));
    const { cases } = await wholeRun(rig, { suite: 'vapi.yaml', only: ['books'] });
    expect(cases[0]).toMatchObject({
      state: 'failed',
      reasons: ['says the name Ann Miller: the agent did not say it in any spelling'],
      caller: { state: 'done' },
    });
    expect(cases[0]!.durationMs).toBeLessThan(40_000);
  });
});

describe('a suite whose target names a variable of the environment', () => {
  it('calls it with what that is, and calls nobody without', async ({ own }) => {
    const agent = own(await startAgentProcess({ greeting: { delayMs: 200, tone: 1_020, toneMs: 600 } }));
    const caseOf = (name: string, variable: string) =>
      `  - { name: ${name}, target: { kind: websocket, url: "${agent.url}\${${variable}}" }, steps: [{ wait_for: turn }, hang_up] }\n`;
    const cases = `${caseOf('there', 'AGENT_TEST_QUERY')}${caseOf('missing', 'AGENT_TEST_MISSING')}`;
    const folder = suiteFolder(own, 'env.yaml', `cases:\n${cases}`);
    vi.stubEnv('AGENT_TEST_QUERY', '?token=abc');
    own({ close: async () => void vi.unstubAllEnvs() });
    const rig = own(await startRig({ settings: { SUITES_DIR: folder } }));
    const { run } = await wholeRun(rig, { suite: 'env.yaml' });
    expect(run.cases.map(({ id, state, reasons }) => [id, state, reasons])).toEqual([
      ['there', 'passed', []],
      ['missing', 'not-executed', ['CONFIG_INVALID: the agent names AGENT_TEST_MISSING, which is not set']],
    ]);
  });
});
