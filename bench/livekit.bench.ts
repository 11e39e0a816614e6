/**
 * Rooms of LiveKit's with two people in each: CPU and memory a room, at several numbers of rooms, and where it goes. One of the two speaks and is answered over and over, the
 * other has a microphone and listens; these people neither encode nor decode (`far/livekit-people`). Then people cut in, over and over: how long the agent is heard after a clear, and whether the model is told truly what was heard.
 * Server, people, model, daemon and the daemon's workers are processes of their own.
 * Run: node bench/livekit.bench.ts [--quick] [--rooms 1,5,20] [--only rooms|clear]
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeSweep } from '../src/media/sweep.ts';
import { encodeWav } from '../src/media/wav.ts';
import { RATE, soundsOn } from '../src/simulator/livekit/index.ts';
import { sleep } from './lib/child.ts';
import { type LightRoom, type Room, RoomsOfBench } from './lib/livekit-rooms.ts';
import { shareOf } from './lib/processes.ts';
import { cutIn } from './lib/room-barge-ins.ts';
import { listen, type Received } from './lib/rtp-log.ts';
import { summarise } from './lib/stats.ts';
import { header, n, table, type Verdict, verdicts } from './lib/table.ts';

const MB = 1_024 * 1_024;
/** What a room with two people may take: percent of a core, MB of RSS. */
const CPU_TARGET = 8;
const MEMORY_TARGET = 15;
/** From the clear to silence at a participant, p50, and how far what the model was told may be from what the participant heard, ms. */
const SILENT_TARGET = 70;
const HEARD_TARGET = 40;
/** Rooms in which people cut in, and how often in each. */
const CUT_IN_ROOMS = 2;
const CUT_INS = 35;
/** How long the agent's answer is that is cut off, ms. */
const ANSWER_MS = 3_000;

interface Row {
  readonly rooms: number;
  readonly daemon: number;
  readonly workers: number;
  readonly server: number;
  readonly people: number;
  readonly model: number;
  /** Processes of the daemon's that hold rooms. */
  readonly processes: number;
  readonly mb: number;
  /** Of it the daemon's; and all of it where what processes share is counted once. */
  readonly daemonMb: number;
  readonly shareMb: number;
  /** Answers of the agent that people heard, and holes in them. */
  readonly answers: number;
  readonly gaps: number;
  /** From an answer's first sound in the daemon to its being heard, by the daemon's own books, p50, ms. */
  readonly playoutMs: number;
}

export async function livekit(o: { quick: boolean; rooms?: number[]; only?: string | undefined }): Promise<Verdict[]> {
  return [...(o.only === 'clear' ? [] : await costs(o)), ...(o.only === 'rooms' ? [] : await clears(o))];
}

/** How long the agent is heard after a clear, and how true what the model is told of it. */
async function clears({ quick }: { quick: boolean }): Promise<Verdict[]> {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-bench-'));
  const wav = join(folder, 'sweep.wav');
  writeFileSync(wav, encodeWav([makeSweep(RATE, ANSWER_MS)], RATE));
  const bench = await RoomsOfBench.start({}, { keepNotes: true, wav });
  try {
    const rooms: Room[] = [];
    for (let i = 0; i < CUT_IN_ROOMS; i++) rooms.push(await bench.open({ people: 2, isSilent: true, keepsTape: true }));
    await sleep(2_000);
    const found = await cutIn(bench, rooms, quick ? 5 : CUT_INS);
    const rows = {
      'clear to silence': found.map(({ silentMs }) => silentMs),
      "of it the listener's jitter buffer, mean": found.map(({ jitterBufferMs }) => jitterBufferMs),
      'what is beyond it': found.map(({ silentMs, jitterBufferMs }) => silentMs - jitterBufferMs),
      'told less heard': found.map(({ toldMs, heardMs }) => toldMs - heardMs),
      'the same, whichever way': found.map(({ toldMs, heardMs }) => Math.abs(toldMs - heardMs)),
      'jitter buffer: lasted less heard': found.map(({ lastedMs, heardMs }) => lastedMs - heardMs),
    };
    table(
      `${found.length} times somebody cut in, ms, as his library gave the agent's track out`,
      ['', 'p50', 'p95', 'min', 'max'],
      Object.entries(rows).map(([name, values]) => {
        const { p50, p95, min, max } = summarise(values);
        return [name, ...[p50, p95, min, max].map((ms) => n(ms, 1))];
      }),
    );
    const off = summarise(rows['the same, whichever way']);
    return [
      {
        what: 'livekit: clear to silence at a participant, p50',
        value: summarise(rows['clear to silence']).p50,
        target: SILENT_TARGET,
        unit: 'ms',
      },
      { what: 'livekit: what was heard, told and true, p95', value: off.p95, target: HEARD_TARGET, unit: 'ms' },
    ];
  } finally {
    await bench.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function costs({ quick, rooms = [1, 5, 20] }: { quick: boolean; rooms?: number[] }): Promise<Verdict[]> {
  const bench = await RoomsOfBench.start({}, { keepNotes: true });
  const rows: Row[] = [];
  try {
    // Code is compiled, workers are started and pools are filled by the first room: that is the process's price.
    const warm = await bench.openLight({ people: 2 });
    await sleep(5_000);
    await warm.close();
    await sleep(1_000);
    for (const count of rooms) rows.push(await measure(bench, count, quick ? 6 : 30));
  } finally {
    await bench.close();
  }
  table(
    'Rooms with two people: CPU a room, % of a core, by process; memory a room of the daemon and its workers together',
    [
      'rooms',
      'daemon',
      'workers',
      'together',
      "LiveKit's server",
      'people',
      'model',
      'processes of rooms',
      'RSS MB',
      "of it the daemon's",
      'shared counted once',
      'answers heard',
      'gaps in them',
      'playout, ms',
    ],
    rows.map((row) => [
      String(row.rooms),
      n(row.daemon),
      n(row.workers),
      n(row.daemon + row.workers),
      n(row.server),
      n(row.people),
      n(row.model),
      String(row.processes),
      n(row.mb, 1),
      n(row.daemonMb, 1),
      n(row.shareMb, 1),
      String(row.answers),
      String(row.gaps),
      n(row.playoutMs),
    ]),
  );
  const last = rows.at(-1)!;
  return [
    {
      what: `livekit: CPU a room with two people, ${last.rooms} rooms`,
      value: last.daemon + last.workers,
      target: CPU_TARGET,
      unit: '% of a core',
    },
    { what: `livekit: memory a room, ${last.rooms} rooms`, value: last.mb, target: MEMORY_TARGET, unit: 'MB RSS' },
  ];
}

/** What the daemon and its workers hold together, bytes. */
function heldBy({ daemon, workers }: RoomsOfBench): number {
  return [daemon, ...workers].reduce((sum, { pid }) => sum + shareOf(pid), 0);
}

async function measure(bench: RoomsOfBench, count: number, seconds: number): Promise<Row> {
  const idle = await bench.window(seconds / 2);
  const held = heldBy(bench);
  const open: LightRoom[] = [];
  let closed: Promise<Array<Array<readonly Received[]>>> | undefined;
  const close = () => {
    closed ??= Promise.all(open.map((room) => room.close()));
    return closed;
  };
  try {
    for (let i = 0; i < count; i++) open.push(await bench.openLight({ people: 2 }));
    await sleep(5_000);
    const fromMs = performance.timeOrigin + performance.now();
    const busy = await bench.window(seconds);
    const toMs = performance.timeOrigin + performance.now();
    const processes = bench.workers.length;
    const share = heldBy(bench) - held;
    const notes = await Promise.all(open.map(({ connectionId: callId }) => bench.daemon.ask('note', { callId })));
    const heard = (await close()).flat().map((all) => all.filter(({ atMs }) => atMs > fromMs && atMs < toMs));
    const sounds = heard.flatMap((one) => soundsOn(listen(one).tape, RATE));
    const a = (of: (window: typeof busy) => number) => (of(busy) - of(idle)) / count;
    return {
      rooms: count,
      daemon: a(({ daemon }) => daemon.cpu),
      workers: a(({ workers }) => workers.cpu),
      server: a(({ server }) => server.cpu),
      people: a(({ people }) => people.cpu),
      model: a(({ model }) => model.cpu),
      processes,
      daemonMb: a(({ daemon }) => daemon.rss) / MB,
      shareMb: share / count / MB,
      mb: a(({ daemon, workers }) => daemon.rss + workers.rss) / MB,
      answers: sounds.length,
      gaps: sounds.flatMap(({ holes }) => holes).length,
      playoutMs: summarise(notes.flatMap((note) => note?.playouts ?? [])).p50,
    };
  } finally {
    await close();
    await sleep(2_000);
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, rooms: { type: 'string' }, only: { type: 'string' } },
  });
  header();
  const rooms = values.rooms?.split(',').map(Number);
  verdicts(await livekit({ quick: values.quick, only: values.only, ...(rooms === undefined ? {} : { rooms }) }));
  process.exit(0);
}
