/**
 * From the carrier's webhook to the first sound of the agent in the caller's ear.
 * Run: node bench/setup.bench.ts [--quick] [--only websocket|webrtc]
 */

import { parseArgs } from 'node:util';
import { sleep, startChild } from './lib/child.ts';
import type { DaemonMethods } from './lib/daemon.ts';
import type { PeopleMethods, SetupReport } from './lib/people.ts';
import { summarise } from './lib/stats.ts';
import { n, table, type Verdict, verdicts } from './lib/table.ts';

interface Measured {
  readonly reports: SetupReport[];
  /** How long the model took for the answer to each offer, ms. */
  readonly answerMs: readonly number[];
}

async function measure(transport: 'websocket' | 'webrtc', calls: number): Promise<Measured> {
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
    return { reports, answerMs: (await people.ask('held')).answerMs };
  } finally {
    await Promise.all([people.stop(), daemon.stop()]);
  }
}

export async function setup({ quick, only }: { quick: boolean; only?: string }): Promise<Verdict[]> {
  const rows: string[][] = [];
  const list: Verdict[] = [];
  for (const transport of ['websocket', 'webrtc'] as const) {
    if (only !== undefined && only !== transport) continue;
    const { reports, answerMs } = await measure(transport, quick ? 8 : 20);
    const [first, ...others] = reports;
    const wrong = others.filter((report) => report.transport !== transport).length;
    const line = (name: string, read: (report: SetupReport) => number | undefined) => {
      const values = others.map(read).filter((value) => value !== undefined);
      const cold = first === undefined ? undefined : read(first);
      return row(name, values, cold);
    };
    const row = (name: string, values: readonly number[], cold: number | undefined) => {
      const it = summarise(values);
      rows.push([
        `${transport}: ${name}`,
        n(it.p50, 1),
        n(it.p95, 1),
        n(it.max, 1),
        n(cold, 1),
        `${it.count} of ${others.length}`,
      ]);
      return it;
    };
    line('webhook answered', (report) => report.webhookMs);
    line('stream started', (report) => report.streamMs);
    const heard = line('first agent audio heard', (report) => report.firstAudioMs);
    if (transport === 'webrtc') {
      const [cold, ...warm] = answerMs;
      const own = row("of that the model's answer to the offer, which waits for its candidates", warm, cold);
      list.push({
        what: "WebRTC: webhook to first agent audio heard beside the model's answer to the offer, p50",
        value: heard.p50 - own.p50,
        target: 250,
        unit: 'ms',
      });
    }
    if (wrong > 0) rows.push([`${transport}: ${wrong} calls ran on another transport`]);
  }
  table(
    'Set-up, ms since the webhook was posted (no network, and a carrier that takes no time of its own)',
    ['', 'p50', 'p95', 'max', 'first call of the process', 'calls'],
    rows,
  );
  return list;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } });
  verdicts(await setup({ quick: values.quick, ...(values.only === undefined ? {} : { only: values.only }) }));
}
