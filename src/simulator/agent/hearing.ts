import { LoudnessWindows, Spurts, WINDOW_MS } from '../phone/speech.ts';
import { SPEECH_RATE } from '../realtime/speech.ts';
import type { AgentTruth } from './truth.ts';

/** So far behind the rhythm of the frames before it a frame is late, ms: one frame. */
const LATE_MS = 20;
/** The rhythm is that of the soonest frame within the last half to one second. */
const RHYTHM_MS = 500;
/** The first frames may be what was said while the connection was made, all at once: from so many of those times on there is a rhythm. */
const KNOWN_TURNS = 3;

/**
 * When the caller speaks, in ms of the agent's clock. He sends without a break: the soonest of his frames say when the others were sent, so that neither
 * jitter nor a stall moves what he says.
 */
export class Hearing {
  /** His speech so far; pauses up to the scenario's do not part. */
  readonly spurts: Spurts;
  readonly #truth: AgentTruth;
  readonly #windows = new LoudnessWindows(SPEECH_RATE);
  readonly #onLoud = (fromMs: number, toMs: number): void => {
    this.spurts.add(fromMs, toMs);
  };
  /** Audio so far, ms, and by how little it came after itself. */
  #heardMs = 0;
  #least = Number.POSITIVE_INFINITY;
  #leastBefore = Number.POSITIVE_INFINITY;
  #turnedAt = 0;
  #turns = 0;

  constructor(pauseMs: number, truth: AgentTruth) {
    this.spurts = new Spurts(pauseMs);
    this.#truth = truth;
  }

  /** A frame that came at `nowMs`. */
  hear(samples: Int16Array, nowMs: number): void {
    const length = (samples.length * 1000) / SPEECH_RATE;
    // A caller may leave out silence: what comes after a break has a rhythm of its own.
    const offset = nowMs - this.#heardMs;
    const rhythm = Math.min(this.#least, this.#leastBefore, offset);
    const late = offset - rhythm;
    this.#truth.framesIn++;
    if (this.#turns >= KNOWN_TURNS) {
      this.#truth.worstInMs = Math.max(this.#truth.worstInMs, late);
      if (late > LATE_MS) this.#truth.lateIn++;
    }
    if (nowMs - this.#turnedAt >= RHYTHM_MS) {
      this.#leastBefore = this.#least;
      this.#least = Number.POSITIVE_INFINITY;
      this.#turnedAt = nowMs;
      this.#turns++;
    }
    this.#least = Math.min(this.#least, offset);
    this.#windows.push(samples, 0, samples.length, this.#heardMs + rhythm, this.#onLoud);
    this.#heardMs += length;
  }

  /** Until when it is known what the caller said, ms; before the first frame, 0. */
  get untilMs(): number {
    const rhythm = Math.min(this.#least, this.#leastBefore);
    return rhythm === Number.POSITIVE_INFINITY ? 0 : this.#heardMs + rhythm - WINDOW_MS;
  }
}
