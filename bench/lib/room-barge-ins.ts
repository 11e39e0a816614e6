import { sweepMs } from '../../src/media/sweep.ts';
import { type Person, RATE, type Sound, soundsOn } from '../../src/simulator/livekit/index.ts';
import { toneSource } from '../../src/simulator/phone/index.ts';
import { sleep } from './child.ts';
import type { BargeIn } from './daemon.ts';
import type { Room, RoomsOfBench } from './livekit-rooms.ts';

/** People who cut in over and over, and what came of each time at the one who did, by what his library gave out. */
export interface CutIn {
  /** From the clear, as the daemon told of it, to the last sound given out at the participant, ms. */
  readonly silentMs: number;
  /** What the model was told that was heard, ms, and how far into the answer the last sound was that was given out. */
  readonly toldMs: number;
  readonly heardMs: number;
  /** How long the answer was heard for, ms: what the listener's jitter buffer stretches or shortens is the difference. */
  readonly lastedMs: number;
  /** What the listener's jitter buffer held the agent's audio back by, the mean since he came, ms. */
  readonly jitterBufferMs: number;
}

/** How long the agent has spoken when somebody cuts in, ms: some of its answer of 3 s, and never the same. */
const LEAST_MS = 600;
const MOST_MS = 1_600;
/** How long a word is that somebody says, ms. */
const WORD_MS = 500;
/** From the end of what somebody says to the first sound of the answer, ms, about. */
const ANSWER_MS = 800;
/** What was said at the latest so long before the clear is not what was cut off by it, ms. */
const MOST_SILENT_MS = 1_000;

/** `times` in each of these rooms, which were opened with tapes: whoever speaks cuts the answer to the one before off. */
export async function cutIn(bench: RoomsOfBench, rooms: readonly Room[], times: number): Promise<CutIn[]> {
  for (let i = 0; i <= times; i++) {
    await Promise.all(
      rooms.map(async ({ people }) => {
        await people[i % people.length]!.say(toneSource(1_020, { ms: WORD_MS }));
        await sleep(WORD_MS + ANSWER_MS + LEAST_MS + Math.random() * (MOST_MS - LEAST_MS));
      }),
    );
  }
  const found: CutIn[] = [];
  for (const { people, connectionId } of rooms) {
    const note = await bench.daemon.ask('note', { callId: connectionId });
    found.push(...(await matched(people.at(-1)!, note?.bargeIns ?? [])));
  }
  return found;
}

/** The barge-ins that cut a sound at this person off. */
async function matched(person: Person, bargeIns: readonly BargeIn[]): Promise<CutIn[]> {
  const tape = await person.tape();
  const sounds: readonly Sound[] = soundsOn(tape, RATE);
  return bargeIns.flatMap(({ heard, atMs }) => {
    const at = atMs - person.originMs;
    const sound = sounds.find(({ fromMs, toMs }) => fromMs < at && at < toMs + 20 && toMs - at < MOST_SILENT_MS);
    if (sound === undefined) return [];
    return [
      {
        silentMs: sound.toMs - at,
        toldMs: heard.reduce((sum, { heardMs }) => sum + heardMs, 0),
        heardMs: sweepMs(tape.samples, sound.to, RATE),
        lastedMs: ((sound.to - sound.from) * 1_000) / RATE,
        jitterBufferMs: tape.jitterBuffer?.meanMs ?? Number.NaN,
      },
    ];
  });
}
