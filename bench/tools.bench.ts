/**
 * What tools at work cost the audio of calls: the same calls without tools and with a heavy one in every turn of each, in turns.
 * Run: node bench/tools.bench.ts [--quick]
 */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Child, sleep, startChild } from './lib/child.ts';
import type { DaemonMethods } from './lib/daemon.ts';
import type { LoadMethods, LoadReport } from './lib/load.ts';
import { n, table, type Verdict, verdicts } from './lib/table.ts';
import { cpuPercent, type Usage } from './lib/usage.ts';

const CALLS = 50;
/** Waits a second, then returns 40,000 rows. */
const HEAVY = { name: 'heavy_look_up', arguments: JSON.stringify({ ms: 1_000 }) };

interface Window {
  readonly heavy: boolean;
  readonly load: LoadReport;
  readonly cpu: number;
  readonly to: Usage;
}

interface Parties {
  readonly load: Child<LoadMethods>;
  readonly daemon: Child<DaemonMethods>;
  readonly target: string;
}

async function windowOf({ load, daemon, target }: Parties, heavy: boolean, windowMs: number): Promise<Window> {
  await load.ask('useTool', heavy ? HEAVY : undefined);
  await load.ask('call', { target, calls: CALLS, perSecond: 25, marked: true });
  // One whole turn of the model, so that the first tools run.
  await sleep(7_000);
  const from = await daemon.ask('usage', { gc: false });
  await load.ask('take');
  await sleep(windowMs);
  const report = await load.ask('take');
  const to = await daemon.ask('usage', { gc: false });
  await load.ask('hangUpAll');
  await sleep(2_000);
  return { heavy, load: report, cpu: cpuPercent(from, to), to };
}

export async function tools({ quick }: { quick: boolean }): Promise<Verdict[]> {
  const load = startChild<LoadMethods>('load.ts');
  const daemon = startChild<DaemonMethods>('daemon.ts');
  try {
    const modelUrl = await load.ask('listen');
    const folder = (name: string) => fileURLToPath(new URL(name, import.meta.url));
    const env = {
      OPENAI_BASE_URL: modelUrl,
      USE_WEBRTC: 'false',
      GREETING: 'off',
      TOOLS_DIR: folder('tools'),
      PROMPTS_DIR: folder('prompts'),
      ROUTES_FILE: folder('prompts/routes.yaml'),
    };
    const parties = { load, daemon, target: await daemon.ask('start', { env }) };
    const windows: Window[] = [];
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      windows.push(await windowOf(parties, false, quick ? 7_000 : 13_000));
      windows.push(await windowOf(parties, true, quick ? 7_000 : 13_000));
    }
    return tell(windows);
  } finally {
    await Promise.all([load.stop(), daemon.stop()]);
  }
}

function tell(windows: readonly Window[]): Verdict[] {
  table(
    `Audio of ${CALLS} WebSocket calls without tools, and with a tool that returns 5 MB in every turn`,
    [
      '',
      'results',
      'up p50 ms',
      'p99',
      'max',
      'down p50 ms',
      'p99',
      'max',
      'underruns',
      'least lead ms',
      'loop p99',
      '% of a core',
    ],
    windows.map(({ heavy, load, cpu, to }) => [
      heavy ? 'with tools' : 'without',
      String(load.toolResults),
      n(load.up.p50),
      n(load.up.p99),
      n(load.up.max),
      n(load.firstDown.p50),
      n(load.firstDown.p99),
      n(load.firstDown.max),
      String(load.underruns),
      n(load.lead.min, 0),
      n(to.loopP99Ms),
      n(cpu, 1),
    ]),
  );
  const of = (heavy: boolean) => windows.filter((window) => window.heavy === heavy);
  const results = of(true).reduce((sum, { load }) => sum + load.toolResults, 0);
  if (results === 0) throw new Error('no tool was called');
  const underruns = of(true).reduce((sum, { load }) => sum + load.underruns, 0);
  const p99 = (heavy: boolean) =>
    of(heavy)
      .map(({ load }) => load.up.p99)
      .sort((a, b) => a - b)[(of(heavy).length - 1) >> 1] ?? Number.NaN;
  return [
    { what: 'tools: underruns at the phones while they run', value: underruns, target: 0, unit: '' },
    {
      what: 'tools: lateness p99 of frames up, more than without',
      value: p99(true) - p99(false),
      target: 5,
      unit: 'ms',
    },
  ];
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
  verdicts(await tools({ quick: values.quick }));
  process.exit(0);
}
