/**
 * What records cost the audio path: a hundred calls at once without a store, with SQLite and with PostgreSQL, in turns under the same load;
 * then whether every event is there.
 * Run: node bench/records.bench.ts [--quick]
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { type PostgresCluster, postgresCluster, postgresMissing } from '../test/integration/postgres.ts';
import { type Child, sleep, startChild } from './lib/child.ts';
import type { DaemonMethods } from './lib/daemon.ts';
import type { LoadMethods, LoadReport } from './lib/load.ts';
import { n, print, table, type Verdict, verdicts } from './lib/table.ts';
import { cpuPercent, machineCpuMs, type Usage } from './lib/usage.ts';

const CALLS = 100;

interface Candidate {
  readonly name: string;
  readonly daemon: Child<DaemonMethods>;
  readonly url: string;
  /** Events in its store. */
  readonly kept?: () => number;
}

interface Window {
  readonly name: string;
  readonly load: LoadReport;
  readonly cpu: number;
  readonly othersCpu: number;
  readonly to: Usage;
}

async function windowOf(load: Child<LoadMethods>, { name, daemon, url }: Candidate, windowMs: number): Promise<Window> {
  await load.ask('call', { target: url, calls: CALLS, perSecond: 50, marked: true });
  await sleep(3_000);
  const from = await daemon.ask('usage', { gc: false });
  const loadFrom = await load.ask('usage', { gc: false });
  const machineFrom = machineCpuMs();
  await load.ask('take');
  await sleep(windowMs);
  const report = await load.ask('take');
  const to = await daemon.ask('usage', { gc: false });
  const loadTo = await load.ask('usage', { gc: false });
  const machine = (100 * (machineCpuMs() - machineFrom)) / (to.atMs - from.atMs);
  await load.ask('hangUpAll');
  await until(async () => (await daemon.ask('live')).calls === 0, `the calls of ${name} end`);
  const cpu = cpuPercent(from, to);
  return { name, load: report, cpu, othersCpu: Math.max(0, machine - cpu - cpuPercent(loadFrom, loadTo)), to };
}

async function until(check: () => Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await check()) return;
    await sleep(100);
  }
  throw new Error(`waited 30 s in vain until ${what}`);
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** The readings of a candidate as multiples of those without a store in the same round: what else the machine does then hits both alike. */
function ratio(all: readonly Window[], name: string, read: (window: Window) => number): number {
  const without = all.filter((window) => window.name === 'no store');
  const own = all.filter((window) => window.name === name);
  return median(own.map((window, i) => read(window) / read(without[i] ?? window)));
}

const READINGS: ReadonlyArray<readonly [string, (window: Window) => number]> = [
  ['frame up, p50', ({ load }) => load.up.p50],
  ['frame up, p99', ({ load }) => load.up.p99],
  ['first frame down, p99', ({ load }) => load.firstDown.p99],
  ['event loop late, p99', ({ to }) => to.loopP99Ms],
  ['CPU', ({ cpu }) => cpu],
];

export async function records({ quick }: { quick: boolean }): Promise<Verdict[]> {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-bench-records-'));
  const load = startChild<LoadMethods>('load.ts');
  const daemons: Array<Child<DaemonMethods>> = [];
  const missing = postgresMissing();
  let cluster: PostgresCluster | undefined;
  try {
    const modelUrl = await load.ask('listen');
    const start = async (name: string, env: Record<string, string>, kept?: () => number): Promise<Candidate> => {
      const daemon = startChild<DaemonMethods>('daemon.ts');
      daemons.push(daemon);
      const common = { OPENAI_BASE_URL: modelUrl, USE_WEBRTC: 'false', GREETING: 'off' };
      const url = await daemon.ask('start', { env: { ...common, ...env }, stores: kept !== undefined });
      return { name, daemon, url, ...(kept === undefined ? {} : { kept }) };
    };
    const candidates = [
      await start('no store', {}),
      await start('SQLite', { DATA_DIR: folder }, () => {
        const db = new DatabaseSync(join(folder, 'records.db'), { readOnly: true });
        const row = db.prepare('SELECT count(*) AS n, count(DISTINCT id) AS ids FROM call_events').get();
        db.close();
        return row?.['n'] === row?.['ids'] ? Number(row?.['n']) : Number.NaN;
      }),
    ];
    if (missing === undefined) {
      const server = await postgresCluster();
      cluster = server;
      const url = server.database('bench');
      candidates.push(
        await start('PostgreSQL', { DATABASE_URL: url }, () =>
          Number(
            server.sql('bench', 'SELECT CASE WHEN count(*) = count(DISTINCT id) THEN count(*) END FROM call_events'),
          ),
        ),
      );
    } else print(`PostgreSQL is not measured: ${missing}`);

    const windows: Window[] = [];
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      // Each round begins with another, so that none always comes after the same one.
      for (let i = 0; i < candidates.length; i++) {
        const candidate = candidates[(i + round) % candidates.length];
        if (candidate !== undefined) windows.push(await windowOf(load, candidate, quick ? 5_000 : 15_000));
      }
    }
    return await tell(candidates, windows);
  } finally {
    await Promise.all([load.stop(), ...daemons.map((daemon) => daemon.stop())]);
    cluster?.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function tell(candidates: readonly Candidate[], windows: readonly Window[]): Promise<Verdict[]> {
  table(
    `Records: ${CALLS} WebSocket calls at once, each window`,
    [
      '',
      'up p50 ms',
      'p99 ms',
      'max ms',
      'first down p99 ms',
      'loop late p99 ms',
      'max ms',
      'CPU %',
      'underruns',
      'all else: %',
    ],
    windows.map(({ name, load, to, cpu, othersCpu }) => [
      name,
      n(load.up.p50),
      n(load.up.p99),
      n(load.up.max),
      n(load.firstDown.p99),
      n(to.loopP99Ms),
      n(to.loopMaxMs),
      n(cpu, 1),
      String(load.underruns),
      n(othersCpu, 1),
    ]),
  );
  const stores = candidates.filter(({ kept }) => kept !== undefined);
  table(
    'Records: as multiples of the same without a store',
    ['', ...READINGS.map(([name]) => name)],
    stores.map(({ name }) => [name, ...READINGS.map(([, read]) => n(ratio(windows, name, read)))]),
  );

  const list: Verdict[] = [];
  const rows: string[][] = [];
  for (const { name, daemon, kept } of stores) {
    await until(async () => (await daemon.ask('records')).waiting === 0, `${name} has everything`);
    const { told } = await daemon.ask('records');
    const there = kept?.() ?? Number.NaN;
    rows.push([name, String(told), String(there)]);
    list.push(
      {
        what: `records: frame up, p99, ${name} against none`,
        value: ratio(windows, name, READINGS[1]![1]),
        target: 1.25,
        unit: 'ratio',
      },
      {
        what: `records: events that ${name} lacks or has twice`,
        value: Math.abs(told - there),
        target: 0,
        unit: 'events',
      },
    );
  }
  table('Records: events', ['', 'told', 'in the store, each once'], rows);
  return list;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
  verdicts(await records({ quick: values.quick }));
}
