/** What one stream may cost us: how fast it may send, how much audio it may make of it, and how often it may send nonsense. */

/** Times real time at which a stream may send for good. */
const RATE = 2;
/** Audio that may come in one burst (a network that was stuck delivers all at once), ms. */
const BURST_MS = 5_000;
/** After a silence of the socket that much more may come at once: what was stuck meanwhile, ms. A longer silence brings no more. */
const STUCK_MOST_MS = 10_000;
/** Least cost of any message, ms of audio: so that a flood of messages without audio is a flood too. */
const MESSAGE_MS = 5;
/** Malformed messages that a stream may send in a run, the next one ends it; and how often one is forgiven, ms. */
export const MALFORMED_MOST = 9;
export const MALFORMED_FORGIVEN_MS = 6_000;

/**
 * A token bucket that counts milliseconds of audio, not messages: a carrier's frame size is its own choice. It judges what comes in, before
 * anything is made of it.
 */
export class FloodGuard {
  readonly #rate: number;
  readonly #burstMs: number;
  /** The tokens left and the time they were counted at, in place: fields would get a new object on the heap with each message. */
  readonly #state: Float64Array;

  constructor(now: number, rate: number = RATE, burstMs: number = BURST_MS) {
    this.#rate = rate;
    this.#burstMs = burstMs;
    this.#state = Float64Array.of(burstMs, now);
  }

  /** Takes the cost of one message that holds `audioMs` of audio (0 for others). False when the stream has sent too much. */
  admit(audioMs: number, now: number): boolean {
    const state = this.#state;
    const quietMs = Math.max(0, now - state[1]!);
    const most = this.#burstMs + Math.min(quietMs, STUCK_MOST_MS);
    const refilled = Math.max(state[0]!, Math.min(most, state[0]! + quietMs * this.#rate));
    const left = refilled - Math.max(audioMs, MESSAGE_MS);
    state[0] = left;
    state[1] = now;
    return left >= 0;
  }
}

/** How far the audio may run ahead of the clock, ms: what the caller said, and with silence that was put into gaps. */
const AUDIO_AHEAD_MS = BURST_MS;
export const FILL_AHEAD_MS = 4_000;
/** How far it may lag, ms: a longer lag is a pause that nobody will make up for. */
const LAG_MOST_MS = 10_000;

/**
 * The one account of all audio that a stream turns into, what was sent and the silence that fills its gaps: never more than the time since it
 * began, and a burst. Without it a carrier's clock that jumps could order hours of silence with a handful of messages.
 */
export class AudioBudget {
  /** How far the audio is ahead of the clock, ms, negative where it lags; and the time of that. In place, as above. */
  readonly #state: Float64Array;

  /** `now`: the time at which the stream begins, ms. */
  constructor(now: number) {
    this.#state = Float64Array.of(0, now);
  }

  /** How far the audio is ahead of the clock at `now`, ms; negative where it lags. */
  aheadMs(now: number): number {
    const state = this.#state;
    state[0] = Math.max(-LAG_MOST_MS, state[0]! - Math.max(0, now - state[1]!));
    state[1] = Math.max(state[1]!, now);
    return state[0];
  }

  /** Charges `ms` of audio that was sent, all or nothing. False when it would be too much: it is to be dropped. */
  takeAudio(ms: number, now: number): boolean {
    if (this.aheadMs(now) + ms > AUDIO_AHEAD_MS) return false;
    this.#state[0]! += ms;
    return true;
  }

  /** Charges silence for a gap of `ms`. Returns how much of it there may be, ms. */
  takeFill(ms: number, now: number): number {
    const taken = Math.max(0, Math.min(ms, FILL_AHEAD_MS - this.aheadMs(now)));
    this.#state[0]! += taken;
    return taken;
  }

  reset(now: number): void {
    this.#state[0] = 0;
    this.#state[1] = now;
  }
}
