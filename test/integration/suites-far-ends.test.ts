import { describe, expect, vi } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { openRooms } from '../../src/rooms/pool/rooms.ts';
import { RetellServer, type WebCall } from '../../src/simulator/retell/index.ts';
import type { TurnTruth } from '../../src/simulator/talker/turn-truth.ts';
import { startVapi } from '../../src/simulator/vapi/index.ts';
import type { CaseReport } from '../../src/suites/report/types.ts';
import { fakeLog } from '../fakes/legs.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { measuredAgain, type Skip } from './measured-again.ts';
import { startRig } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { isOnlyLate, starvedIn, suiteFolder, wholeRun } from './suite-runs.ts';
import { startAgentProcess } from './test-call.ts';

/** The suites that come with the sources against stand-ins of their providers: a whole daemon, real sockets and peers. */

const KEY = 'key-of-the-account';
const AGENT = 'agent_0000000000000000000000';
/** What an assistant says that books what it is asked for. */
const WORDS = ['Hello, how can I help you?', 'For Ann Miller, next Tuesday at nine?', 'It is booked. Goodbye.'];
const ASSISTANT = '00000000-0000-0000-0000-000000000000';
/** How exact a measured latency is, ms. What a busy machine puts on top of it is a true part of it: that the two ends agree is tried with the agent of a set truth. */
const EXACT_MS = 30;

/** Over a WebSocket each latency is what the far end took by its own clock, neither more nor less; of a turn in which our own frames were late the caller's end is not known. */
function expectTrue({ measures }: CaseReport, truth: readonly TurnTruth[]): void {
  const answered = measures!.turns.filter(({ outcome }) => outcome === 'answered');
  expect(answered.length).toBe(truth.length);
  for (const [i, { latencyMs, ownLateMs }] of answered.entries())
    if (ownLateMs === undefined)
      expect(Math.abs(latencyMs! - (truth[i]!.answerFromMs - truth[i]!.callerToMs))).toBeLessThan(EXACT_MS);
}

/** What an agent at Retell is set to, ms. */
const TALKER = { greetAfterMs: 900, replyAfterMs: 800, replyMs: 2_500, yieldAfterMs: 350 };
/** What over WebRTC is beside a figure and what was measured of its way, ms: codecs, frames and clocks; and where it was cut in on, a frame by which that is heard, and one in which it falls silent. */
const WAY_MS = 120;
const YIELD_WAY_MS = WAY_MS + 40;

/** What of a case is not what its agent at Retell did and was set to, in words, beside the way there and back at each answer as the report and the far end know it. */
function untrueOf({ measures }: CaseReport, call: WebCall): string[] {
  const { truth } = call;
  const { turns, path, greetingDelayMs, callerInterruptions } = measures!;
  const wayMs = path!.delayMs! + call.heldMs;
  const beside = (what: string, ms: number | null, most: number, way = wayMs) =>
    ms !== null && ms >= -EXACT_MS && ms <= most ? [] : [`${what}: ${ms} ms beside a way of ${way}`];
  const answered = turns.filter(({ outcome }) => outcome === 'answered');
  const wayOf = (i: number) => answered[i]!.pathMs! + call.heldAt(truth.turns[i]?.answerFromMs ?? 0);
  // Of the words that cut in the way is known by their answer.
  const cutIn = answered.findIndex(({ kind }) => kind === 'interrupt');
  const cutInMs = cutIn < 0 ? wayMs : wayOf(cutIn);
  const took = truth.turns.map(({ answerFromMs, callerToMs }) => answerFromMs - callerToMs);
  return [
    ...(answered.length === took.length ? [] : [`${answered.length} turns of ${took.length}`]),
    ...answered.flatMap(({ latencyMs, ownLateMs }, i) =>
      ownLateMs === undefined ? beside(`turn ${i}`, latencyMs! - took[i]! - wayOf(i), WAY_MS, wayOf(i)) : [],
    ),
    // Only the way back, and it began when the first of the two ends was there.
    ...beside('greeting', greetingDelayMs! - TALKER.greetAfterMs, wayMs + WAY_MS),
    ...callerInterruptions.flatMap(({ yieldMs }) =>
      beside('yield', yieldMs == null ? null : yieldMs - TALKER.yieldAfterMs - cutInMs, YIELD_WAY_MS, cutInMs),
    ),
  ];
}

/** That both cases passed, each with what its own call truly did. Where frames of the callers waited for the processor, buffers grew by it, and neither is a measure of the other. */
function expectAllTrue(skip: Skip, done: Awaited<ReturnType<typeof wholeRun>>, calls: readonly WebCall[]): void {
  const { run, cases } = done;
  skip(run.state !== 'passed' && isOnlyLate(done), `the machine had no time for it: ${JSON.stringify(run.cases)}`);
  expect(run, JSON.stringify(run.cases)).toMatchObject({ state: 'passed', counts: { passed: 2 } });
  expect(cases.map(({ providerCallId }) => providerCallId)).toEqual(calls.map(({ id }) => id));
  expect(cases.map(({ measures }) => measures!.turns.length)).toEqual([1, 2]);
  const untrue = cases.flatMap((one, i) => untrueOf(one, calls[i]!));
  skip(
    untrue.length > 0 && starvedIn(cases) > 0,
    `${starvedIn(cases)} frames waited for the processor: ${untrue.join(', ')}`,
  );
  expect(untrue).toEqual([]);
}

describe('the suite for an agent at Retell', () => {
  it(
    'passes over the gateway with what the far end did, its report beside what was heard, and the way to it',
    ({ own, skip }) =>
      measuredAgain({ own, skip }, async (own, skip) => {
        const retell = own(await RetellServer.start({ key: KEY, agents: [AGENT], scenario: { talker: TALKER } }));
        const settings = { RETELL_API_KEY: KEY, RETELL_API_URL: retell.url, SUITES_DIR: 'suites' };
        const rig = own(await startRig({ settings }));
        const { run, cases } = await wholeRun(rig, { suite: 'retell.yaml', concurrency: 1 });
        const [answers, gives] = cases;
        expectAllTrue(skip, { run, cases }, retell.calls);
        expect(gives!.measures!.callerInterruptions).toMatchObject([{ yielded: true }]);
        const { provider, path } = answers!.measures!;
        // As its API has it, and as the call's own events have it where that says nothing.
        const its = retell.calls.find(({ id }) => id === answers!.providerCallId)!.truth.turns;
        const theirs = Math.round(Math.max(...its.map(({ answerFromMs, callerToMs }) => answerFromMs - callerToMs)));
        expect(provider).toContainEqual(expect.objectContaining({ name: 'responseLatencyMs.max', theirs }));
        expect(provider.map(({ name }) => name)).toEqual(expect.arrayContaining(['callerInterruptions', 'durationMs']));
        expect(path?.n).toBeGreaterThan(1);
        expect(path?.delayMs).toBeGreaterThan(0);
      }),
    240_000,
  );

  it.skipIf(noLiveKit !== undefined)(
    'passes in a room with what the far end did, where the API has only that',
    async ({ own, skip }) => {
      const { url, apiKey, apiSecret } = own(await startLiveKit());
      const rooms = own(openRooms({ clock: systemClock, log: fakeLog() }));
      await rooms.ready();
      const scenario = { v3: 'absent', talker: TALKER } as const;
      const livekit = { url, apiKey, apiSecret, rooms };
      await measuredAgain({ own, skip }, async (own, skip) => {
        const retell = own(await RetellServer.start({ key: KEY, agents: [AGENT], scenario, livekit }));
        const settings = {
          RETELL_API_KEY: KEY,
          RETELL_API_URL: retell.url,
          RETELL_LIVEKIT_URL: url,
          SUITES_DIR: 'suites',
        };
        const rig = own(await startRig({ settings }));
        expectAllTrue(skip, await wholeRun(rig, { suite: 'retell.yaml', concurrency: 1 }), retell.calls);
      });
    },
    240_000,
  );
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
