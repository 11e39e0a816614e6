import { type PcmFrame, samplesToMs } from '../media/frame.ts';
import { link } from '../media/link.ts';
import type { Clock } from './clock.ts';
import type { CallerLeg } from './leg.ts';

/** How often the position is looked at while waiting for the last words to be heard, ms. */
const POLL_MS = 20;
/** How long after its own length the last audio may take to be played, ms. */
const SLACK_MS = 2_000;

/** The last words on a line: plays them and waits until they were really heard (playout, not a timer), within a bound. */
export class Farewell {
  readonly #caller: CallerLeg;
  readonly #clock: Clock;

  constructor(caller: CallerLeg, clock: Clock) {
    this.#caller = caller;
    this.#clock = clock;
  }

  /** Cuts what was queued and plays `words` instead. */
  play(words: PcmFrame | undefined): void {
    if (words === undefined) return;
    this.#caller.audio.clear();
    link(words.sampleRate, this.#caller.audio).write(words);
  }

  /** Resolves when everything written was heard, when that takes too long, or when the signal aborts. Never rejects. */
  heard(signal: AbortSignal): Promise<void> {
    const { playout, audio } = this.#caller;
    const left = playout.writtenMs() - playout.playedMs();
    // A codec's or resampler's tail may hold back a few samples, so the end is judged with a frame of tolerance.
    const deadline = this.#clock.now() + left + SLACK_MS;
    const tolerance = samplesToMs(audio.sampleRate / 50, audio.sampleRate);
    return new Promise((resolve) => {
      const look = () => {
        const heard = playout.writtenMs() - playout.playedMs() <= tolerance;
        if (heard || signal.aborted || this.#clock.now() >= deadline) resolve();
        else this.#clock.after(POLL_MS, look);
      };
      look();
    });
  }
}
