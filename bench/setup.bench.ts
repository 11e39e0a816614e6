/**
 * From the carrier's webhook to the first sound of the agent in the caller's ear, with a model that answers at once.
 * Run: node bench/setup.bench.ts [--quick] [--only websocket|webrtc]
 */

import { parseArgs } from 'node:util';
import { sleep, startChild } from './lib/child.ts';
import type { DaemonMethods } from './lib/daemon.ts';
import type { PeopleMethods, SetupReport } from './lib/people.ts';
import { summarise } from './lib/stats.ts';
import { n, table, type Verdict, verdicts } from './lib/table.ts';

async function measure(transport: 'websocket' | 'webrtc', calls: number): Promise<SetupReport[]> {
  const people = startChild<PeopleMethods>('people.ts');
  const daemon = startChild<DaemonMethods>('daemon.ts');
  try {
    const modelUrl = await people.ask('listen', { toneMs: 2_000 });
    const env = { OPENAI_BASE_URL: modelUrl, USE_WEBRTC: String(transport === 'webrtc') };
    const target = await daemon.ask('start', { env });
    const reports: SetupReport[] = [];
    // The first call of a process loads what the others find loaded; it is told apart.
    for (let i = 0; i <= calls; i++) {
      reports.push(await people.ask('setup', { target }));
      await sleep(150);
    }
    return reports;
  } finally {
    await Promise.all([people.stop(), daemon.stop()]);
  }
}

export async function setup({ quick, only }: { quick: boolean; only?: string }): Promise<Verdict[]> {
  const rows: string[][] = [];
  for (const transport of ['websocket', 'webrtc'] as const) {
    if (only !== undefined && only !== transport) continue;
    const [first, ...others] = await measure(transport, quick ? 8 : 20);
    const wrong = others.filter((report) => report.transport !== transport).length;
    const line = (name: string, read: (report: SetupReport) => number | undefined) => {
      const values = others.map(read).filter((value) => value !== undefined);
      const it = summarise(values);
      const cold = first === undefined ? undefined : read(first);
      rows.push([
        `${transport}: ${name}`,
        n(it.p50, 1),
        n(it.p95, 1),
        n(it.max, 1),
        n(cold, 1),
        `${it.count} of ${others.length}`,
      ]);
    };
    line('webhook answered', (report) => report.webhookMs);
    line('stream started', (report) => report.streamMs);
    line('first agent audio heard', (report) => report.firstAudioMs);
    if (wrong > 0) rows.push([`${transport}: ${wrong} calls ran on another transport`]);
  }
  table(
    'Set-up, ms since the webhook was posted (no network, a carrier and a model that take no time of their own)',
    ['', 'p50', 'p95', 'max', 'first call of the process', 'calls'],
    rows,
  );
  return [];
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } });
  verdicts(await setup({ quick: values.quick, ...(values.only === undefined ? {} : { only: values.only }) }));
}
