/**
 * What `transport/plain-frames.ts` brings by itself: the daemon's CPU at 200 WebSocket calls with the short way and without it, in windows that
 * take turns in one process.
 * Run: node bench/plain-frames.bench.ts [--quick]
 */

import { parseArgs } from 'node:util';
import { median, type Parties, type Plan, type Window, windowOf } from './bridge.bench.ts';
import { startChild } from './lib/child.ts';
import type { DaemonMethods } from './lib/daemon.ts';
import type { LoadMethods } from './lib/load.ts';
import { n, print, table, type Verdict } from './lib/table.ts';

/** Below this share of the daemon's CPU a reader of frames of our own is not worth its lines, %. */
const WORTH_PERCENT = 5;

interface Pair {
  readonly on: Window;
  readonly off: Window;
  /** Which of both came first. */
  readonly first: 'on' | 'off';
}

/** Of the CPU that the daemon takes without the short way, how much less it takes with it, %. */
const share = ({ on, off }: Pair): number => (100 * (off.cpu - on.cpu)) / off.cpu;

export async function plainFrames({ quick }: { quick: boolean }): Promise<Verdict[]> {
  const load = startChild<LoadMethods>('load.ts');
  const daemon = startChild<DaemonMethods>('daemon.ts');
  try {
    const modelUrl = await load.ask('listen');
    const env = { OPENAI_BASE_URL: modelUrl, USE_WEBRTC: 'false', GREETING: 'off' };
    const parties: Parties = { load, daemon, daemonUrl: await daemon.ask('start', { env }) };
    const plan: Plan = { calls: 200, warmMs: 7_000, windowMs: quick ? 8_000 : 15_000, rounds: quick ? 1 : 7 };
    const measured = async (on: boolean): Promise<Window> => {
      await daemon.ask('shortWay', { on });
      return windowOf(parties, 'daemon', plan, true, false);
    };
    // A first window, of which nothing is told: the code of both ways is compiled in it, and memory taken.
    await measured(false);
    const pairs: Pair[] = [];
    for (let round = 0; round < plan.rounds; round++) {
      // In turns, so that what gets slower or quicker in the course of a run is no advantage of either.
      const first = round % 2 === 0 ? 'on' : 'off';
      const one = await measured(first === 'on');
      const other = await measured(first !== 'on');
      pairs.push(first === 'on' ? { on: one, off: other, first } : { on: other, off: one, first });
    }
    tell(pairs, plan.calls);
    return [];
  } finally {
    await Promise.all([load.stop(), daemon.stop()]);
  }
}

function tell(pairs: readonly Pair[], calls: number): void {
  table(
    `Plain frames: the daemon's CPU at ${calls} WebSocket calls, % of a core, with the short way and without it`,
    ['pair', 'with', 'without', "share of the daemon's CPU %", 'first', 'all else: %', '%'],
    pairs.map((pair, i) => [
      String(i + 1),
      n(pair.on.cpu * calls, 1),
      n(pair.off.cpu * calls, 1),
      n(share(pair), 1),
      pair.first === 'on' ? 'with' : 'without',
      n(pair.on.othersCpu, 1),
      n(pair.off.othersCpu, 1),
    ]),
  );
  const middle = median(pairs, share);
  const decided = pairs.length < 3 ? 'too few pairs to decide by' : middle >= WORTH_PERCENT ? 'it stays' : 'it goes';
  print(`\nmedian of the pairs: ${n(middle, 1)} %; it must bring ${WORTH_PERCENT} % at the least: ${decided}`);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
  await plainFrames({ quick: values.quick });
}
