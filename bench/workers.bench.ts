/**
 * How many calls are held with one process and with several: latency up and down as calls are added, and whose CPU it was. The load generator is on the same machine and takes
 * a part of its cores, which is said: what is left is what the daemon could have. It stamps both ends, so what its own loop is late counts as the daemon's; that is said, too: where it comes
 * near the latency, the knee is the generator's. Each row adds calls to those of the row before.
 * Run: node bench/workers.bench.ts [--workers 1,2] [--calls 200,300,400,500,600] [--window 10]
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Child, sleep, startChild } from './lib/child.ts';
import type { LoadMethods } from './lib/load.ts';
import { childrenOf, usageOf } from './lib/processes.ts';
import { header, n, table } from './lib/table.ts';
import { machineCpuMs } from './lib/usage.ts';

/** What the bridge may add at the 99th percentile, ms. */
const HELD_MS = 5;

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '1,2' },
    calls: { type: 'string', default: '200,300,400,500,600' },
    window: { type: 'string', default: '10' },
  },
});
const numbers = (list: string) => list.split(',').map(Number);

interface Started {
  readonly url: string;
  /** CPU time of all its processes, ms. */
  cpuMs(): number;
  stop(): Promise<void>;
}

async function start(workers: number, modelUrl: string): Promise<Started> {
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-bench-'));
  const root = join(import.meta.dirname, '..');
  const child = spawn(process.execPath, ['src/main.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      WORKERS: String(workers),
      HOST: '127.0.0.1',
      PORT: '0',
      DATA_DIR: dataDir,
      LOG_LEVEL: 'silent',
      OPENAI_API_KEY: 'sk-bench',
      OPENAI_BASE_URL: modelUrl,
      USE_WEBRTC: 'false',
      GREETING: 'off',
      MAX_CALLS: '1000',
      MAX_PENDING_STREAMS: '1000',
      ...Object.fromEntries(
        ['CALLS_PER_SECOND', 'MAX_LOOP_DELAY_MS', 'RATE_LIMIT_WEBHOOKS', 'RATE_LIMIT_STREAMS'].map((name) => [
          name,
          '0',
        ]),
      ),
    },
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  for (let waited = 0; !output.includes('listens on'); waited += 100) {
    if (child.exitCode !== null || waited > 120_000) throw new Error('the daemon does not start');
    await sleep(100);
  }
  const pid = child.pid ?? 0;
  return {
    url: /listens on (http:[^\s,]+)/.exec(output)?.[1] ?? '',
    cpuMs: () => [pid, ...childrenOf(pid)].reduce((sum, one) => sum + usageOf(one).cpuMs, 0),
    async stop() {
      child.kill('SIGTERM');
      await sleep(200);
      child.kill('SIGTERM');
      await ended;
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

interface Window {
  readonly upMs: readonly [p50: number, p99: number];
  readonly downMs: readonly [p50: number, p99: number];
  /** % of a core. */
  readonly daemon: number;
  readonly load: number;
  readonly others: number;
  /** How late the generator's own loop was, ms. */
  readonly lateMs: number;
}

/** `more`: calls that are added before. */
async function windowOf(load: Child<LoadMethods>, daemon: Started, more: number, windowMs: number): Promise<Window> {
  await load.ask('call', { target: daemon.url, calls: more, perSecond: 50, marked: true });
  await sleep(3_000);
  await load.ask('take');
  await load.ask('usage', { gc: false });
  const now = () => ({
    at: performance.now(),
    daemon: daemon.cpuMs(),
    load: usageOf(load.pid).cpuMs,
    all: machineCpuMs(),
  });
  const from = now();
  await sleep(windowMs);
  const to = now();
  const report = await load.ask('take');
  const { loopP99Ms } = await load.ask('usage', { gc: false });
  const percent = (of: 'daemon' | 'load' | 'all') => (100 * (to[of] - from[of])) / (to.at - from.at);
  const [own, far] = [percent('daemon'), percent('load')];
  return {
    upMs: [report.up.p50, report.up.p99],
    downMs: [report.firstDown.p50, report.firstDown.p99],
    daemon: own,
    load: far,
    others: Math.max(0, percent('all') - own - far),
    lateMs: loopP99Ms,
  };
}

header();
const rows: string[][] = [];
const held = new Map<number, number>();
for (const workers of numbers(values.workers)) {
  const load = startChild<LoadMethods>('load.ts');
  const daemon = await start(workers, await load.ask('listen'));
  let placed = 0;
  try {
    for (const calls of numbers(values.calls)) {
      const it = await windowOf(load, daemon, calls - placed, Number(values.window) * 1_000);
      placed = calls;
      if (it.upMs[1] <= HELD_MS) held.set(workers, calls);
      rows.push([
        String(workers),
        String(calls),
        ...[...it.upMs, ...it.downMs].map((ms) => n(ms)),
        n(it.lateMs),
        ...[it.daemon, it.load, it.others].map((percent) => `${percent.toFixed(0)} %`),
        ...[it.daemon, it.load].map((percent) => `${(percent / calls).toFixed(2)} %`),
      ]);
      // Beyond this nothing is measured but the queue.
      if (it.upMs[1] > 100) break;
    }
    await load.ask('hangUpAll');
  } finally {
    await daemon.stop();
    await load.stop();
  }
}
table(
  'Calls over the WebSocket by number of processes; CPU in percent of a core',
  [
    ...['workers', 'calls', 'up p50 ms', 'up p99 ms', 'down p50 ms', 'down p99 ms', 'load late p99 ms'],
    ...['daemon', 'load', 'others', 'daemon, a call', 'load, a call'],
  ],
  rows,
);
for (const workers of numbers(values.workers))
  process.stdout.write(
    `WORKERS=${workers}: ${held.get(workers) ?? 'fewer than the first'} calls held with p99 of ${HELD_MS} ms or less on the way up\n`,
  );
