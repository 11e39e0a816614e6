/**
 * The daemon's process before anybody calls: how long until it listens, with what CPU time, and what it holds then, and what it holds with 40 and the first 200 calls.
 * The sources with nothing kept, with what was compiled kept from a first start that does not count, and the built form (made anew), in turns. Beside them
 * what Node itself needs, and a thread that does nothing. With another checkout, in which `npm run build` was run, the built forms of both alone, in turns.
 * Run: node bench/start.bench.ts [--quick] [--before FOLDER] [--only idle|calls]
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../deploy/bundle.ts';
import { builtForm } from '../src/sources.js';
import { sleep, startChild } from './lib/child.ts';
import { daemonEnv } from './lib/daemon-env.ts';
import type { LoadMethods } from './lib/load.ts';
import { startCommand, startProgram } from './lib/program.ts';
import { type Start, type Started, start, type Way } from './lib/started.ts';
import { summarise } from './lib/stats.ts';
import { header, n, table, type Verdict, verdicts } from './lib/table.ts';

const MB = 1_024 * 1_024;
/** After it listens, s: what is done once after the start is done, threads that nobody needs have ended, and V8 has given back what that left. */
const IDLE_SECONDS = 40;
const LISTENS_MS = 800;
const TRANSPORTS = ['websocket', 'webrtc'] as const;
type Transport = (typeof TRANSPORTS)[number];
const IDLE_MB: Readonly<Record<Transport, number>> = { websocket: 110, webrtc: 140 };
/** Calls that a container of so many MB is to hold. */
const CONTAINER = { calls: 40, mb: 256 };
const FIRST_CALLS = { calls: 200, seconds: 25, mbACall: 0.3 };
const root = join(import.meta.dirname, '..');
const COMPILED = join(root, 'node_modules/.cache/node-compile');
const NOTHING = 'setInterval(() => {}, 1e6); console.log("listens on nothing")';

const WAYS: readonly Way[] = [
  { name: 'sources', args: ['src/main.ts'] },
  { name: 'sources, compiled ones kept', args: ['src/main.ts'], env: { NODE_COMPILE_CACHE: COMPILED } },
  { name: 'built form', args: startCommand(root).slice(1) },
];
const NODE_ALONE: readonly Way[] = [
  { name: 'Node alone', args: ['-e', NOTHING] },
  {
    name: 'the same, with a thread',
    args: [
      '-e',
      `new (require('node:worker_threads').Worker)('setInterval(() => {}, 1e6)', { eval: true }); ${NOTHING}`,
    ],
  },
];

/** What one holds before calls and with them, MB, and how often a phone ran dry. */
interface Held {
  readonly idle: number;
  readonly held: number;
  readonly ranDry: number;
}

/** What it holds with so many WebSocket calls, from outside, MB; and before them. */
async function held(calls: number, seconds: number, dir = root): Promise<Held> {
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-bench-'));
  const load = startChild<LoadMethods>('load.ts');
  try {
    const env = {
      ...daemonEnv(dataDir),
      OPENAI_BASE_URL: await load.ask('listen'),
      USE_WEBRTC: 'false',
      GREETING: 'off',
      LOG_LEVEL: 'silent',
    };
    const running = await startProgram({ dir, command: startCommand(dir), env });
    try {
      await sleep(IDLE_SECONDS * 1_000);
      const idle = running.usage().rss / MB;
      await load.ask('call', { target: `${running.url}/incoming-call`, calls, perSecond: 100, marked: true });
      await sleep(seconds * 1_000);
      const { underruns } = await load.ask('take');
      const all = { idle, held: running.usage().rss / MB, ranDry: underruns };
      await load.ask('hangUpAll');
      return all;
    } finally {
      await running.stop();
    }
  } finally {
    await load.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Leaves the checkout as it was: other benches start what `npm start` would. */
export async function startUp(options: { quick: boolean }): Promise<Verdict[]> {
  const before = builtForm();
  const built = await bundle();
  try {
    return await measured(options);
  } finally {
    if (before === undefined) rmSync(built, { recursive: true });
  }
}

async function measured({ quick }: { quick: boolean }): Promise<Verdict[]> {
  const built = WAYS.at(-1)!;
  const idle = await idling([...WAYS, ...NODE_ALONE], quick ? 2 : 5);
  const container = await held(CONTAINER.calls, FIRST_CALLS.seconds);
  const first = await held(FIRST_CALLS.calls, FIRST_CALLS.seconds);
  calledTable([
    ['built form', CONTAINER.calls, container],
    ['built form', FIRST_CALLS.calls, first],
  ]);
  const median = (transport: Transport, what: keyof Start) => {
    const found = idle.find((one) => one.way === built && one.transport === transport);
    return summarise((found?.all ?? []).map((one) => one[what])).p50;
  };
  return [
    ...TRANSPORTS.flatMap((transport) => [
      { what: `start: listens, ${transport}`, value: median(transport, 'listensMs'), target: LISTENS_MS, unit: 'ms' },
      {
        what: `start: idle, ${transport}`,
        value: median(transport, 'rssMb'),
        target: IDLE_MB[transport],
        unit: 'MB RSS',
      },
    ]),
    { what: `start: ${CONTAINER.calls} calls`, value: container.held, target: CONTAINER.mb, unit: 'MB RSS' },
    {
      what: `start: what the first ${FIRST_CALLS.calls} calls add`,
      value: (first.held - first.idle) / FIRST_CALLS.calls,
      target: FIRST_CALLS.mbACall,
      unit: 'MB a call',
    },
  ];
}

/** Built forms of another checkout and of this one, in turns: what each holds before calls, or with them. */
async function compared(before: string, what: string | undefined, quick: boolean): Promise<void> {
  const parties = { before, now: root };
  if (what !== 'calls')
    await idling(
      Object.entries(parties).map(([name, dir]) => ({ name, dir, args: startCommand(dir).slice(1) })),
      quick ? 3 : 5,
    );
  if (what === 'idle') return;
  const rows: Array<readonly [string, number, Held]> = [];
  rows.push(['now', CONTAINER.calls, await held(CONTAINER.calls, FIRST_CALLS.seconds)]);
  for (let pair = 0; pair < (quick ? 1 : 3); pair++)
    for (const [name, dir] of Object.entries(parties))
      rows.push([name, FIRST_CALLS.calls, await held(FIRST_CALLS.calls, FIRST_CALLS.seconds, dir)]);
  calledTable(rows);
}

function spread(values: readonly number[]): string {
  const { p50, max } = summarise(values);
  return `${n(p50, 0)} (${n(Math.min(...values), 0)} to ${n(max, 0)})`;
}

/** Starts each over and over, in turns, and reads what it holds when it has come to rest. */
async function idling(which: readonly Way[], rounds: number) {
  const ways = which.flatMap((way) =>
    (NODE_ALONE.includes(way) ? TRANSPORTS.slice(0, 1) : TRANSPORTS).map((transport) => ({
      way,
      transport,
      all: [] as Start[],
      answered: [] as number[],
    })),
  );
  // The first request of a process waits for its client to be loaded.
  await fetch('data:,');
  for (const { way, transport } of ways) await (await start(way, transport)).end();
  for (let round = 0; round < rounds; round++) {
    const running: Array<readonly [Started, Start[]]> = [];
    try {
      // One after the other; at rest they take nothing of one another's.
      for (const { way, transport, all } of ways) running.push([await start(way, transport), all]);
      await sleep(IDLE_SECONDS * 1_000);
      for (const [one, all] of running) all.push(one.read());
      for (const [i, [one]] of running.entries()) {
        const { way, answered } = ways[i]!;
        if (!NODE_ALONE.includes(way)) answered.push(await one.call());
      }
    } finally {
      await Promise.all(running.map(([one]) => one.end()));
    }
  }
  table(
    `The process before anybody calls: medians of ${rounds}, in turns, with the least and the most`,
    [
      'program',
      'model by',
      'listens after ms',
      'CPU ms',
      'RSS MB',
      'of it no file’s MB',
      'threads',
      'first webhook ms',
    ],
    ways.map(({ way, transport, all, answered }) => [
      way.name,
      NODE_ALONE.includes(way) ? '' : transport,
      ...(['listensMs', 'cpuMs', 'rssMb', 'ownMb'] as const).map((what) => {
        return spread(all.map((one) => one[what]));
      }),
      String(all.at(-1)?.threads),
      answered.length === 0 ? '' : spread(answered),
    ]),
  );
  return ways;
}

function calledTable(rows: ReadonlyArray<readonly [string, number, Held]>): void {
  table(
    `With WebSocket calls, after ${FIRST_CALLS.seconds} s, from outside`,
    ['program', 'calls', 'RSS MB', 'before MB', 'MB a call', 'ran dry'],
    rows.map(([name, calls, one]) => [
      name,
      String(calls),
      n(one.held, 0),
      n(one.idle, 0),
      n((one.held - one.idle) / calls),
      String(one.ranDry),
    ]),
  );
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      before: { type: 'string' },
      only: { type: 'string' },
    },
  });
  header();
  if (values.before === undefined) verdicts(await startUp({ quick: values.quick }));
  else {
    await bundle();
    await compared(resolve(values.before), values.only, values.quick);
  }
}
