/**
 * What a call costs by carrier and codec: the same callers, who speak and are answered over and over, at each carrier and in each of its codecs, the model on
 * the WebSocket. Each row has a daemon of its own; PCMU of the first carrier is measured first and last.
 * Run: node bench/carriers.bench.ts [--quick]
 */

import { parseArgs } from 'node:util';
import type { Callers, CarrierCallersMethods } from './lib/carrier-callers.ts';
import { sleep, startChild } from './lib/child.ts';
import type { DaemonMethods } from './lib/daemon.ts';
import { n, table } from './lib/table.ts';
import { cpuPercent } from './lib/usage.ts';

interface Row extends Callers {
  /** What the daemon asks the carrier for. */
  readonly env: Readonly<Record<string, string>>;
  readonly about: string;
}

const pcmu: Row = { carrier: 'twilio', codec: 'PCMU@8000', env: {}, about: 'PCMU' };
const telnyx = (codec: Callers['codec'], stream: string, ours: string): Row => ({
  carrier: 'telnyx',
  codec,
  env: { TELNYX_STREAM_CODEC: stream, TELNYX_BIDIRECTIONAL_CODEC: ours },
  about: `${codec} in, ${ours} out`,
});
const of = (carrier: 'signalwire' | 'plivo' | 'vonage', codec: 'PCMU@8000' | `L16@${8 | 16 | 24}000`): Row => ({
  carrier,
  codec,
  env: { [`${carrier.toUpperCase()}_CODEC`]: carrier === 'vonage' ? codec : `${codec}h` },
  about: codec.replace('@8000', codec.startsWith('L16') ? '@8000' : ''),
});
const ROWS: readonly Row[] = [
  pcmu,
  of('signalwire', 'PCMU@8000'),
  of('signalwire', 'L16@16000'),
  of('signalwire', 'L16@24000'),
  telnyx('PCMU', 'PCMU', 'PCMU@8000'),
  telnyx('PCMA', 'default', 'PCMA@8000'),
  telnyx('L16@16000', 'L16', 'L16@16000'),
  telnyx('L16@24000', 'L16', 'L16@24000'),
  of('plivo', 'PCMU@8000'),
  of('plivo', 'L16@8000'),
  of('plivo', 'L16@16000'),
  of('vonage', 'L16@8000'),
  of('vonage', 'L16@16000'),
  of('vonage', 'L16@24000'),
  pcmu,
];

/** CPU a call, percent of a core, and how late the daemon's loop was, ms. */
async function costOf(row: Row, count: number, seconds: number): Promise<{ cpu: number; loop: number; far: number }> {
  const callers = startChild<CarrierCallersMethods>('carrier-callers.ts');
  const daemon = startChild<DaemonMethods>('daemon.ts');
  try {
    const [model, settings] = [await callers.ask('listen'), await callers.ask('settings', row)];
    const env = { OPENAI_BASE_URL: model, USE_WEBRTC: 'false', ...settings, ...row.env };
    const target = await daemon.ask('start', { env });
    await callers.ask('call', { ...row, target, count });
    await sleep(6_000);
    const [from, farFrom] = [await daemon.ask('usage', { gc: false }), await callers.ask('usage', { gc: false })];
    await sleep(seconds * 1_000);
    const [to, farTo] = [await daemon.ask('usage', { gc: false }), await callers.ask('usage', { gc: false })];
    const { calls } = await daemon.ask('live');
    if (calls !== count)
      throw new Error(
        `${row.carrier} ${row.about}: ${calls} of ${count} calls were there at the end: ${JSON.stringify(await daemon.ask('ends'))}`,
      );
    await callers.ask('hangUpAll');
    return { cpu: cpuPercent(from, to) / count, loop: to.loopP99Ms, far: cpuPercent(farFrom, farTo) };
  } finally {
    await Promise.all([callers.stop(), daemon.stop()]);
  }
}

export async function carriers({ quick }: { quick: boolean }): Promise<[]> {
  const count = quick ? 20 : 100;
  const costs = [];
  for (const row of ROWS) costs.push({ row, ...(await costOf(row, count, quick ? 4 : 14)) });
  const [first, last] = [costs[0]!, costs[costs.length - 1]!];
  const base = (first.cpu + last.cpu) / 2;
  table(
    `${count} calls by carrier and codec, the model on the WebSocket`,
    ['carrier', 'codec', 'CPU a call, % of a core', `beside ${first.row.carrier}'s PCMU`, 'loop p99 ms', 'far ends %'],
    costs.map(({ row, cpu, loop, far }) => [row.carrier, row.about, n(cpu, 3), n(cpu / base), n(loop, 1), n(far, 0)]),
  );
  return [];
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
  await carriers({ quick: values.quick });
}
