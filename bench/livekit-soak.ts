/**
 * Rooms for hours: several at once with two people each, in which somebody cuts in over and over; then rooms made and ended over and over, half of them by the server itself.
 * Prints a line a minute, and at the end what was wrong: gaps, a barge-in that was not heard, memory that grew, processes or rooms that were left.
 * Run: npm run soak [-- --minutes 120] [--rooms 5] [--people 2] [--barge-in-seconds 10] [--churn 200]; or, with what is not said of ten minutes in three rooms, npm run soak -- --short
 * Exit status: 0 when nothing was wrong, 1 otherwise.
 */

import { parseArgs } from 'node:util';
import { firstWords, toneSource } from '../src/simulator/phone/index.ts';
import { sleep } from './lib/child.ts';
import { type Room, RoomsOfBench } from './lib/livekit-rooms.ts';
import { usageOf } from './lib/processes.ts';
import { churn } from './lib/room-churn.ts';
import { type SoakPerson, type SoakSeen, soakFaults } from './lib/soak-verdict.ts';
import { summarise } from './lib/stats.ts';
import { header, n, print, table } from './lib/table.ts';

const MB = 1_024 * 1_024;
/** What is done unless it is said: in the long form, and in the one that fits into a run of all tests. */
const LONG = { minutes: 120, rooms: 5, churn: 200 } as const;
const SHORT = { minutes: 10, rooms: 3, churn: 0 } as const;

interface Stats {
  readonly rooms: Readonly<Record<string, number>>;
  readonly workers: ReadonlyArray<{ readonly pid: number; readonly rooms: number; readonly served: number }>;
}

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    rooms: { type: 'string' },
    people: { type: 'string', default: '2' },
    'barge-in-seconds': { type: 'string', default: '10' },
    churn: { type: 'string' },
  },
});
const form = values.short ? SHORT : LONG;
const minutes = Number(values.minutes ?? form.minutes);
const count = Number(values.rooms ?? form.rooms);
const rounds = Number(values.churn ?? form.churn);
const everyMs = Number(values['barge-in-seconds']) * 1_000;
const wrong: string[] = [];
/** RSS of every process that was seen, MB, whenever it was looked at; workers by their pid, since one that was replaced is another process. */
const memory: Record<string, { firstMb: number; lastMb: number }> = {};

header();
const bench = await RoomsOfBench.start();
try {
  if (minutes > 0) await talkForHours();
  if (rounds > 0) wrong.push(...(await churn(bench, rounds)));
} finally {
  await bench.close();
}
print(wrong.length === 0 ? '\nnothing was wrong' : `\n${wrong.join('\n')}`);
process.exit(wrong.length === 0 ? 0 : 1);

/** The agent speaks for 3 s when somebody has spoken; then somebody cuts in. */
async function talkForHours(): Promise<void> {
  const rooms: Room[] = [];
  for (let i = 0; i < count; i++) rooms.push(await bench.open({ people: Number(values.people), isSilent: true }));
  const word = firstWords(toneSource(1_020, { ms: 500 }));
  const began = performance.now();
  const end = began + minutes * 60_000;
  let next = began;
  let cutIns = 0;
  let lines = 0;
  look();
  while (performance.now() < end) {
    // A turn, and 1.5 s into its answer another word.
    await Promise.all(rooms.map(({ people }) => people[0]!.say(toneSource(880, { ms: 800 }))));
    await sleep(Math.min(3_300, everyMs / 2));
    await Promise.all(rooms.map(({ people }) => people.at(-1)!.say(word)));
    cutIns += rooms.length;
    next += everyMs;
    await sleep(Math.max(0, next - performance.now()));
    const minute = Math.floor((performance.now() - began) / 60_000);
    if (minute < lines) continue;
    lines = minute + 1;
    print(await line(minute, rooms));
    // What became of them is told below; hours without them would show nothing.
    if ((await left()) < count) break;
  }
  look();
  const heard = await tell(rooms, cutIns);
  const there = { opened: count, left: await left() };
  wrong.push(...soakFaults({ minutes, everyMs, cutIns, ...heard, memory, rooms: there }));
  await Promise.all(rooms.map((room) => room.close()));
}

/** How many of the rooms there are. */
async function left(): Promise<number> {
  const { workers } = await bench.get<Stats>('stats');
  return workers.reduce((sum, one) => sum + one.rooms, 0);
}

/** Looks how large each process is now, MB, and keeps it. */
function look(): Record<string, number> {
  const now: Record<string, number> = {
    daemon: usageOf(bench.daemon.pid).rss / MB,
    people: usageOf(bench.people.pid).rss / MB,
  };
  for (const { pid, rss } of bench.workers) now[`worker ${pid}`] = rss / MB;
  for (const [name, mb] of Object.entries(now)) memory[name] = { firstMb: memory[name]?.firstMb ?? mb, lastMb: mb };
  return now;
}

/** How many workers there were so far. */
function workersSeen(): number {
  return Object.keys(memory).filter((name) => name.startsWith('worker ')).length;
}

async function line(minute: number, rooms: readonly Room[]): Promise<string> {
  const { workers } = await bench.get<Stats>('stats');
  const gaps = await Promise.all(rooms.flatMap(({ people }) => people.map((one) => one.report())));
  const parts = Object.entries(look()).map(([name, mb]) => `${name} ${n(mb, 0)} MB`);
  const threads = bench.workers.map((one) => one.threads).join('+');
  return `${String(minute).padStart(4)} min  ${parts.join(', ')}; threads ${threads}; rooms ${workers.map((one) => one.rooms).join('+')}; workers so far ${workersSeen()}; gaps ${gaps.reduce((sum, { playback }) => sum + playback.gaps, 0)}`;
}

/** What everybody heard, and how quickly the agent fell silent. */
async function tell(rooms: readonly Room[], cutIns: number): Promise<Pick<SoakSeen, 'delays' | 'people'>> {
  const delays: Array<number | undefined> = [];
  const people: SoakPerson[] = [];
  const rows: string[][] = [];
  for (const [index, room] of rooms.entries()) {
    for (const [who, person] of room.people.entries()) {
      const { playback, interruptions, agentSpoke, sent, startedMs, durationMs } = await person.report();
      // The last of a room is who cuts in; what the others say begins an answer.
      if (who === room.people.length - 1) delays.push(...interruptions.map(({ delayMs }) => delayMs));
      people.push({
        room: index,
        person: who,
        fromMs: startedMs,
        untilMs: startedMs + durationMs,
        spoke: agentSpoke,
        gaps: playback.gaps,
        longestGapMs: playback.longestGapMs,
      });
      rows.push([
        `${index}.${who}`,
        String(agentSpoke.length),
        n(playback.playedMs / 60_000, 1),
        String(playback.gaps),
        n(playback.longestGapMs, 0),
        String(interruptions.length),
        String(sent.late),
      ]);
    }
  }
  table(
    'What people heard',
    ['person', 'agent spoke', 'played, min', 'gaps', 'longest, ms', 'cut in', 'own frames late'],
    rows,
  );
  const { p50, p95, max } = summarise(delays.filter((ms) => ms !== undefined));
  print(
    `\n${cutIns} times somebody cut in; until the agent was silent at that person: p50 ${n(p50, 0)}, p95 ${n(p95, 0)}, max ${n(max, 0)} ms`,
  );
  return { delays, people };
}
