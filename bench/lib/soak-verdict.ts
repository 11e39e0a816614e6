/** What was wrong in a soak of rooms: the one place that decides, so that its exit status can be believed. Pure. */

/** Growth of one process that is none yet, MB: buffers and the young generation find their size within minutes. */
const GROWTH_MB = 80;
/** From a person's first sound to the agent's silence at that person, ms: the model's detector takes some 300 of it. */
const BARGE_IN_LIMIT_MS = 1_500;
/** Share of barge-ins that a busy machine may make late, or swallow, and of answers that it may tear. */
const FEW = 1 / 20;
/** A hole so long in an answer is a syllable that is lost, ms. */
const GAP_LIMIT_MS = 200;
/** An agent that was not heard for so long, beside the time between two words, is silent, ms: at the beginning, in the middle or at the end. */
const SILENT_MS = 60_000;

/** What one person heard of the agent; times are ms of that person's own clock. */
export interface SoakPerson {
  readonly room: number;
  readonly person: number;
  /** From when until when that person was there. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** When the agent was heard, in order. */
  readonly spoke: ReadonlyArray<{ readonly fromMs: number; readonly toMs: number }>;
  /** Holes inside of what it said, and the longest, ms. */
  readonly gaps: number;
  readonly longestGapMs: number;
}

export interface SoakSeen {
  readonly minutes: number;
  /** How often somebody cut in, ms. */
  readonly everyMs: number;
  /** Times that somebody cut in, in all rooms: each has as many answers of it. */
  readonly cutIns: number;
  /** What each of them measured who cut in: until the agent was silent, ms; undefined where it never was. */
  readonly delays: ReadonlyArray<number | undefined>;
  readonly people: readonly SoakPerson[];
  /** RSS of each process when it was first and last looked at, MB. One that was replaced is another process, and is judged by the time it had. */
  readonly memory: Readonly<Record<string, { readonly firstMb: number; readonly lastMb: number }>>;
  readonly rooms: { readonly opened: number; readonly left: number };
}

/** What was wrong, in words; empty where nothing was. */
export function soakFaults({ minutes, everyMs, cutIns, delays, people, memory, rooms }: SoakSeen): string[] {
  const wrong: string[] = [];
  if (rooms.left < rooms.opened) wrong.push(`of ${rooms.opened} rooms ${rooms.left} are left`);
  for (const one of people) wrong.push(...heardFaults(one, { everyMs, answers: cutIns / rooms.opened }));
  const measured = delays.filter((ms) => ms !== undefined);
  const late = measured.filter((ms) => ms > BARGE_IN_LIMIT_MS).length;
  if (cutIns === 0) wrong.push('nobody has cut in');
  if (cutIns - measured.length > cutIns * FEW)
    wrong.push(`of ${cutIns} barge-ins ${cutIns - measured.length} did not silence the agent`);
  if (late > cutIns * FEW) wrong.push(`${late} of ${cutIns} barge-ins took more than ${BARGE_IN_LIMIT_MS} ms`);
  for (const [name, { firstMb, lastMb }] of Object.entries(memory)) {
    const grown = lastMb - firstMb;
    if (grown > GROWTH_MB) wrong.push(`${name} has grown by ${Math.round(grown)} MB in ${minutes} minutes`);
  }
  return wrong;
}

/** What was wrong with what one person heard. `answers`: of the agent, in that person's room. */
function heardFaults(
  { room, person, fromMs, untilMs, spoke, gaps, longestGapMs }: SoakPerson,
  { everyMs, answers }: { everyMs: number; answers: number },
): string[] {
  const who = `room ${room}: person ${person}`;
  if (spoke.length === 0) return [`${who} has never heard the agent`];
  const wrong: string[] = [];
  let sinceMs = fromMs;
  for (const { fromMs: nextMs, toMs } of [...spoke, { fromMs: untilMs, toMs: untilMs }]) {
    if (nextMs - sinceMs > SILENT_MS + everyMs)
      wrong.push(`${who} did not hear the agent from minute ${minute(sinceMs)} to ${minute(nextMs)}`);
    sinceMs = toMs;
  }
  if (gaps > answers * FEW) wrong.push(`${who} heard ${gaps} holes in ${Math.round(answers)} answers`);
  if (longestGapMs > GAP_LIMIT_MS) wrong.push(`${who} heard a hole of ${Math.round(longestGapMs)} ms`);
  return wrong;
}

const minute = (ms: number) => (ms / 60_000).toFixed(1);
