/**
 * Calls by WhatsApp beside calls of web pages: what one costs in CPU and memory, and how long it is from Meta's webhook to accept's request. The model is on the
 * WebSocket for both: what is compared is the caller's side, and twenty calls with two peers at each of their ends are more than a small machine has.
 * Run: node bench/whatsapp.bench.ts [--quick]
 */

import { parseArgs } from 'node:util';
import { type Child, sleep, startChild } from './lib/child.ts';
import type { DaemonMethods } from './lib/daemon.ts';
import type { LoadMethods } from './lib/load.ts';
import { summarise } from './lib/stats.ts';
import { n, table, type Verdict, verdicts } from './lib/table.ts';
import { cpuPercent, type Usage } from './lib/usage.ts';
import type { CallersMethods } from './lib/webrtc-callers.ts';
import { ACCOUNT } from './lib/whatsapp-account.ts';

const CALLS = 20;
const TOKEN = 'token-of-the-bench-operator';
const MB = 1_024 * 1_024;
/** Longest time from the webhook to accept's request that is good, ms, p95; the model and the network take no time of their own here. */
const SETUP_TARGET_MS = 300;

interface Parties {
  readonly callers: Child<CallersMethods>;
  readonly daemon: Child<DaemonMethods>;
  readonly target: string;
  stop(): Promise<void>;
}

async function parties(settings: Record<string, string> = {}): Promise<Parties> {
  const model = startChild<LoadMethods>('load.ts');
  const callers = startChild<CallersMethods>('webrtc-callers.ts');
  const daemon = startChild<DaemonMethods>('daemon.ts');
  const [modelUrl, graphUrl] = await Promise.all([model.ask('listen'), callers.ask('listen')]);
  const env = {
    OPENAI_BASE_URL: modelUrl,
    USE_WEBRTC: 'false',
    GREETING: 'off',
    ADMIN_TOKEN: TOKEN,
    GRAPH_API_URL: graphUrl,
    ...ACCOUNT,
    ...settings,
  };
  await model.ask('speakToAll');
  const target = await daemon.ask('start', { env });
  return {
    callers,
    daemon,
    target,
    stop: () => Promise.all([model.stop(), callers.stop(), daemon.stop()]).then(() => {}),
  };
}

const KINDS = ['whatsapp', 'page'] as const;
type Kind = (typeof KINDS)[number];

/** CPU, percent of a core, and memory, MB of RSS, that one of these calls takes. */
async function costOf(kind: Kind, seconds: number): Promise<{ cpu: number; mb: number }> {
  const all = await parties();
  const { callers, daemon, target } = all;
  const dial = () =>
    kind === 'whatsapp' ? callers.ask('whatsapp', { target }) : callers.ask('page', { target, token: TOKEN });
  const window = async (): Promise<[Usage, Usage]> => {
    const from = await daemon.ask('usage', { gc: true });
    await sleep(seconds * 1_000);
    return [from, await daemon.ask('usage', { gc: false })];
  };
  try {
    // Code is compiled and pools are filled by the first calls: that is the process's price.
    for (let i = 0; i < 4; i++) await dial();
    await sleep(4_000);
    await callers.ask('hangUpAll', { target, token: TOKEN });
    for (let i = 0; i < 100 && (await daemon.ask('live')).peers > 0; i++) await sleep(100);
    await sleep(1_000);
    await daemon.ask('ends');
    const idle = await window();
    for (let i = 0; i < CALLS; i++) await dial();
    // One whole period of the model's speech, so that every call has spoken and been spoken to.
    await sleep(7_000);
    const busy = await window();
    const { calls } = await daemon.ask('live');
    if (calls !== CALLS)
      throw new Error(
        `${kind}: ${calls} of ${CALLS} calls were there at the end: ${JSON.stringify(await daemon.ask('ends'))}`,
      );
    const { rss } = await daemon.ask('usage', { gc: true });
    await callers.ask('hangUpAll', { target, token: TOKEN });
    return {
      cpu: (cpuPercent(...busy) - cpuPercent(...idle)) / CALLS,
      mb: (rss - idle[0].rss) / CALLS / MB,
    };
  } finally {
    await all.stop();
  }
}

/** From the webhook to accept's request, ms, of one call after the other; the first of the process is told apart. */
async function setUps(preAccept: boolean, calls: number): Promise<number[]> {
  const all = await parties({ WHATSAPP_PRE_ACCEPT: String(preAccept) });
  const { callers, target } = all;
  try {
    const times: number[] = [];
    for (let i = 0; i <= calls; i++) {
      times.push(await callers.ask('whatsapp', { target }));
      await sleep(150);
      await callers.ask('hangUpAll', { target, token: TOKEN });
    }
    return times;
  } finally {
    await all.stop();
  }
}

export async function whatsapp({ quick }: { quick: boolean }): Promise<Verdict[]> {
  const costs = new Map<Kind, { cpu: number; mb: number }>();
  for (const kind of KINDS) costs.set(kind, await costOf(kind, quick ? 6 : 30));
  table(
    `${CALLS} calls by WebRTC, the model on the WebSocket`,
    ['', 'CPU a call, % of a core', 'RSS a call, MB'],
    KINDS.map((kind) => [kind, n(costs.get(kind)?.cpu, 2), n(costs.get(kind)?.mb, 2)]),
  );
  const rows: string[][] = [];
  const list: Verdict[] = [];
  for (const preAccept of [true, false]) {
    const [first, ...others] = await setUps(preAccept, quick ? 10 : 50);
    const { p50, p95, max } = summarise(others);
    const name = preAccept ? 'pre_accept, then accept' : 'accept alone';
    rows.push([name, n(p50, 1), n(p95, 1), n(max, 1), n(first, 1)]);
    list.push({
      what: `whatsapp: webhook to accept's request, p95, ${name}`,
      value: p95,
      target: SETUP_TARGET_MS,
      unit: 'ms',
    });
  }
  table(
    "From Meta's webhook to accept's request, ms (no network, a model and a Graph API that take no time of their own)",
    ['', 'p50', 'p95', 'max', 'first call of the process'],
    rows,
  );
  return list;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
  verdicts(await whatsapp({ quick: values.quick }));
}
