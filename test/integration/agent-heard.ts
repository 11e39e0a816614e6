import { type AudioSource, type Phone, type PhoneOptions, toneSource } from '../../src/simulator/phone/index.ts';
import { type Rig, sleep } from './rig.ts';

/**
 * Callers who listen. Where a session opens late, what a caller does by the clock falls into the agent's words or comes before them: so he speaks when the greeting was
 * heard, and hangs up when the answer was.
 */

/** One end of a call that keeps what it hears of the agent. */
export interface Ear {
  recordedChannels(): { readonly sampleRate: number; readonly agent: Int16Array } | undefined;
}

export interface ListeningCaller extends Ear {
  say(words: AudioSource): void;
  hangUp(): void;
}

/** Each look costs the process in which the call is. */
const LOOK_MS = 60;
/** Looks without a new sound after which the agent has spoken. They are counted, so that a process that stands still counts no silence. */
const QUIET_LOOKS = 6;
/** Far below any voice, and far above what a codec makes of silence. */
const AUDIBLE = 1_000;
const WITHIN_MS = 20_000;
/** What is heard at least of words of a second and a half. How much of them is to be heard, the tests say. */
const WORDS_MS = 800;

/** Milliseconds of the agent in which anything is heard, whatever it is: to look for a tone takes a hundred times as long. */
export function audibleMs(ear: Ear): number {
  const { agent = new Int16Array(0), sampleRate = 8_000 } = ear.recordedChannels() ?? {};
  const window = sampleRate / 50;
  let ms = 0;
  for (let from = 0; from + window <= agent.length; from += window) {
    let at = from;
    while (at < from + window && Math.abs(agent[at]!) < AUDIBLE) at++;
    if (at < from + window) ms += 20;
  }
  return ms;
}

async function look(ear: Ear, ms: number, quietLooks: number): Promise<number> {
  const end = performance.now() + WITHIN_MS;
  let before = 0;
  let quiet = 0;
  for (;;) {
    const heard = audibleMs(ear);
    quiet = heard === before ? quiet + 1 : 0;
    before = heard;
    if (heard >= ms && quiet >= quietLooks) return heard;
    if (performance.now() > end)
      throw new Error(`within ${WITHIN_MS} ms ${heard} ms of the agent were heard: not ${ms}, or no end of it`);
    await sleep(LOOK_MS);
  }
}

/** Waits until so much of the agent was heard in the whole call; gives how much it is. */
export const hears = (ear: Ear, ms: number): Promise<number> => look(ear, ms, 0);

/** As `hears`, and until the agent is silent again. */
export const hearsOut = (ear: Ear, ms: number): Promise<number> => look(ear, ms, QUIET_LOOKS);

/** Hears the greeting, says the words, hears the answer, and hangs up. */
export async function converse(caller: ListeningCaller, words: AudioSource): Promise<void> {
  const greeting = await hearsOut(caller, WORDS_MS);
  caller.say(words);
  await hearsOut(caller, greeting + WORDS_MS);
  caller.hangUp();
}

/** A caller who cuts in once two seconds of the agent were heard, and hangs up when there was time for what was not cleared to be heard. */
export const cutsIn = (rig: Pick<Rig, 'of'>, caller: () => Phone, hz: number): Partial<PhoneOptions> => ({
  interruptAtMs: 2_000,
  interruptWith: toneSource(hz, { ms: 700, dbfs: -12 }),
  onInterruption: () => {
    const heard = rig.of('barge_in')[0]?.heard[0];
    if (heard !== undefined) caller().reportHeard(heard.heardMs);
    setTimeout(() => caller().hangUp(), 1_000);
  },
});
