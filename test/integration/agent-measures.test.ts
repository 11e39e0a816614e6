import { describe } from 'vitest';
import type { Measures } from '../../src/measure/measures.ts';
import type { AgentTruth } from '../../src/simulator/agent/index.ts';
import { rigTest as it } from './rig-test.ts';
import { Callers, startAgentProcess } from './test-call.ts';

/** What is measured of an agent over a real socket is what it did, by its own account. */

const PER_MS = 24;
const near = (got: number | null | undefined, wanted: number, within = 30) =>
  got != null && Math.abs(got - wanted) <= within;

/** Lateness up to which a machine is quiet, ms, and beyond which frames that come late leave a hole (`src/measure/tape-track.ts`). */
const QUIET_MS = 10;
const JITTER_MS = 40;

const lateness = ({ worstOutMs, worstInMs }: AgentTruth) => Math.max(0, Math.max(worstOutMs, worstInMs) - QUIET_MS);

/**
 * What of the measures is not what the agent says it did. By how much it was late itself, in and out, it says, too: on a machine that is quiet times are right to 30 ms, and on another to that
 * much more, and what of its frames was so late that a listener had heard it is a hole of no more than that.
 */
function differences(measures: Measures, truth: AgentTruth): string[] {
  const wrong: string[] = [];
  const late = lateness(truth);
  const check = (what: string, got: number | null | undefined, wanted: number) => {
    if (!near(got, wanted, 30 + late)) wrong.push(`${what}: ${got} for ${wanted}`);
  };
  const [greeting] = truth.said;
  check('greeting', measures.greetingDelayMs, (greeting?.from ?? 0) / PER_MS + truth.startedAfterMs);
  if (measures.turns.length !== truth.turns.length)
    wrong.push(`${measures.turns.length} turns for ${truth.turns.length}`);
  for (const [i, one] of truth.turns.entries()) {
    const got = measures.turns[i];
    if (one.missed) {
      if (got?.outcome !== 'missed') wrong.push(`turn ${i}: ${got?.outcome} for missed`);
    } else check(`turn ${i}`, got?.latencyMs, one.latencyMs ?? Number.NaN);
  }
  const yields = truth.said.filter(({ yieldMs }) => yieldMs !== undefined);
  if (measures.callerInterruptions.length !== yields.length) {
    wrong.push(`${measures.callerInterruptions.length} interruptions for ${yields.length}`);
  }
  for (const [i, { yieldMs }] of yields.entries()) {
    check(`yield ${i}`, measures.callerInterruptions[i]?.yieldMs, yieldMs ?? Number.NaN);
  }
  const found = [...measures.sound.agent.dropouts];
  for (const { from, to } of truth.said.flatMap(({ dropouts }) => dropouts)) {
    const made = from / PER_MS + truth.startedAfterMs;
    const at = found.findIndex(({ fromMs }) => Math.abs(fromMs - made) <= 30 + late);
    const [hole] = at < 0 ? [] : found.splice(at, 1);
    check(`dropout at ${made}`, hole === undefined ? undefined : hole.toMs - hole.fromMs, (to - from) / PER_MS);
  }
  for (const { fromMs, toMs } of found)
    if (truth.worstOutMs <= JITTER_MS || toMs - fromMs > truth.worstOutMs + QUIET_MS)
      wrong.push(`a dropout of ${toMs - fromMs} at ${fromMs} that the agent did not make`);
  return wrong;
}

const tone = (toneMs: number) => ({ tone: 1_020, toneMs });
const says = (ms: number) => ({ say: `tone:440/${ms}/-16` });
const turn = { wait_for: 'turn', within_ms: 8_000 };

describe.each(['live', 'burst'] as const)('an agent whose audio comes %s', (pace) => {
  it('is measured as it was: greeting, latencies, interruptions, missed turns, holes', async ({ own, expect }) => {
    const agent = own(
      await startAgentProcess({
        burst: pace === 'burst',
        silence: pace === 'live',
        greeting: { delayMs: 640, ...tone(900) },
        turns: [
          { latencyMs: 430, ...tone(1_200), pauses: [{ atMs: 500, ms: 400 }] },
          { latencyMs: 1_310, ...tone(800), dropouts: [{ atMs: 300, ms: 80 }] },
          { missed: true },
          { overMs: 700, ...tone(1_500) },
          { latencyMs: 600, ...tone(6_000), yieldMs: 380 },
          { latencyMs: 900, ...tone(700) },
        ],
      }),
    );
    const { outcome, measures } = await own(new Callers()).call(agent.url, pace, [
      turn,
      says(900),
      turn,
      says(600),
      turn,
      says(500),
      { silence: 4 },
      says(1_400),
      turn,
      says(500),
      { interrupt: 'tone:440/700/-16', after_ms: 1_000 },
      { silence: 3 },
      'hang_up',
    ]);
    expect(outcome).toMatchObject({ state: 'done' });
    const [truth] = await agent.truths(1);
    expect(differences(measures, truth!), JSON.stringify({ truth, turns: measures.turns })).toEqual([]);
    expect(measures.agentInterruptions).toHaveLength(1);
    expect(Math.abs(measures.agentInterruptions[0]!.overlapMs - 700)).toBeLessThanOrEqual(30 + lateness(truth!));
    expect(measures.turns.map(({ timing }) => timing)).toEqual([
      'on-time',
      'on-time',
      undefined,
      'early',
      'on-time',
      'on-time',
    ]);
  });
});
