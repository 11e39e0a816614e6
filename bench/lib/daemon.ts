import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, build } from '../../src/app.ts';
import { type Clock, systemClock } from '../../src/call/clock.ts';
import type { CallEvent, Heard } from '../../src/call/events.ts';
import { loadConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { RecordWriter } from '../../src/records/writer.ts';
import { openPeers, Peer } from '../../src/transport/peer.ts';
import { serve, sleep } from './child.ts';
import { daemonEnv } from './daemon-env.ts';
import { type Held, watchHeld } from './held.ts';
import { install, measureOwnTime } from './timing.ts';
import { usage } from './usage.ts';

/** The daemon alone in its process, as `npm start` would run it, with nothing beside it but the reading of its meters. */

export interface BargeIn {
  readonly heard: readonly Heard[];
  /** What the daemon itself says that the clear took it, ms. */
  readonly clearMs: number;
  /** When it was told of, right after the clear; ms since the epoch, which is one clock for all processes of the machine. */
  readonly atMs: number;
}

/** What a call told, in the order in which calls began. */
export interface CallNotes {
  readonly transports: string[];
  readonly bargeIns: BargeIn[];
  /** Silence that went before each answer that was heard, ms. */
  readonly cushions: number[];
  /** From the first sound of each answer in the daemon to its being heard, by the daemon's own books, ms. */
  readonly playouts: number[];
  end: string | undefined;
  counters: Readonly<Partial<Record<string, number>>>;
}

export interface StartOptions {
  /** What the daemon's environment would hold. */
  readonly env: Record<string, string>;
  readonly keepNotes?: boolean;
  /** Its own time can be measured; without it nothing stands between the daemon and its transports. */
  readonly timed?: boolean;
  /** Its clock can be put forward. */
  readonly skips?: boolean;
  /** False: events of calls are made and go nowhere, as if there were no store. */
  readonly stores?: boolean;
}

let skippedMs = 0;
/** The machine's clock, put forward while nobody is on the line: what is remembered of ended calls for minutes is then forgotten. */
const skippingClock: Clock = {
  now: () => systemClock.now() + skippedMs,
  wall: () => systemClock.wall() + skippedMs,
  after: systemClock.after,
};

let app: App | undefined;
let held: (() => Held) | undefined;
/** Kept only where it is asked for: a bench of memory must not fill it with its own notes. */
let keep = false;
const notes = new Map<string, CallNotes>();
let ended: Record<string, number> = {};

/** Events that were told and are worth keeping. */
let told = 0;

function onEvent(callId: string, event: CallEvent): void {
  if (!(event.type === 'agent' && event.event.type === 'transcript' && !event.event.final)) told++;
  if (event.type === 'call_ended') {
    const name = `${event.end.result}: ${event.end.reason}`;
    ended[name] = (ended[name] ?? 0) + 1;
  }
  if (!keep) return;
  let note = notes.get(callId);
  if (note === undefined) {
    note = { transports: [], bargeIns: [], cushions: [], playouts: [], end: undefined, counters: {} };
    notes.set(callId, note);
  }
  if (event.type === 'barge_in') {
    const atMs = performance.timeOrigin + performance.now();
    note.bargeIns.push({ heard: event.heard, clearMs: event.clearMs, atMs });
  }
  if (event.type === 'agent' && event.event.type === 'ready') note.transports.push(event.event.transport);
  else if (event.type === 'turn') {
    note.playouts.push(event.heardMs - event.firstAudioMs);
    if (event.cushionMs !== undefined) note.cushions.push(event.cushionMs);
  } else if (event.type === 'call_ended') {
    note.end = `${event.end.result}: ${event.end.reason}`;
    note.counters = event.counters;
  }
}

const methods = {
  /** Resolves to the daemon's local URL. */
  async start({ env, keepNotes, timed, skips, stores }: StartOptions): Promise<string> {
    if (timed) install();
    if (stores === false) RecordWriter.prototype.onRecord = () => {};
    // A bench leaves nothing behind.
    const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-bench-'));
    process.on('exit', () => rmSync(dataDir, { recursive: true, force: true }));
    keep = keepNotes ?? false;
    if (keep) held = watchHeld();
    const config = loadConfig({
      ...daemonEnv(dataDir),
      ...env,
    });
    app = await build(config, {
      log: createLog({ level: 'silent' }),
      observers: [{ onEvent }],
      ...(skips ? { clock: skippingClock } : {}),
    });
    return app.listen();
  },
  usage,
  skip({ ms }: { ms: number }): void {
    skippedMs += ms;
  },
  /** Calls that live, peers that are open. */
  live: () => ({ calls: app?.calls.size ?? 0, peers: openPeers() }),
  /** Events told that are worth keeping, and those of them that are not in the store yet. */
  async records() {
    const text = (await app?.metrics.registry.getSingleMetricAsString('voicebridge_records_waiting')) ?? '';
    return { told, waiting: Number(/^voicebridge_records_waiting (\d+)/m.exec(text)?.[1]) };
  },
  /** How calls ended since the last question. */
  ends() {
    const told = ended;
    ended = {};
    return told;
  },
  ownTime: ({ begin }: { begin: boolean }) => measureOwnTime(begin),
  notes: () => [...notes.values()],
  note: ({ callId }: { callId: string }) => notes.get(callId),
  /** What WebRTC held back on the daemon's side, where notes are kept. */
  held: () => held?.(),
  /** Peers of the same library connected and closed one after the other with none of the daemon's own work: what the library keeps by itself. */
  async barePeers({ modelUrl, count, together }: { modelUrl: string; count: number; together: number }): Promise<void> {
    for (let made = 0; made < count; made += together) {
      await Promise.all(Array.from({ length: Math.min(together, count - made) }, () => barePeer(modelUrl)));
    }
  },
};
export type DaemonMethods = typeof methods;

async function barePeer(modelUrl: string): Promise<void> {
  const connected = Promise.withResolvers<void>();
  const peer = new Peer(
    { iceServers: [] },
    { audio() {}, state: (state) => state === 'connected' && connected.resolve() },
  );
  const channel = peer.createChannel('oai-events');
  channel.attach({ text() {} });
  const offer = await peer.createOffer();
  const response = await fetch(`${modelUrl}/realtime/calls`, { method: 'POST', body: offer });
  await peer.acceptAnswer(await response.text());
  await connected.promise;
  const silence = new Int16Array(480);
  for (let i = 0; i < 10; i++) peer.sendAudio(silence);
  await sleep(300);
  await peer.quality();
  peer.close();
  await fetch(new URL(`${response.headers.get('location')}/hangup`, modelUrl), { method: 'POST' });
}

serve(methods);
