import { readdirSync } from 'node:fs';
import { sleep } from './child.ts';
import type { RoomsOfBench } from './livekit-rooms.ts';
import { childrenOf, usageOf } from './processes.ts';
import { n, print, table } from './table.ts';

/** Rooms made and ended over and over, half of them deleted by the server while people are in them, and what is left of them. */

const MB = 1_024 * 1_024;
/** Rooms that are made and ended at a time. */
const TOGETHER = 4;
/** How long a room is talked in, ms, and how long what is left of all may take to go. */
const STAY_MS = 500;
const GONE_MS = 45_000;
/** Descriptors and threads come and go by a few: connections that are kept for the next request, threads of the runtime's own. */
const FEW = 8;

interface Stats {
  readonly rooms: Readonly<Record<string, number>>;
  readonly participants: number;
  readonly workers: ReadonlyArray<{ readonly pid: number; readonly rooms: number; readonly served: number }>;
}

/** What there is of the daemon, of the rooms and at the server. */
interface Counts {
  readonly workers: readonly number[];
  readonly daemonThreads: number;
  readonly daemonDescriptors: number;
  readonly daemonMb: number;
  readonly workerThreads: number;
  readonly rooms: number;
  readonly roomsAtServer: number;
}

async function counts(bench: RoomsOfBench): Promise<Counts> {
  const { rooms } = await bench.get<Stats>('stats');
  const daemon = usageOf(bench.daemon.pid);
  return {
    workers: childrenOf(bench.daemon.pid),
    daemonThreads: daemon.threads,
    daemonDescriptors: readdirSync(`/proc/${bench.daemon.pid}/fd`).length,
    daemonMb: daemon.rss / MB,
    workerThreads: bench.workers.reduce((sum, { threads }) => sum + threads, 0),
    rooms: Object.values(rooms).reduce((sum, one) => sum + one, 0),
    roomsAtServer: (await bench.api.listRooms()).length,
  };
}

/** Makes and ends `count` rooms, and prints what there was before, with the last of them, and afterwards. Resolves with what was wrong, in words. */
export async function churn(bench: RoomsOfBench, count: number): Promise<string[]> {
  await (await bench.open({ people: 1, isSilent: true })).close();
  await sleep(3_000);
  const before = await counts(bench);
  const seen = new Set<number>(before.workers);
  let most = before;
  let made = 0;
  const one = async () => {
    while (made < count) {
      const number = ++made;
      const room = await bench.open({ people: 1, isSilent: true });
      await sleep(STAY_MS);
      if (number % 2 === 0) await bench.api.deleteRoom(room.roomName);
      await room.close();
      if (number % 20 !== 0) continue;
      const now = await counts(bench);
      for (const pid of now.workers) seen.add(pid);
      if (now.workerThreads > most.workerThreads) most = now;
      print(`${String(number).padStart(4)} rooms  ${now.workers.length} workers with ${now.workerThreads} threads`);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, one));
  const { after, wrong } = await settled(bench, before, seen);
  table(
    `${count} rooms made and ended, half of them deleted by the server`,
    ['', 'before', 'at the most', 'after'],
    [
      ['processes for rooms', ...[before, most, after].map(({ workers }) => String(workers.length))],
      ['their threads', ...[before, most, after].map(({ workerThreads }) => String(workerThreads))],
      ["the daemon's threads", ...[before, most, after].map(({ daemonThreads }) => String(daemonThreads))],
      ["the daemon's descriptors", ...[before, most, after].map(({ daemonDescriptors }) => String(daemonDescriptors))],
      ["the daemon's RSS, MB", ...[before, most, after].map(({ daemonMb }) => n(daemonMb, 0))],
      ['rooms by the daemon', ...[before, most, after].map(({ rooms }) => String(rooms))],
      ['rooms by the server', ...[before, most, after].map(({ roomsAtServer }) => String(roomsAtServer))],
    ],
  );
  print(`${seen.size} processes for rooms were there, of which ${after.workers.length} are left`);
  return wrong;
}

/** Waits for what goes by itself, and looks at what does not. */
async function settled(bench: RoomsOfBench, before: Counts, seen: Set<number>) {
  const end = performance.now() + GONE_MS;
  for (;;) {
    const after = await counts(bench);
    for (const pid of after.workers) seen.add(pid);
    const { workers } = await bench.get<Stats>('stats');
    const known = new Set(workers.map(({ pid }) => pid));
    const wrong: string[] = [];
    if (after.rooms + after.roomsAtServer > 0)
      wrong.push(`rooms are left: ${after.rooms} by the daemon, ${after.roomsAtServer} by the server`);
    const strange = after.workers.filter((pid) => !known.has(pid));
    if (strange.length > 0) wrong.push(`processes are left that the daemon does not know: ${strange.join(', ')}`);
    if (after.workers.length > before.workers.length)
      wrong.push(`${after.workers.length} processes for rooms are left`);
    if (before.workers.some((pid) => after.workers.includes(pid)))
      wrong.push('the process that had the rooms was not replaced');
    if (after.workerThreads > before.workerThreads + FEW)
      wrong.push(`the processes for rooms have ${after.workerThreads} threads, and had ${before.workerThreads}`);
    if (after.daemonThreads > before.daemonThreads)
      wrong.push(`the daemon has ${after.daemonThreads} threads, and had ${before.daemonThreads}`);
    if (after.daemonDescriptors > before.daemonDescriptors + FEW)
      wrong.push(`the daemon has ${after.daemonDescriptors} descriptors, and had ${before.daemonDescriptors}`);
    if (wrong.length === 0 || performance.now() > end) return { after, wrong };
    await sleep(500);
  }
}
