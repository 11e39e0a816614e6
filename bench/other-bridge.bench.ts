/**
 * This daemon beside somebody else's bridge under the same load: one far end, window by window in turns, each in a fresh process, both measured from outside.
 * The other must answer a webhook with TwiML, listen on PORT, and read where its model is from a setting; it must pass mu-law through, for its frames are
 * known again by what is in them.
 * Run: npm run bench -- --against DIR [--quick] [--start "node index.js"] [--webhook /incoming-call] [--model-setting OPENAI_BASE_URL] [--model-path /v1] [--calls 200] [--pairs 5]
 */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { type Child, sleep, startChild } from './lib/child.ts';
import { daemonEnv } from './lib/daemon-env.ts';
import type { LoadMethods, LoadReport } from './lib/load.ts';
import { type ProgramOptions, startCommand, startProgram } from './lib/program.ts';
import { n, print, table, type Verdict } from './lib/table.ts';
import { machineCpuMs } from './lib/usage.ts';

export interface OtherBridge {
  /** Where it is. */
  readonly dir: string;
  /** How it is started there; `npm start` where left out. */
  readonly start?: string;
  /** Path of the webhook that a call begins with. */
  readonly webhook?: string;
  /** The variable from which it reads its model's address, and what of an address it wants: "http://HOST:PORT/v1" by default. */
  readonly modelSetting?: string;
  readonly modelScheme?: 'http' | 'ws';
  readonly modelPath?: string;
  readonly calls?: number;
  readonly pairs?: number;
}

interface Window {
  readonly load: LoadReport;
  /** % of a core a call. */
  readonly cpu: number;
  /** What the calls added, MB a call. */
  readonly mb: number;
  /** % of a core that everything else on the machine used, the load included. */
  readonly others: number;
}

interface Party {
  readonly name: string;
  readonly program: ProgramOptions;
  readonly webhook: string;
}

interface Plan {
  readonly calls: number;
  readonly warmMs: number;
  readonly windowMs: number;
}

const MB = 1_024 * 1_024;
const root = join(import.meta.dirname, '..');

export async function otherBridge(other: OtherBridge, { quick }: { quick: boolean }): Promise<Verdict[]> {
  const dir = resolve(other.dir);
  if (!existsSync(dir)) throw new Error(`there is no ${dir}`);
  const plan: Plan = { calls: other.calls ?? 200, warmMs: quick ? 5_000 : 12_000, windowMs: quick ? 8_000 : 13_000 };
  const pairs = other.pairs ?? (quick ? 2 : 5);
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-bench-'));
  const load = startChild<LoadMethods>('load.ts');
  try {
    const modelUrl = await load.ask('listen');
    const ours: Party = {
      name: 'this daemon',
      webhook: '/incoming-call',
      program: {
        dir: root,
        command: startCommand(root),
        env: {
          ...daemonEnv(dataDir),
          OPENAI_BASE_URL: modelUrl,
          USE_WEBRTC: 'false',
          GREETING: 'off',
          LOG_LEVEL: 'silent',
        },
      },
    };
    const theirs: Party = {
      name: basename(dir),
      webhook: other.webhook ?? '/incoming-call',
      program: {
        dir,
        command: (other.start ?? 'npm start').split(' ') as [string, ...string[]],
        env: { OPENAI_API_KEY: 'sk-bench', [other.modelSetting ?? 'OPENAI_BASE_URL']: addressFor(modelUrl, other) },
      },
    };
    const all: Array<{ ours: Window; theirs: Window }> = [];
    for (let pair = 0; pair < pairs; pair++) {
      const told: Partial<Record<'ours' | 'theirs', Window>> = {};
      for (const who of pair % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const))
        told[who] = await windowOf(load, who === 'ours' ? ours : theirs, plan);
      all.push(told as { ours: Window; theirs: Window });
    }
    return report(theirs.name, plan, all);
  } finally {
    await load.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** The model's address in the form that the other wants. */
function addressFor(modelUrl: string, { modelScheme, modelPath }: OtherBridge): string {
  const url = new URL(modelUrl);
  if (modelPath !== undefined) url.pathname = modelPath;
  return url.href.replace(/^http/, modelScheme ?? 'http').replace(/\/$/, '');
}

async function windowOf(load: Child<LoadMethods>, { name, program, webhook }: Party, plan: Plan): Promise<Window> {
  const running = await startProgram(program);
  try {
    const idle = running.usage();
    await load.ask('call', { target: `${running.url}${webhook}`, calls: plan.calls, perSecond: 100, marked: true });
    await sleep(plan.warmMs);
    await load.ask('take');
    const from = { ...running.usage(), at: performance.now(), machine: machineCpuMs() };
    await sleep(plan.windowMs);
    const to = { ...running.usage(), at: performance.now(), machine: machineCpuMs() };
    const told = await load.ask('take');
    if (told.appends === 0 || told.unnamed > told.appends / 100)
      throw new Error(
        `of ${told.appends} frames that came from ${name} at the model ${told.unnamed} could not be known again: it does not pass mu-law through`,
      );
    await load.ask('hangUpAll');
    const elapsed = to.at - from.at;
    return {
      load: told,
      cpu: (100 * (to.cpuMs - from.cpuMs)) / elapsed / plan.calls,
      mb: (to.rss - idle.rss) / MB / plan.calls,
      others: (100 * (to.machine - from.machine - (to.cpuMs - from.cpuMs))) / elapsed,
    };
  } finally {
    await running.stop();
  }
}

function report(name: string, plan: Plan, all: ReadonlyArray<{ ours: Window; theirs: Window }>): Verdict[] {
  const both = (read: (window: Window) => number, digits: number) => (pair: { ours: Window; theirs: Window }) => [
    n(read(pair.ours), digits),
    n(read(pair.theirs), digits),
  ];
  const cpu = both((window) => window.cpu, 3);
  const up = both((window) => window.load.up.p99, 2);
  const down = both((window) => window.load.firstDown.p99, 2);
  const mb = both((window) => window.mb, 2);
  const others = both((window) => window.others, 0);
  const lost = both((window) => window.load.underruns, 0);
  const heads = (what: string) => [what, `${name}'s`];
  table(
    `This daemon and ${name}, ${plan.calls} calls: windows of ${plan.windowMs / 1_000} s in pairs, each in a fresh process`,
    [
      'pair',
      ...heads('CPU % a call'),
      'ratio',
      ...heads('up p99 ms'),
      ...heads('down p99 ms'),
      ...heads('ran dry'),
      ...heads('MB a call'),
      ...heads('all else %'),
    ],
    all.map((pair, i) => [
      String(i + 1),
      ...cpu(pair),
      n(pair.ours.cpu / pair.theirs.cpu),
      ...up(pair),
      ...down(pair),
      ...lost(pair),
      ...mb(pair),
      ...others(pair),
    ]),
  );
  const middle = (read: (pair: { ours: Window; theirs: Window }) => number) => medianOf(all.map(read));
  print('A window in which all else takes much says little: look at the spread before the verdict.');
  return [
    {
      what: `CPU a call, against ${name}, median of pairs`,
      value: middle(({ ours, theirs }) => ours.cpu / theirs.cpu),
      target: 1,
      unit: 'ratio',
    },
    {
      what: `latency up p99, against ${name}'s`,
      value: middle(({ ours }) => ours.load.up.p99),
      target: middle(({ theirs }) => theirs.load.up.p99),
      unit: 'ms',
    },
    {
      what: `latency down p99, against ${name}'s`,
      value: middle(({ ours }) => ours.load.firstDown.p99),
      target: middle(({ theirs }) => theirs.load.firstDown.p99),
      unit: 'ms',
    },
  ];
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
}
