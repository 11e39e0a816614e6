/**
 * Memory of the daemon alone: what a live call holds, and what stays of calls that were made and closed.
 * Run: node bench/memory.bench.ts [--quick] [--only websocket|webrtc]
 */

import { parseArgs } from 'node:util';
import { type Child, sleep, startChild } from './lib/child.ts';
import type { DaemonMethods } from './lib/daemon.ts';
import type { LoadMethods } from './lib/load.ts';
import { medianSlope } from './lib/stats.ts';
import { n, print, table, type Verdict, verdicts } from './lib/table.ts';
import type { Usage } from './lib/usage.ts';

type Transport = 'websocket' | 'webrtc';

const MB = 1_024 * 1_024;
const KB = 1_024;
/**
 * Share of the calls after which growth is looked for. V8 widens its young generation in a few steps of tens of megabytes while a process is
 * new (seen as `heapTotal`, up to the 800th WebSocket call); it is taken once, by whatever number of calls.
 */
const WARM_UP = 0.5;
/** Longer than anything of an ended call is remembered on purpose, ms. */
const REMEMBERED_MS = 3_660_000;

interface Parties {
  readonly load: Child<LoadMethods>;
  readonly daemon: Child<DaemonMethods>;
  readonly target: string;
  readonly modelUrl: string;
  stop(): Promise<void>;
}

async function parties(transport: Transport): Promise<Parties> {
  const load = startChild<LoadMethods>('load.ts');
  // V8 throws unused code away now and then, megabytes at once: here that would hide what is looked for.
  const daemon = startChild<DaemonMethods>('daemon.ts', ['--no-flush-bytecode']);
  const modelUrl = await load.ask('listen');
  const env = {
    OPENAI_BASE_URL: modelUrl,
    USE_WEBRTC: String(transport === 'webrtc'),
    GREETING: 'off',
    // The last events are kept by number: with a small one that memory is full, and no growth any more, after the first calls.
    EVENTS_KEEP: '500',
  };
  const target = await daemon.ask('start', { env, skips: true });
  return {
    load,
    daemon,
    target,
    modelUrl,
    stop: () => Promise.all([load.stop(), daemon.stop()]).then(() => {}),
  };
}

/** Waits until nothing lives any more, and a little longer: native threads free late. */
async function settled({ daemon, load }: Parties): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const { calls, peers } = await daemon.ask('live');
    const far = await load.ask('live');
    if (calls === 0 && peers === 0 && far.peers === 0) break;
    await sleep(100);
  }
  await sleep(1_000);
}

/** Resident and heap memory with nobody on the line, with half of the calls, and with all. */
async function perCall(transport: Transport, calls: number): Promise<Verdict> {
  const all = await parties(transport);
  const { load, daemon, target } = all;
  const marked = transport === 'websocket';
  const perSecond = marked ? 50 : 8;
  try {
    // Code is compiled and pools are filled by the first calls; that is the process's price, not a call's.
    await load.ask('churn', { target, calls: 10, together: 5, holdMs: 4_000, marked });
    await settled(all);
    const readings: Array<{ calls: number; usage: Usage }> = [];
    const read = async (live: number) => {
      // One whole period of the model's speech, so that every call has spoken and been spoken to.
      await sleep(live === 0 ? 1_000 : 7_000);
      readings.push({ calls: live, usage: await daemon.ask('usage', { gc: true }) });
    };
    await read(0);
    await load.ask('call', { target, calls: calls / 2, perSecond, marked });
    await read(calls / 2);
    await load.ask('call', { target, calls: calls / 2, perSecond, marked });
    await read(calls);
    await load.ask('hangUpAll');
    await settled(all);
    await read(0);
    const zero = readings[0]!.usage;
    table(
      `Memory of the daemon with live ${transport} calls, after garbage collection`,
      ['calls', 'RSS MB', 'heap MB', 'external MB', 'RSS a call MB', 'heap + external a call MB'],
      readings.map(({ calls: live, usage }, i) => {
        const more = (read: (u: Usage) => number) => (live === 0 ? undefined : (read(usage) - read(zero)) / live / MB);
        return [
          i === 3 ? '0 again' : String(live),
          n(usage.rss / MB, 1),
          n(usage.heapUsed / MB, 1),
          n(usage.external / MB, 1),
          n(
            more((u) => u.rss),
            3,
          ),
          n(
            more((u) => u.heapUsed + u.external),
            3,
          ),
        ];
      }),
    );
    const value = (readings[2]!.usage.rss - zero.rss) / calls / MB;
    const target_ = transport === 'websocket' ? 0.5 : 3;
    return { what: `${transport}: memory a call, ${calls} calls`, value, target: target_, unit: 'MB RSS' };
  } finally {
    await all.stop();
  }
}

interface Growth {
  /** KB of RSS and of heap a call that stay, by the median slope after the warm-up. */
  readonly rss: number;
  readonly heap: number;
}

/** Makes and closes things in batches and reads memory after each. */
async function growth(
  all: Parties,
  what: string,
  total: number,
  step: number,
  batch: (count: number) => Promise<void>,
): Promise<Growth> {
  const points: Array<{ made: number; usage: Usage }> = [];
  for (let made = 0; made < total; made += step) {
    // The daemon remembers ended calls for minutes, for a carrier that asks again, and for an hour, for operators; that is no growth, so the time passes.
    await all.daemon.ask('skip', { ms: REMEMBERED_MS });
    await batch(step);
    await settled(all);
    points.push({ made: made + step, usage: await all.daemon.ask('usage', { gc: true }) });
  }
  table(
    `Memory after ${what} were made and closed`,
    ['made', 'RSS MB', 'heap taken MB', 'heap MB', 'external MB'],
    points.map(({ made, usage }) => [
      String(made),
      n(usage.rss / MB, 1),
      n(usage.heapTotal / MB, 1),
      n(usage.heapUsed / MB, 2),
      n(usage.external / MB, 2),
    ]),
  );
  // The first calls fill pools and compile code.
  const late = points.filter(({ made }) => made >= WARM_UP * total);
  const by = (read: (u: Usage) => number) =>
    medianSlope(late.map(({ made, usage }) => [made, read(usage)] as const)) / KB;
  const grown = { rss: by((u) => u.rss), heap: by((u) => u.heapUsed + u.external) };
  print(`after the first ${late[0]?.made}: RSS ${n(grown.rss, 1)} KB, heap and external ${n(grown.heap, 1)} KB a call`);
  return grown;
}

async function growthOfCalls(transport: Transport, total: number, step: number): Promise<Growth> {
  const all = await parties(transport);
  try {
    const marked = transport === 'websocket';
    const together = marked ? 25 : 10;
    const holdMs = marked ? 700 : 1_200;
    const { target, load } = all;
    const grown = await growth(all, `${transport} calls`, total, step, (calls) =>
      load.ask('churn', { target, calls, together, holdMs, marked }),
    );
    print(`how they ended: ${JSON.stringify(await all.daemon.ask('ends'))}`);
    return grown;
  } finally {
    await all.stop();
  }
}

async function growthOfPeers(total: number, step: number): Promise<Growth> {
  const all = await parties('webrtc');
  try {
    return await growth(all, 'bare peers (the WebRTC library alone, no call)', total, step, (count) =>
      all.daemon.ask('barePeers', { modelUrl: all.modelUrl, count, together: 10 }),
    );
  } finally {
    await all.stop();
  }
}

async function ofWebSocket(quick: boolean): Promise<Verdict[]> {
  const held = await perCall('websocket', quick ? 100 : 200);
  if (quick) return [held];
  const calls = await growthOfCalls('websocket', 5_000, 250);
  return [
    held,
    { what: 'websocket: heap that stays of a call made and closed', value: calls.heap, target: 2, unit: 'KB' },
    { what: 'websocket: RSS that stays of a call made and closed', value: calls.rss, target: 4, unit: 'KB' },
  ];
}

async function ofWebRtc(quick: boolean): Promise<Verdict[]> {
  const held = await perCall('webrtc', quick ? 20 : 40);
  if (quick) return [held];
  const bare = await growthOfPeers(500, 20);
  const calls = await growthOfCalls('webrtc', 500, 20);
  print(`\nWebRTC: a call keeps ${n(calls.rss, 0)} KB of RSS and ${n(calls.heap, 1)} KB of heap,`);
  print(`a bare peer of the same library ${n(bare.rss, 0)} and ${n(bare.heap, 1)} KB`);
  return [
    held,
    { what: 'webrtc: heap that stays of a call made and closed', value: calls.heap, target: 4, unit: 'KB' },
    // What is known of the library itself; the bare peers stand beside it.
    { what: 'webrtc: RSS that stays of a call made and closed', value: calls.rss, target: 80, unit: 'KB' },
  ];
}

/** `quick` leaves the growth out: it shows only after some hundred calls. */
export async function memory(options: { quick: boolean; only?: string }): Promise<Verdict[]> {
  return [
    ...(options.only === 'webrtc' ? [] : await ofWebSocket(options.quick)),
    ...(options.only === 'websocket' ? [] : await ofWebRtc(options.quick)),
  ];
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } });
  verdicts(await memory({ quick: values.quick, ...(values.only === undefined ? {} : { only: values.only }) }));
}
