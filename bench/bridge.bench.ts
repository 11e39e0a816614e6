/**
 * What the bridge adds: latency both ways and CPU a call, on both transports, beside a bare relay under the same load.
 * Run: node bench/bridge.bench.ts [--quick] [--only websocket|webrtc]
 */

import { parseArgs } from 'node:util';
import { type Child, sleep, startChild } from './lib/child.ts';
import type { DaemonMethods } from './lib/daemon.ts';
import type { LoadMethods, LoadReport } from './lib/load.ts';
import type { RelayMethods } from './lib/relay.ts';
import { n, print, table, type Verdict, verdicts } from './lib/table.ts';
import type { OwnTime } from './lib/timing.ts';
import { cpuPercent, machineCpuMs, type Usage } from './lib/usage.ts';

export interface Window {
  readonly who: 'daemon' | 'relay';
  readonly calls: number;
  readonly load: LoadReport;
  readonly own: OwnTime | undefined;
  /** % of a core a call. */
  readonly cpu: number;
  readonly loadCpu: number;
  /** % of a core that everything else on the machine used. */
  readonly othersCpu: number;
  readonly from: Usage;
  readonly to: Usage;
  readonly loadTo: Usage;
  readonly seconds: number;
}

export interface Parties {
  readonly load: Child<LoadMethods>;
  readonly daemon: Child<DaemonMethods>;
  readonly daemonUrl: string;
  readonly relay?: { readonly child: Child<RelayMethods>; readonly url: string };
}

export interface Plan {
  readonly calls: number;
  readonly warmMs: number;
  readonly windowMs: number;
  /** Daemon and relay one after the other, so often: what else the machine does then hits both alike. */
  readonly rounds: number;
}

/** One window: calls are made, run warm, are measured, and hang up. `timed` reads the daemon's own clock instead of its CPU. */
export async function windowOf(
  parties: Parties,
  who: Window['who'],
  plan: Plan,
  marked: boolean,
  timed: boolean,
): Promise<Window> {
  const { load, daemon, daemonUrl, relay } = parties;
  const target = who === 'daemon' ? daemonUrl : relay?.url;
  if (target === undefined) throw new Error(`there is no ${who}`);
  const used = (): Promise<Usage> =>
    who === 'relay' && relay !== undefined
      ? relay.child.ask('usage', { gc: false })
      : daemon.ask('usage', { gc: false });
  await load.ask('call', { target, calls: plan.calls, perSecond: marked ? 100 : 10, marked });
  await sleep(plan.warmMs);
  if (timed) await daemon.ask('ownTime', { begin: true });
  const from = await used();
  const machineFrom = machineCpuMs();
  const loadFrom = await load.ask('usage', { gc: false });
  await load.ask('take');
  await sleep(plan.windowMs);
  const report = await load.ask('take');
  const to = await used();
  const loadTo = await load.ask('usage', { gc: false });
  const machine = (100 * (machineCpuMs() - machineFrom)) / (to.atMs - from.atMs);
  const own = timed ? await daemon.ask('ownTime', { begin: false }) : undefined;
  await load.ask('hangUpAll');
  await settled(parties);
  return {
    who,
    calls: plan.calls,
    load: report,
    own,
    cpu: cpuPercent(from, to) / plan.calls,
    loadCpu: cpuPercent(loadFrom, loadTo),
    othersCpu: Math.max(0, machine - cpuPercent(from, to) - cpuPercent(loadFrom, loadTo)),
    from,
    to,
    loadTo,
    seconds: (to.atMs - from.atMs) / 1_000,
  };
}

/** Waits until every call is gone, here and at the far end. A machine that is busy with forty peers takes its time. */
async function settled({ daemon, load }: Parties): Promise<void> {
  let left = '';
  for (let i = 0; i < 200; i++) {
    const { calls, peers } = await daemon.ask('live');
    const far = await load.ask('live');
    if (calls === 0 && peers === 0 && far.peers === 0) return;
    left = `${calls} calls and ${peers} peers of the daemon, ${far.peers} peers of the far end`;
    await sleep(100);
  }
  throw new Error(`20 s after the last hang-up these were left: ${left}`);
}

const by = (list: readonly Window[], who: Window['who'], calls: number) =>
  list.filter((entry) => entry.who === who && entry.calls === calls);

/** The median window by a reading. */
export function median<T>(list: readonly T[], read: (entry: T) => number): number {
  const values = list.map(read).sort((a, b) => a - b);
  return values[(values.length - 1) >> 1] ?? Number.NaN;
}

/** The daemon's CPU as a multiple of the relay's, by the median of the windows that followed one another: a noisy neighbour hits both. */
function ratioAt(all: readonly Window[], calls: number): number {
  const relay = by(all, 'relay', calls);
  const ratios = by(all, 'daemon', calls).map((entry, i) => entry.cpu / (relay[i]?.cpu ?? Number.NaN));
  return median(ratios, (ratio) => ratio);
}

async function websocket(quick: boolean): Promise<Verdict[]> {
  const load = startChild<LoadMethods>('load.ts');
  const daemon = startChild<DaemonMethods>('daemon.ts');
  const child = startChild<RelayMethods>('relay.ts');
  try {
    const modelUrl = await load.ask('listen');
    const env = { OPENAI_BASE_URL: modelUrl, USE_WEBRTC: 'false', GREETING: 'off' };
    const parties: Parties = {
      load,
      daemon,
      daemonUrl: await daemon.ask('start', { env }),
      relay: { child, url: await child.ask('start', { modelUrl }) },
    };
    const plans: Plan[] = quick
      ? [
          { calls: 1, warmMs: 1_000, windowMs: 7_000, rounds: 1 },
          { calls: 50, warmMs: 3_000, windowMs: 7_000, rounds: 1 },
          { calls: 200, warmMs: 7_000, windowMs: 10_000, rounds: 1 },
        ]
      : [
          { calls: 1, warmMs: 1_000, windowMs: 13_000, rounds: 1 },
          { calls: 50, warmMs: 7_000, windowMs: 9_000, rounds: 1 },
          { calls: 100, warmMs: 7_000, windowMs: 9_000, rounds: 1 },
          { calls: 200, warmMs: 7_000, windowMs: 15_000, rounds: 5 },
        ];
    const all: Window[] = [];
    for (const plan of plans) {
      for (let round = 0; round < plan.rounds; round++) {
        all.push(await windowOf(parties, 'daemon', plan, true, false));
        all.push(await windowOf(parties, 'relay', plan, true, false));
      }
    }
    return tellWebSocket(all, plans);
  } finally {
    await Promise.all([load.stop(), daemon.stop(), child.stop()]);
  }
}

function tellWebSocket(all: readonly Window[], plans: readonly Plan[]): Verdict[] {
  const latency = (title: string, read: (report: LoadReport) => LoadReport['up']) => {
    const rows = plans.flatMap(({ calls }) => {
      const [daemon, relay] = (['daemon', 'relay'] as const).map((who) => {
        const list = by(all, who, calls);
        return {
          p50: median(list, (w) => read(w.load).p50),
          p99: median(list, (w) => read(w.load).p99),
          max: Math.max(...list.map((w) => read(w.load).max)),
          count: list.reduce((sum, w) => sum + read(w.load).count, 0),
        };
      });
      if (daemon === undefined || relay === undefined) return [];
      const line = (who: string, it: typeof daemon) => [
        `${calls} ${who}`,
        n(it.p50),
        n(it.p99),
        n(it.max),
        String(it.count),
      ];
      return [
        line('daemon', daemon),
        line('bare relay', relay),
        [`${calls} difference`, n(daemon.p50 - relay.p50), n(daemon.p99 - relay.p99), n(daemon.max - relay.max), ''],
      ];
    });
    table(title, ['calls', 'p50 ms', 'p99 ms', 'max ms', 'samples'], rows);
  };
  latency(
    'WebSocket, up: from the phone sending a 20 ms frame to the model receiving it (both stamped by the load)',
    (r) => r.up,
  );
  latency(
    "WebSocket, down: from the model sending a talkspurt's first audio to the phone receiving its first message",
    (r) => r.firstDown,
  );

  table(
    'WebSocket, down: later messages against their time to be played (paced on purpose)',
    [
      'calls',
      'least lead ms',
      'p50 lead ms',
      'underruns',
      'dry ms',
      'messages/s a call',
      'marks/s a call',
      'ms audio/s a call',
    ],
    all.map((w) => [
      `${w.calls} ${w.who}`,
      n(w.load.lead.min, 0),
      n(w.load.lead.p50, 0),
      String(w.load.underruns),
      n(w.load.underrunMs, 0),
      n(w.load.messages / w.seconds / w.calls, 1),
      n(w.load.marks / w.seconds / w.calls, 1),
      n(w.load.audioMs / w.seconds / w.calls, 0),
    ]),
  );
  table(
    'WebSocket, CPU: each window',
    [
      'calls',
      '% of a core a call',
      '% of a core',
      'event loop late p99 ms',
      'max ms',
      'load: % of a core',
      'all else: %',
      'late p99 ms',
      'frames lost',
    ],
    all.map((w) => [
      `${w.calls} ${w.who}`,
      n(w.cpu, 3),
      n(w.cpu * w.calls, 1),
      n(w.to.loopP99Ms, 1),
      n(w.to.loopMaxMs, 1),
      n(w.loadCpu, 1),
      n(w.othersCpu, 1),
      n(w.loadTo.loopP99Ms, 1),
      // Those on the way at both ends of the window are no loss.
      String(Math.max(0, w.load.framesSent - w.load.appends - w.calls)),
    ]),
  );
  table(
    'WebSocket, CPU: the daemon against the relay',
    ['calls', 'daemon %', 'relay %', 'ratio'],
    plans.map(({ calls }) => {
      const [daemon, relay] = [
        median(by(all, 'daemon', calls), (w) => w.cpu),
        median(by(all, 'relay', calls), (w) => w.cpu),
      ];
      return [String(calls), n(daemon, 3), n(relay, 3), n(ratioAt(all, calls))];
    }),
  );
  const most = plans.at(-1)?.calls ?? 0;
  const daemon = by(all, 'daemon', most);
  return [
    {
      what: `WebSocket: CPU against the bare relay at ${most} calls`,
      value: ratioAt(all, most),
      target: 1.5,
      unit: 'ratio',
    },
    {
      what: `WebSocket: CPU a call at ${most} calls`,
      value: median(daemon, (w) => w.cpu),
      target: 0.3,
      unit: '% of a core',
    },
    {
      what: `WebSocket: latency up, p99 at ${most} calls`,
      value: median(daemon, (w) => w.load.up.p99),
      target: 5,
      unit: 'ms',
    },
    {
      what: `WebSocket: latency down, p99 at ${most} calls`,
      value: median(daemon, (w) => w.load.firstDown.p99),
      target: 5,
      unit: 'ms',
    },
  ];
}

async function webrtc(quick: boolean): Promise<Verdict[]> {
  const load = startChild<LoadMethods>('load.ts');
  const daemon = startChild<DaemonMethods>('daemon.ts');
  try {
    const modelUrl = await load.ask('listen');
    const env = { OPENAI_BASE_URL: modelUrl, USE_WEBRTC: 'true', GREETING: 'off' };
    const parties: Parties = { load, daemon, daemonUrl: await daemon.ask('start', { env, timed: true }) };
    const plans: Plan[] = [
      { calls: 1, warmMs: 3_000, windowMs: 7_000, rounds: 1 },
      { calls: 20, warmMs: 4_000, windowMs: quick ? 7_000 : 10_000, rounds: 1 },
      { calls: 40, warmMs: 5_000, windowMs: quick ? 10_000 : 15_000, rounds: quick ? 1 : 2 },
    ];
    const timed: Window[] = [];
    const plain: Window[] = [];
    for (const plan of plans) {
      timed.push(await windowOf(parties, 'daemon', { ...plan, windowMs: 7_000 }, false, true));
      for (let round = 0; round < plan.rounds; round++)
        plain.push(await windowOf(parties, 'daemon', plan, false, false));
    }
    const ends = await daemon.ask('ends');
    print(`\nWebRTC: how the calls ended: ${JSON.stringify(ends)}`);
    return tellWebRtc(timed, plain, plans);
  } finally {
    await Promise.all([load.stop(), daemon.stop()]);
  }
}

function tellWebRtc(timed: readonly Window[], plain: readonly Window[], plans: readonly Plan[]): Verdict[] {
  const own = (read: (time: OwnTime) => LoadReport['up']) =>
    timed.map((w) => {
      const it = w.own === undefined ? undefined : read(w.own);
      return { w, it };
    });
  table(
    "WebRTC, up: the daemon's own time, from the carrier's message to the return of libwebrtc's input call",
    ['calls', 'p50 ms', 'p99 ms', 'max ms', '10 ms frames', 'held by the pacer', 'event loop late p99 ms', 'max ms'],
    own((time) => time.up).map(({ w, it }) => [
      String(w.calls),
      n(it?.p50),
      n(it?.p99),
      n(it?.max),
      String(it?.count ?? 0),
      String(w.own?.upWaited ?? 0),
      n(w.to.loopP99Ms, 1),
      n(w.to.loopMaxMs, 1),
    ]),
  );
  table(
    "WebRTC, down: the daemon's own time, from the 10 ms frame that completes a message to the return of its send",
    ['calls', 'p50 ms', 'p99 ms', 'max ms', 'messages', 'sent by the tick', 'their p50 ms', 'p99 ms'],
    own((time) => time.down).map(({ w, it }) => [
      String(w.calls),
      n(it?.p50),
      n(it?.p99),
      n(it?.max),
      String(it?.count ?? 0),
      String(w.own?.downWaited.count ?? 0),
      n(w.own?.downWaited.p50),
      n(w.own?.downWaited.p99),
    ]),
  );
  print(
    "Delays by configuration, not in the table above: a message waits for its later frames, the cushion goes before each talkspurt (cushionMs of the turns); the resamplers' filters hold 4 ms each way.",
  );
  table(
    'WebRTC, CPU of the daemon, and what its phones got',
    [
      'calls',
      '% of a core a call',
      '% of a core',
      'load: % of a core',
      'all else: %',
      'messages/s a call',
      'underruns',
      'dry ms',
      'least lead ms',
    ],
    plain.map((w) => [
      String(w.calls),
      n(w.cpu, 2),
      n(w.cpu * w.calls, 1),
      n(w.loadCpu, 1),
      n(w.othersCpu, 1),
      n(w.load.messages / w.seconds / w.calls, 1),
      String(w.load.underruns),
      n(w.load.underrunMs, 0),
      n(w.load.lead.min, 0),
    ]),
  );
  const most = plans.at(-1)?.calls ?? 0;
  const last = timed.at(-1)?.own;
  return [
    {
      what: `WebRTC: CPU a call at ${most} calls`,
      value: median(by(plain, 'daemon', most), (w) => w.cpu),
      target: 2,
      unit: '% of a core',
    },
    { what: `WebRTC: own time up, p99 at ${most} calls`, value: last?.up.p99 ?? Number.NaN, target: 5, unit: 'ms' },
    { what: `WebRTC: own time down, p99 at ${most} calls`, value: last?.down.p99 ?? Number.NaN, target: 5, unit: 'ms' },
  ];
}

export async function bridge(options: { quick: boolean; only?: string }): Promise<Verdict[]> {
  const list: Verdict[] = [];
  if (options.only !== 'webrtc') list.push(...(await websocket(options.quick)));
  if (options.only !== 'websocket') list.push(...(await webrtc(options.quick)));
  return list;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } });
  verdicts(await bridge({ quick: values.quick, ...(values.only === undefined ? {} : { only: values.only }) }));
}
