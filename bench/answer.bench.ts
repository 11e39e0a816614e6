/**
 * From the caller's last sound to the agent's first in his ear, over both transports in one run, with the parts of it: until the model gives its
 * first audio (its own hearing, its turn detection, and on WebRTC its jitter buffer), and from there to the ear. With loss and jitter on the way
 * of WebRTC's media, too.
 * Run: node bench/answer.bench.ts [--quick] [--calls 1,20,40] [--set NAME=VALUE]
 */

import { parseArgs } from 'node:util';
import { webrtcAvailable } from '../src/transport/peer.ts';
import { startChild } from './lib/child.ts';
import type { DaemonMethods } from './lib/daemon.ts';
import type { WayOptions } from './lib/lossy-way.ts';
import type { AnswerReport, PeopleMethods } from './lib/people.ts';
import { summarise } from './lib/stats.ts';
import { n, table, type Verdict, verdicts } from './lib/table.ts';

type Transport = 'websocket' | 'webrtc';

interface Measured {
  readonly reports: readonly AnswerReport[];
  readonly cushions: readonly number[];
  readonly playouts: readonly number[];
  /** What WebRTC's jitter buffers held, ms: the model's, and ours. */
  readonly held: { readonly model: readonly number[]; readonly ours: readonly number[] };
  readonly lostPercent: number;
}

interface Plan {
  readonly callers: number;
  readonly turns: number;
  /** What the daemon is set to beside. */
  readonly settings: Readonly<Record<string, string>>;
}

/** `way`: what the way of WebRTC's media does to it; a relay of ours is on it then. */
async function measure(transport: Transport, plan: Plan, way?: WayOptions): Promise<Measured> {
  const { callers, turns, settings } = plan;
  const people = startChild<PeopleMethods>('people.ts');
  const daemon = startChild<DaemonMethods>('daemon.ts');
  try {
    const modelUrl = await people.ask('listen', { toneMs: 1_200, ...(way === undefined ? {} : { way }) });
    const env = { OPENAI_BASE_URL: modelUrl, USE_WEBRTC: String(transport === 'webrtc'), GREETING: 'off', ...settings };
    const target = await daemon.ask('start', { env, keepNotes: true });
    // The first call of a process loads what the others find loaded.
    await people.ask('talk', { target, callers: 1, turns: 1 });
    const reports = await people.ask('talk', { target, callers, turns });
    const notes = (await daemon.ask('notes')).slice(1);
    return {
      reports,
      cushions: notes.flatMap((note) => note.cushions),
      playouts: notes.flatMap((note) => note.playouts),
      held: {
        model: (await people.ask('held')).bufferMs.slice(1),
        ours: (await daemon.ask('held'))?.bufferMs.slice(1) ?? [],
      },
      lostPercent: await people.ask('lostPercent'),
    };
  } finally {
    await Promise.all([people.stop(), daemon.stop()]);
  }
}

interface AnswerOptions {
  readonly quick: boolean;
  readonly calls?: readonly number[];
  readonly settings?: Readonly<Record<string, string>>;
}

export async function answer({ quick, calls, settings = {} }: AnswerOptions): Promise<Verdict[]> {
  const rows: string[][] = [];
  const list: Verdict[] = [];
  const turns = quick ? 4 : 8;
  const line = (name: string, callers: number, { reports, cushions, playouts, held, lostPercent }: Measured) => {
    const all = reports.flatMap((report) => report.turns);
    const heard = summarise(all.map(({ responseMs }) => responseMs));
    const model = summarise(all.flatMap(({ modelMs }) => modelMs ?? []));
    const way = summarise(
      all.flatMap(({ responseMs, modelMs }) => (modelMs === undefined ? [] : [responseMs - modelMs])),
    );
    rows.push([
      name,
      String(callers),
      n(heard.p50, 0),
      n(heard.p95, 0),
      n(model.p50, 0),
      n(summarise(held.model).p50, 0),
      n(way.p50, 0),
      n(way.p95, 0),
      n(summarise(held.ours).p50, 0),
      n(summarise(playouts).p50, 0),
      cushions.length === 0 ? '' : `${Math.min(...cushions)} to ${Math.max(...cushions)}`,
      String(reports.reduce((sum, report) => sum + report.gaps, 0)),
      String(Math.round(reports.reduce((sum, report) => sum + report.gapMs, 0))),
      n(lostPercent, 1),
      `${all.length} of ${callers * turns}`,
    ]);
    return heard;
  };
  for (const callers of calls ?? (quick ? [1, 10] : [1, 20, 40])) {
    const plan = { callers, turns, settings };
    const socket = line('websocket', callers, await measure('websocket', plan));
    const peer = line('webrtc', callers, await measure('webrtc', plan));
    for (const at of ['p50', 'p95'] as const)
      list.push({
        what: `WebRTC's answer later than the WebSocket's, ${callers} calls, ${at}`,
        value: peer[at] - socket[at],
        target: 120,
        unit: 'ms',
      });
    for (const lossPercent of [0, 1, 3])
      line(
        `webrtc, ${lossPercent} % loss, 30 ms jitter`,
        callers,
        await measure('webrtc', plan, { lossPercent, jitterMs: 30 }),
      );
  }
  table(
    "Answers, ms from the caller's last sound to the agent's first in his ear",
    [
      '',
      'calls',
      'p50',
      'p95',
      "to the model's first audio, p50",
      'of that its jitter buffer',
      'from there to the ear, p50',
      'p95',
      'of that our jitter buffer',
      'and our playout',
      'cushion',
      'gaps',
      'gap ms',
      'lost %',
      'turns',
    ],
    rows,
  );
  return list;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      calls: { type: 'string' },
      set: { type: 'string', multiple: true, default: [] },
    },
  });
  if (!webrtcAvailable().ok) process.stderr.write('WebRTC cannot be had here\n');
  else
    verdicts(
      await answer({
        quick: values.quick,
        settings: Object.fromEntries(values.set.map((one) => one.split(/=(.*)/s).slice(0, 2))),
        ...(values.calls === undefined ? {} : { calls: values.calls.split(',').map(Number) }),
      }),
    );
}
