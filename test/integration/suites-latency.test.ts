import { describe, expect } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { openRooms } from '../../src/rooms/pool/rooms.ts';
import { type RetellRooms, RetellServer } from '../../src/simulator/retell/index.ts';
import type { TurnTruth } from '../../src/simulator/talker/turn-truth.ts';
import { startVapi } from '../../src/simulator/vapi/index.ts';
import type { CaseReport } from '../../src/suites/report/types.ts';
import { fakeLog } from '../fakes/legs.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { loudness } from './loudness.ts';
import { measuredAgain, type Skip } from './measured-again.ts';
import { askAsOperator } from './operator.ts';
import { type Rig, startRig } from './rig.ts';
import { rigTest as it, type Own } from './rig-test.ts';
import { suiteFolder, wholeRun } from './suite-runs.ts';

/**
 * Latencies that are measured of agents at providers, against two truths: the run's own recording, looked at by nothing but loudness, and what the far end itself
 * knows of when it heard the last sound and when it sent the first. The difference to that is the way there and back, on a WebSocket nothing: over WebRTC the report
 * says what of it was measured, and the far end what waited there.
 */

const KEY = 'key-of-the-account';
const AGENT = 'agent_0000000000000000000000';
const ASSISTANT = '00000000-0000-0000-0000-000000000000';
const TURNS = 6;
/** How exact the tape is read, ms: edges are known to 5 on either side, and a tone that was decoded rises for some. */
const EDGES_MS = 15;
/** On a WebSocket nothing is between. */
const SOCKET_MS = 30;
/** Over WebRTC the way is one for all turns of a call, as far as buffers are: a frame at either end, and what they give and take to keep their length. */
const CONSTANT_MS = 60;
/** How long that way may be beside what was measured of it in that very call, by the report at our end and by the far end at its own: codecs, frames and clocks. */
const WAY_MS = 120;
/** Turns in which our own process had the processor: fewer say nothing. */
const LEAST_TURNS = 3;

const talks = (target: string): string => {
  const steps = Array.from({ length: TURNS }, (_, i) => `{ say: "tone:440/${500 + i * 37}/-16" }, { wait_for: turn }`);
  return `target: ${target}\ncases:\n  - { name: talks, steps: [{ wait_for: turn }, ${steps.join(', ')}, hang_up] }\n`;
};

/** Latencies as a ruler on the recording has them. */
async function onTape(rig: Rig, run: string, { id }: CaseReport): Promise<number[]> {
  const tape = await askAsOperator(`${rig.url}/tests/runs/${run}/cases/${id}/tape`);
  const { sampleRate, channels } = decodeWav(new Uint8Array(await tape.arrayBuffer()));
  const agent = loudness(channels[1]!, sampleRate);
  return loudness(channels[0]!, sampleRate).map(
    ({ to }) => (agent.find(({ from }) => from > to - 100)?.from ?? Number.NaN) - to,
  );
}

/** What is wrong with how far latencies are from the far end's, turn by turn, in words. */
type Judge = (ways: readonly number[]) => string[];

const nothingBetween: Judge = (ways) => {
  const wrong = ways.flatMap((way) => (Math.abs(way) > SOCKET_MS ? [`${way.toFixed(0)} ms from the truth`] : []));
  const spread = Math.max(...ways) - Math.min(...ways);
  return spread > 2 * SOCKET_MS ? [...wrong, `between turns the way differs by ${spread.toFixed(0)} ms`] : wrong;
};

const constantWay: Judge = (ways) => {
  const middle = ways.toSorted((a, b) => a - b)[ways.length >> 1]!;
  const off = ways.filter((way) => !(Math.abs(way - middle) <= CONSTANT_MS));
  return [
    ...(middle >= -EDGES_MS && middle <= WAY_MS
      ? []
      : [`the way beside what was measured of it is ${middle.toFixed(0)} ms`]),
    ...off.map((way) => `${way.toFixed(0)} ms from the truth in one turn, ${middle.toFixed(0)} in the middle`),
  ];
};

/**
 * What is wrong with a case's latencies, in words. What the ruler says of the tape holds on any machine. What the far end says is judged where this process was given
 * the processor: both ends are in it, and neither is a measure of the other else. Then the case is invalid: it skips the test, and says so.
 */
async function wrongIn(
  skip: Skip,
  rig: Rig,
  suite: { readonly run: { readonly id: string; readonly state: string }; readonly cases: readonly CaseReport[] },
  truth: readonly TurnTruth[],
  /** What waited at the far end at a moment of its clock's; undefined where there is nothing between, and nothing is taken off. */
  heldAt: ((at: number) => number) | undefined,
  judge: Judge,
): Promise<string[]> {
  const [one] = suite.cases;
  const turns = one?.measures?.turns ?? [];
  const { starved = 0, late = 0 } = one?.caller?.pace ?? {};
  if (turns.length !== TURNS || truth.length !== TURNS) {
    // A stall within words makes two turns of one, or one of two.
    skip(starved > TURNS, `${starved} frames waited for the processor, and turns were broken by it`);
    return [`${turns.length} turns measured and ${truth.length} true of ${TURNS}: ${JSON.stringify(one?.reasons)}`];
  }
  const ruled = await onTape(rig, suite.run.id, one!);
  if (ruled.length !== TURNS) {
    skip(
      starved > 0,
      `${starved} frames waited for the processor, and the ruler finds ${ruled.length} turns of ${TURNS}`,
    );
    return [`on the tape the ruler finds ${ruled.length} turns of ${TURNS}`];
  }
  const wrong = ruled.flatMap((ms, i) =>
    Math.abs(ms - turns[i]!.latencyMs!) <= EDGES_MS ? [] : [`turn ${i}: ${turns[i]!.latencyMs} ms, on the tape ${ms}`],
  );
  if (wrong.length > 0) return wrong;
  const path = one!.measures!.path;
  const held = truth.map(({ answerFromMs }) => heldAt?.(answerFromMs) ?? 0);
  const measured = turns.map(({ pathMs }, i) => (heldAt === undefined ? 0 : (pathMs ?? Number.NaN) + held[i]!));
  const ways = turns.flatMap(({ latencyMs, ownLateMs }, i) =>
    ownLateMs === undefined ? [latencyMs! - (truth[i]!.answerFromMs - truth[i]!.callerToMs) - measured[i]!] : [],
  );
  process.stdout.write(
    `measured of the way ${measured.map((ms) => ms.toFixed(0)).join(' ')} (far end ${held.map((ms) => ms.toFixed(0)).join(' ')}), beside that ${ways.map((way) => way.toFixed(0)).join(' ')} ms of latencies ${turns.map(({ latencyMs }) => latencyMs).join(' ')}; ${JSON.stringify({ path, pace: one!.caller!.pace })}\n`,
  );
  skip(
    ways.length < LEAST_TURNS && starved > late / 2,
    `in ${TURNS - ways.length} of ${TURNS} turns the machine was busy with others`,
  );
  if (ways.length < LEAST_TURNS)
    return [`in ${TURNS - ways.length} of ${TURNS} turns frames of ours were late by our own doing`];
  const off = judge(ways);
  // A jitter buffer holds for long what one packet was late by: over WebRTC one stall is in all turns behind it.
  skip(
    off.length > 0 && heldAt !== undefined && starved > 0,
    `${starved} frames waited for the processor, and the buffers grew by it: ${off.join(', ')}`,
  );
  return off;
}

/** Both figures are told: the latencies as they were heard, and less what was measured of the way. */
function expectBothFigures({ cases }: { readonly cases: readonly CaseReport[] }): void {
  const { figures, path, turns } = cases[0]!.measures!;
  const { responseLatencyMs: heard, responseLatencyLessPathMs: less } = figures;
  expect(less.n).toBe(heard.n);
  const ways = turns.map(({ pathMs }) => pathMs!);
  expect(heard.mean! - less.mean!).toBeCloseTo(ways.reduce((sum, ms) => sum + ms, 0) / ways.length, 0);
  expect(path!.delayMs).toBeCloseTo(path!.roundTripMs! + path!.jitterBufferMs! + (path!.ownQueuesMs ?? 0), 0);
}

const TALKER = { replyAfterMs: 800, replyMs: 900 };

/** An agent at Retell, over the gateway or in a room, against both truths. */
async function atRetell(own: Own, skip: Skip, transport: 'gateway' | 'livekit', livekit?: RetellRooms) {
  const scenario = { talker: TALKER };
  const retell = own(await RetellServer.start({ key: KEY, agents: [AGENT], scenario, livekit }));
  const target = `{ kind: retell, agent_id: ${AGENT}, transport: ${transport} }`;
  const settings = {
    RETELL_API_KEY: KEY,
    RETELL_API_URL: retell.url,
    ...(livekit === undefined ? {} : { RETELL_LIVEKIT_URL: livekit.url }),
    SUITES_DIR: suiteFolder(own, 'x.yaml', talks(target)),
  };
  const rig = own(await startRig({ settings }));
  const done = await wholeRun(rig, { suite: 'x.yaml' });
  const [call] = retell.calls;
  expect(await wrongIn(skip, rig, done, call!.truth.turns, (at) => call!.heldAt(at), constantWay)).toEqual([]);
  expectBothFigures(done);
  return done.cases[0]!.measures!.path!;
}

describe('latencies of an agent at Retell', () => {
  it(
    'over the gateway are what is on the tape, and less the way what it did but for a constant',
    ({ own, skip }) =>
      measuredAgain({ own, skip }, async (own, skip) => {
        expect((await atRetell(own, skip, 'gateway')).jitterBufferMs).toBeGreaterThan(0);
      }),
    240_000,
  );

  it.skipIf(noLiveKit !== undefined)(
    'in a room are what is on the tape, and less the way what it did but for a constant',
    async ({ own, skip }) => {
      const { url, apiKey, apiSecret } = own(await startLiveKit());
      const rooms = own(openRooms({ clock: systemClock, log: fakeLog() }));
      await rooms.ready();
      await measuredAgain({ own, skip }, async (own, skip) => {
        const path = await atRetell(own, skip, 'livekit', { url, apiKey, apiSecret, rooms });
        expect(path.jitterBufferMs).toBeGreaterThan(0);
        expect(path.ownQueuesMs).toBeGreaterThan(0);
      });
    },
    240_000,
  );
});

describe('latencies of an assistant of Vapi', () => {
  it(
    'are what it did, since nothing is between',
    ({ own, skip }) =>
      measuredAgain({ own, skip }, async (own, skip) => {
        const vapi = own(await startVapi({ key: KEY, assistants: [ASSISTANT], voice: { latencyMs: 500, ms: 900 } }));
        const settings = { VAPI_API_KEY: KEY, VAPI_API_URL: vapi.url };
        const folder = suiteFolder(own, 'x.yaml', talks(`{ kind: vapi, assistant_id: ${ASSISTANT} }`));
        const rig = own(await startRig({ settings: { ...settings, SUITES_DIR: folder } }));
        const done = await wholeRun(rig, { suite: 'x.yaml' });
        expect(await wrongIn(skip, rig, done, vapi.calls[0]!.truth.turns, undefined, nothingBetween)).toEqual([]);
        expect(done.cases[0]!.measures!.path).toBeNull();
      }),
    240_000,
  );
});
