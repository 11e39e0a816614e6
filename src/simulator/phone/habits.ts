/** What a caller does by himself, looked at on every tick: presses keys, cuts in, hangs up when the talk is over. */

import { type AudioSource, firstWords } from './source.ts';
import type { Talk } from './talk.ts';
import { type Timeline, tenth } from './timeline.ts';

export interface HabitOptions {
  readonly source: AudioSource;
  /** Keys to press, the first `atMs` after the stream's start. */
  readonly digits?: { readonly keys: string; readonly atMs: number };
  /** Cut in once this much of one utterance of the agent was heard, ms; with `interruptWith`, else with the first words of `source`. */
  readonly interruptAtMs?: number;
  readonly interruptWith?: AudioSource;
  /** Hang up when everything was said and the agent has been silent for this long, ms. */
  readonly hangUpWhenQuietMs?: number;
}

/** Whom the habits are of. */
export type Talker = Pick<Talk, 'press' | 'startedMs' | 'mouth' | 'ear' | 'callerLastLoudMs'>;

export class Habits {
  readonly #o: HabitOptions;
  readonly #hangUp: () => void;
  #cutIn = false;

  constructor(options: HabitOptions, hangUp: () => void) {
    this.#o = options;
    this.#hangUp = hangUp;
  }

  /** A stream has started. */
  began(stream: Talker): void {
    const { digits } = this.#o;
    if (digits !== undefined) stream.press(digits.keys, stream.startedMs + digits.atMs);
  }

  /** After the frames of a tick: what is decided here is said with the next frame. */
  tick(stream: Talker, now: number, timeline: Timeline): void {
    const { interruptAtMs, hangUpWhenQuietMs } = this.#o;
    if (interruptAtMs !== undefined && !this.#cutIn && stream.ear.utteranceMs(now) >= interruptAtMs) {
      this.#cutIn = true;
      timeline.add('cut-in', `the caller cuts in, ${tenth(stream.ear.utteranceMs(now))} ms of the agent heard`);
      stream.mouth.cutIn(this.#o.interruptWith ?? firstWords(this.#o.source));
    }
    // What was heard decides, not what is queued: a bridge that sends silence all the time would keep the caller for ever.
    if (hangUpWhenQuietMs === undefined || !stream.mouth.done) return;
    const quietSince = Math.max(stream.ear.lastLoudMs ?? 0, stream.callerLastLoudMs ?? 0, stream.startedMs);
    if (now - quietSince >= hangUpWhenQuietMs) this.#hangUp();
  }
}
