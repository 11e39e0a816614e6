import type { Clock } from '../../call/clock.ts';
import type { AgentLeg, CallerLeg, Log } from '../../call/leg.ts';
import type { Termination } from '../../call/termination.ts';
import type { Ticker } from '../../call/ticker.ts';
import type { TapeMark, TapeWriter } from '../../measure/tape.ts';
import type { PaceReport, Stall } from './pace.ts';
import type { HANG_UP } from './persona-words.ts';

/** What a caller that is no person gives and needs, whatever it is: a script, a persona, a recording. */

/** Hz of all that a test caller hears and says. */
export const TEST_RATE = 24_000;

/** What a step expected of the agent, and what came. */
export interface Expectation {
  readonly step: number;
  readonly what: string;
  readonly ok: boolean;
  readonly why?: string;
  /** It is about words, and the agent spoke and told none in the whole call: `ok` says nothing. */
  readonly untold?: Untold;
}

/** An expectation of words that only somebody can decide who wrote down what was said. */
export interface Untold {
  /** When the words could have been said, ms of the caller's own time, which is that of its tape. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Whether what was said then is as was expected. Left out: it would have been for the caller to act by, and he could not. */
  readonly isSo?: (said: string) => boolean;
}

/** Why an expectation of words is not decided, or in vain. */
export const NO_WORDS = 'the agent tells no words of its own';

/**
 * done: it came to its end. invalid: the caller itself did not do what it should, so that nothing follows about the agent. hung-up-on: the call was over
 * before it was through, by the agent or by a failure (`end` says which). timeout: its longest time was over. gave-up: it was not answered, and had enough of it.
 */
export type CallerState = 'done' | 'invalid' | 'hung-up-on' | 'timeout' | 'gave-up';

export interface CallerOutcome {
  readonly state: CallerState;
  readonly reason?: string;
  readonly marks: readonly TapeMark[];
  /** How well it kept its own time, and where on the tape it did not. */
  readonly pace: PaceReport;
  readonly stalls: readonly Stall[];
  readonly expectations: readonly Expectation[];
  /** How the call ended, as the caller's leg was told or told itself. */
  readonly end: Termination;
}

/** Told once by who is at the other end of the leg: what became of the call, but for what is the leg's: the marks and the pace. */
export type Done = (outcome: Omit<CallerOutcome, 'marks' | 'pace' | 'stalls'>) => void;

/** A caller for one call: `leg` joins an ordinary `Call`. */
export interface TestCaller {
  readonly leg: CallerLeg;
  readonly tape: TapeWriter;
  /** Resolves when the leg is over. Never rejects. */
  readonly outcome: Promise<CallerOutcome>;
}

/** Makes speech of text. `speech.ts` has one that asks a server and keeps what it got. */
export interface Speech {
  /** Samples at 24 kHz, the same for the same words. Rejects with SPEECH_UNSET, SPEECH_REFUSED, SPEECH_UNREACHABLE or SPEECH_INVALID. */
  say(words: SpokenWords, signal?: AbortSignal): Promise<Int16Array>;
}

export interface SpokenWords {
  readonly text: string;
  readonly voice?: string | undefined;
  /** BCP 47. */
  readonly language?: string | undefined;
}

/** What an agent that plays the caller is made of. */
export interface PersonaOrder {
  readonly instructions: string;
  readonly voice?: string | undefined;
  readonly language?: string | undefined;
  /** By which the caller hangs up; their results are not waited for. */
  readonly tools: ReadonlyArray<typeof HANG_UP>;
}

export interface TestCallerDeps {
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly log: Log;
  readonly speech: Speech;
  /** Started by the leg when media can flow; whoever made it closes it. */
  readonly tape: TapeWriter;
  /** Of all that is random about the caller: whole number. */
  readonly seed: number;
  /** Where the files are that steps name; they cannot name others. Left out: none can be named. */
  readonly folder?: string | undefined;
  /** Makes the agent that plays a persona, as a kind's `create` does; it is started and closed here. Left out: there are no personas. */
  readonly persona?: ((order: PersonaOrder) => Promise<AgentLeg>) | undefined;
  /** The caller and the agent of a recorded call; undefined where there is no recording. Left out: no call can be replayed by its record. */
  readonly recording?:
    | ((
        callId: string,
      ) => Promise<{ readonly sampleRate: number; readonly channels: readonly Int16Array[] } | undefined>)
    | undefined;
}
