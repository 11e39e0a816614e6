import type { SessionConfig } from './session-config.ts';

/** The test line where it is told to play a caller: by a script, as the scripted judge judges, so that a suite with a persona runs without a key. */

/** What it does next: says this, and hangs up behind it or not. */
export interface CallerMove {
  readonly say: string;
  readonly hangUp: boolean;
}

/** The tool by which a caller that is played hangs up. */
export const HANG_UP = 'hang_up';
/** What it does not understand it says so often; then it gives up. */
const MOST_UNCLEAR = 2;

/** What the caller wants that a session is told to play; undefined where it is told to be somebody else. */
export function goalOf({ instructions, tools }: Pick<SessionConfig, 'instructions' | 'tools'>): string | undefined {
  if (!/\bYou are the caller\b/.test(instructions)) return undefined;
  if (!tools.some(({ type, name }) => type === 'function' && name === HANG_UP)) return undefined;
  return /^What you want:\n(.+?)(?:\n\n|$)/ms.exec(instructions)?.[1]?.trim();
}

/**
 * Says what it wants, "Yes." to each question, and goodbye to anything else: that is how it ends. Of words it knows those that are said in tones; what it cannot
 * understand it says, and gives up at the third time.
 */
export class PlayedCaller {
  readonly #goal: string;
  #isTold = false;
  #unclear = 0;

  constructor(goal: string) {
    this.#goal = goal;
  }

  /** `heard`: what was said to it; empty where that were no words, undefined where nobody spoke. */
  next(heard: string | undefined): CallerMove {
    if (heard !== undefined && /\bbye\b|\bgoodbye\b/i.test(heard)) return { say: 'Goodbye.', hangUp: true };
    if (!this.#isTold) {
      this.#isTold = true;
      return { say: this.#goal, hangUp: false };
    }
    if (heard === undefined) return { say: 'Are you still there?', hangUp: false };
    if (heard === '') {
      if (++this.#unclear > MOST_UNCLEAR) return { say: 'I cannot understand you. Goodbye.', hangUp: true };
      return { say: 'Sorry, I did not understand you.', hangUp: false };
    }
    this.#unclear = 0;
    return heard.includes('?') ? { say: 'Yes.', hangUp: false } : { say: 'Thank you. Goodbye.', hangUp: true };
  }
}
