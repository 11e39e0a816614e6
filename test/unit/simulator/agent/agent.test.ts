import { describe, expect, it } from 'vitest';
import { makeTone } from '../../../../src/media/tone.ts';
import { AGENT_FRAME, ScenarioAgent } from '../../../../src/simulator/agent/agent.ts';
import { agentScenarioSchema } from '../../../../src/simulator/agent/scenario.ts';

const RATE = 24_000;
const PER_MS = RATE / 1000;

type Piece = readonly [fromMs: number, toMs: number];

/** A conversation with a caller who speaks at these times; what the agent sent, by when. */
function talk(scenario: unknown, caller: readonly Piece[], ms: number, { connection = 1, jitter = 0 } = {}) {
  const line = new Int16Array((ms + 100) * PER_MS);
  for (const [from, to] of caller) line.set(makeTone(440, RATE, to - from, -18), from * PER_MS);
  const frames: Array<{ at: number; samples: Int16Array }> = [];
  const told: string[] = [];
  let now = 0;
  const agent = new ScenarioAgent(agentScenarioSchema.parse(scenario), connection, {
    audio: (samples) => frames.push({ at: now, samples: samples.slice() }),
    said: (text) => told.push(`said ${text}`),
    clear: () => told.push(`clear at ${now}`),
    hangUp: () => told.push(`hang up at ${now}`),
  });
  for (let frame = 0; frame * 20 < ms; frame++) {
    now = frame * 20;
    agent.tick(now);
    agent.hear(line.subarray(frame * AGENT_FRAME, (frame + 1) * AGENT_FRAME), now + (frame % 3) * jitter);
  }
  agent.end(ms);
  // As somebody would have heard it who plays what comes when it comes.
  const heard = new Int16Array(line.length * 4);
  let end = 0;
  for (const { at, samples } of frames) {
    end = Math.max(end, at * PER_MS);
    heard.set(samples, end);
    end += samples.length;
  }
  const runs: number[][] = [];
  heard.forEach((sample, i) => {
    if (Math.abs(sample) < 100) return;
    const last = runs.at(-1);
    if (last !== undefined && i - last[1]! < 15 * PER_MS) last[1] = i + 1;
    else runs.push([i, i + 1]);
  });
  const spoke = runs.map((run) => run.map((at) => Math.round(at / PER_MS)));
  return { truth: agent.truth, spoke, told, frames };
}

const near = (got: readonly number[][], wanted: readonly number[][]) => {
  expect(got.length, JSON.stringify(got)).toBe(wanted.length);
  for (const [i, [from, to]] of wanted.entries()) {
    expect(Math.abs(got[i]![0]! - from!), JSON.stringify(got)).toBeLessThanOrEqual(6);
    expect(Math.abs(got[i]![1]! - to!), JSON.stringify(got)).toBeLessThanOrEqual(6);
  }
};

const tone = (toneMs: number) => ({ tone: 1_020, toneMs });

describe('an agent of set behaviour', () => {
  it('greets and answers when it was told to, to the sample, and says so', () => {
    const scenario = { greeting: { delayMs: 333, ...tone(400) }, turns: [{ latencyMs: 517, ...tone(600) }] };
    const { truth, spoke, frames } = talk(scenario, [[1_500, 2_300]], 5_000);
    near(spoke, [
      [333, 733],
      [2_817, 3_417],
    ]);
    expect(truth.said.map(({ from, to }) => [from / PER_MS, to / PER_MS])).toEqual([
      [333, 733],
      [2_817, 3_417],
    ]);
    expect(truth.turns).toEqual([{ callerFrom: 1_500 * PER_MS, callerTo: 2_300 * PER_MS, answer: 1, latencyMs: 517 }]);
    expect(frames.length).toBe(250);
    expect(truth).toMatchObject({ framesIn: 250, framesOut: 250, lateIn: 0, endedAt: 5_000 * PER_MS });
  });

  it('sends nothing between words where it is told so, and everything at once', () => {
    const scenario = { silence: false, burst: true, greeting: { delayMs: 100, ...tone(1_000) } };
    const { spoke, frames } = talk(scenario, [], 3_000);
    expect(new Set(frames.map(({ at }) => at))).toEqual(new Set([100]));
    near(spoke, [[100, 1_100]]);
  });

  it('misses turns, speaks over others, and answers the next as if nothing was', () => {
    const scenario = {
      greeting: false,
      turns: [{ missed: true }, { overMs: 400, ...tone(900) }, { latencyMs: 300, ...tone(200) }],
    };
    const callers: Piece[] = [
      [500, 1_000],
      [3_000, 4_000],
      [6_000, 6_500],
    ];
    const { truth, spoke } = talk(scenario, callers, 9_000);
    near(spoke, [
      [3_400, 4_300],
      [6_800, 7_000],
    ]);
    expect(truth.turns).toMatchObject([
      { missed: true },
      { answer: 0, latencyMs: -600, callerTo: 4_000 * PER_MS },
      { answer: 1, latencyMs: 300 },
    ]);
  });

  it('yields after the time that it is told, and answers what it was interrupted with', () => {
    const scenario = {
      yieldMs: 250,
      greeting: { delayMs: 0, ...tone(5_000) },
      turns: [{ latencyMs: 600, ...tone(300) }],
    };
    const { truth, spoke } = talk(scenario, [[2_000, 2_800]], 6_000);
    near(spoke, [
      [0, 2_250],
      [3_400, 3_700],
    ]);
    expect(truth.said[0]).toMatchObject({ to: 2_250 * PER_MS, yieldMs: 250 });
  });

  it('drops what it sent ahead when it yields', () => {
    const scenario = { burst: true, yieldMs: 250, greeting: { delayMs: 0, ...tone(5_000) }, turns: [{ missed: true }] };
    const { told, truth } = talk(scenario, [[2_000, 2_800]], 6_000);
    expect(told).toEqual(['said ', 'clear at 2240']);
    expect(truth.said[0]).toMatchObject({ to: 2_250 * PER_MS });
  });

  it('goes on where it does not yield, and does not answer what it talked over', () => {
    const scenario = { yieldMs: null, greeting: { delayMs: 0, ...tone(3_000) } };
    const { truth, spoke } = talk(scenario, [[1_000, 1_800]], 6_000);
    near(spoke, [[0, 3_000]]);
    expect(truth.turns).toEqual([]);
  });

  it('has pauses and holes where it is told', () => {
    const greeting = {
      delayMs: 0,
      ...tone(1_000),
      pauses: [{ atMs: 300, ms: 400 }],
      dropouts: [{ atMs: 800, ms: 60 }],
    };
    const { truth, spoke } = talk({ greeting }, [], 3_000);
    near(spoke, [
      [0, 300],
      [700, 800],
      [860, 1_400],
    ]);
    expect(truth.said[0]).toMatchObject({
      pauses: [{ from: 300 * PER_MS, to: 700 * PER_MS }],
      dropouts: [{ from: 800 * PER_MS, to: 860 * PER_MS }],
    });
  });

  it('takes no pause for an end that is shorter than its own, and hangs up when told', () => {
    const scenario = { greeting: false, pauseMs: 500, turns: [{ latencyMs: 700, ...tone(200), hangUp: true }] };
    const { truth, told } = talk(
      scenario,
      [
        [100, 500],
        [900, 1_500],
      ],
      4_000,
    );
    expect(truth.turns).toMatchObject([{ callerFrom: 100 * PER_MS, callerTo: 1_500 * PER_MS }]);
    expect(told).toEqual(['said ', 'hang up at 2400']);
  });

  it('hears the same however the frames wobble, and counts those that are late', () => {
    const scenario = { greeting: false, turns: [{ latencyMs: 500, ...tone(200) }] };
    const wobbling = talk(scenario, [[500, 1_000]], 3_000, { jitter: 6 });
    expect(wobbling.truth.turns[0]!.callerTo).toBe(1_000 * PER_MS);
    expect(wobbling.truth).toMatchObject({ lateIn: 0, worstInMs: 12 });
    expect(talk(scenario, [[500, 1_000]], 3_000, { jitter: 15 }).truth.lateIn).toBeGreaterThan(20);
  });

  it('draws the same from the same seed, and other times on another connection', () => {
    const scenario = { greeting: false, latencyMs: [300, 1_500] };
    const callers: Piece[] = [
      [500, 1_000],
      [6_000, 6_500],
    ];
    const latencies = (connection: number) =>
      talk(scenario, callers, 11_000, { connection }).truth.turns.map((turn) => turn.latencyMs);
    expect(latencies(1)).toEqual(latencies(1));
    expect(latencies(1)).not.toEqual(latencies(2));
    for (const latency of [...latencies(1), ...latencies(2)]) expect(latency! >= 300 && latency! <= 1_500).toBe(true);
  });
});
