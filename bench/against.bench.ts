/**
 * Two checkouts of the project against one another in one run, in turns: CPU a call at 200 WebSocket calls, latency, and barge-in. What else the
 * machine does hits both alike, so the ratio says what a change cost, where two runs one after the other say what hour it was.
 * Run: node bench/against.bench.ts --before /path/of/the/other/checkout [--rounds 8] [--calls 200] [--callers 4] [--only calls|barge-in] [--transport websocket|webrtc] [--quick]
 */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { webrtcAvailable } from '../src/transport/peer.ts';
import { measure } from './barge-in.bench.ts';
import { median, type Parties, type Plan, type Window, windowOf } from './bridge.bench.ts';
import { startChild } from './lib/child.ts';
import type { DaemonMethods } from './lib/daemon.ts';
import type { LoadMethods } from './lib/load.ts';
import { summarise } from './lib/stats.ts';
import { header, n, print, table, type Verdict, verdicts } from './lib/table.ts';

/** A change may cost so much and no more. */
const MOST = 1.03;

interface Tree {
  readonly name: 'before' | 'after';
  /** Its own daemon, as its own bench starts it. */
  readonly file: string;
}

/**
 * Windows of both in pairs; which of a pair comes first takes turns, too. Each window has a process of its own: what V8 happens to make of the same
 * code differs from process to process by ten percent and more, for as long as the process lives.
 */
async function calls(trees: readonly [Tree, Tree], rounds: number, plan: Plan): Promise<Array<Record<string, Window>>> {
  const load = startChild<LoadMethods>('load.ts');
  try {
    const modelUrl = await load.ask('listen');
    const env = { OPENAI_BASE_URL: modelUrl, USE_WEBRTC: 'false', GREETING: 'off' };
    const pairs: Array<Record<string, Window>> = [];
    for (let round = 0; round < rounds; round++) {
      const pair: Record<string, Window> = {};
      for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const { name, file } = trees[at]!;
        const daemon = startChild<DaemonMethods>(file);
        try {
          const parties: Parties = { load, daemon, daemonUrl: await daemon.ask('start', { env }) };
          pair[name] = await windowOf(parties, 'daemon', plan, true, false);
        } finally {
          await daemon.stop();
        }
      }
      pairs.push(pair);
    }
    return pairs;
  } finally {
    await load.stop();
  }
}

interface Cut {
  readonly clears: number[];
  /** The median of each process's own. */
  readonly medians: number[];
}

/**
 * Six times each of so many callers cuts in, in each round: a median moves by a tenth with two dozen of them, and with where the frames of a process
 * happen to lie against those of the others for as long as they live, so that the medians of the processes are told, too.
 */
async function bargeIns(
  trees: readonly [Tree, Tree],
  transport: 'websocket' | 'webrtc',
  rounds: number,
  callers: number,
) {
  const told: Record<string, Cut> = { before: { clears: [], medians: [] }, after: { clears: [], medians: [] } };
  for (let round = 0; round < rounds; round++) {
    for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const { name, file } = trees[at]!;
      const { people } = await measure(transport, callers, 6, file);
      const clears = people.flatMap(({ interruptions }) => interruptions.flatMap(({ clearMs }) => clearMs ?? []));
      told[name]!.clears.push(...clears);
      told[name]!.medians.push(summarise(clears).p50);
    }
  }
  return told;
}

const { values } = parseArgs({
  options: {
    before: { type: 'string' },
    rounds: { type: 'string', default: '8' },
    calls: { type: 'string', default: '200' },
    callers: { type: 'string', default: '4' },
    only: { type: 'string' },
    transport: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});
const other = resolve(values.before ?? '');
if (values.before === undefined || !existsSync(`${other}/bench/lib/daemon.ts`)) {
  process.stderr.write('--before must be the folder of another checkout of this project, with its node_modules\n');
  process.exit(2);
}
const trees = [
  { name: 'before', file: pathToFileURL(`${other}/bench/lib/daemon.ts`).href },
  { name: 'after', file: 'daemon.ts' },
] as const;
const rounds = values.quick ? 2 : Number(values.rounds);

header();
const plan: Plan = {
  calls: Number(values.calls),
  warmMs: values.quick ? 7_000 : 12_000,
  windowMs: values.quick ? 8_000 : 15_000,
  rounds: 1,
};
const list: Verdict[] = [];
if (values.only !== 'barge-in') {
  const pairs = await calls(trees, rounds, plan);
  table(
    `WebSocket, ${plan.calls} calls: windows in pairs, before and after`,
    [
      'pair',
      'before: % a call',
      'after: % a call',
      'ratio',
      'up p99 ms',
      'up p99 ms',
      'down p99 ms',
      'down p99 ms',
      'else %',
      'else %',
    ],
    pairs.map(({ before, after }, i) => [
      String(i + 1),
      n(before!.cpu, 3),
      n(after!.cpu, 3),
      n(after!.cpu / before!.cpu),
      n(before!.load.up.p99),
      n(after!.load.up.p99),
      n(before!.load.firstDown.p99),
      n(after!.load.firstDown.p99),
      n(before!.othersCpu, 0),
      n(after!.othersCpu, 0),
    ]),
  );
  list.push({
    what: `WebSocket: CPU a call at ${plan.calls} calls, after against before`,
    value: median(pairs, ({ before, after }) => after!.cpu / before!.cpu),
    target: MOST,
    unit: 'ratio',
  });
}
const rows: string[][] = [];
for (const transport of ['websocket', 'webrtc'] as const) {
  if (values.only === 'calls' || (values.transport !== undefined && values.transport !== transport)) continue;
  if (transport === 'webrtc' && !webrtcAvailable().ok) continue;
  const told = await bargeIns(trees, transport, values.quick ? 2 : Math.ceil(rounds / 2), Number(values.callers));
  const [before, after] = [summarise(told['before']!.clears), summarise(told['after']!.clears)];
  for (const [name, it] of Object.entries({ before, after })) {
    const medians = told[name]!.medians.map((value) => n(value)).join(', ');
    rows.push([`${transport} ${name}`, n(it.p50), n(it.mean), n(it.p95), n(it.max), String(it.count), medians]);
  }
  list.push({
    what: `${transport}: speech_started to clear, p50, after against before`,
    value: after.p50 / before.p50,
    target: MOST,
    unit: 'ratio',
  });
}
if (rows.length > 0)
  table(
    'Barge-in: model sends speech_started to clear at the phone',
    ['', 'p50 ms', 'mean ms', 'p95 ms', 'max ms', 'count', 'p50 of each process, ms'],
    rows,
  );
verdicts(list);
print('Pairs and halves of a millisecond move with the machine: look at the spread before the verdict.');
