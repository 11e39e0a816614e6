import type { Clock } from '../../call/clock.ts';
import type { Playout } from '../../call/leg.ts';
import { samplesToMs } from '../../media/frame.ts';
import { ROOM_FRAME_MS } from '../room.ts';

/** How much the latest word counts in what the way to the worker is taken to be. */
const LATEST = 1 / 8;

/**
 * How far the agent's audio is played, between two words of the worker: it counts what the library has played since the last clear, and this goes on from
 * there with the clock, as far as the library plays by itself. What is played counts when an order of now is there, since that is when a clear cuts it off: it takes as long
 * as the worker's words take to come here. A word from before a clear counts for nothing.
 */
export class PlayoutClock implements Playout {
  readonly #clock: Clock;
  readonly #rate: number;
  #epoch = 0;
  #writtenMs = 0;
  /** Where the count since the last clear begins, ms. */
  #baseMs = 0;
  #toldMs = 0;
  #toldAt = 0;
  #aheadMs = 0;
  /** How long words are under way, ms. */
  #wayMs = 0;
  /** What was said last: played is not taken back, also when the guess was ahead of the next word. */
  #saidMs = 0;

  constructor(clock: Clock, rate: number) {
    this.#clock = clock;
    this.#rate = rate;
  }

  get epoch(): number {
    return this.#epoch;
  }

  wrote(samples: number): void {
    this.#writtenMs += samplesToMs(samples, this.#rate);
  }

  clear(): void {
    this.#baseMs = this.playedMs();
    this.#writtenMs = this.#baseMs;
    this.#epoch++;
    this.#toldMs = 0;
    this.#aheadMs = 0;
  }

  /** `ageMs` ago `played` samples were played since the clear of `epoch`, and the library held `ahead` to play right after them. */
  told(epoch: number, played: number, ahead: number, ageMs: number): void {
    // A word comes every frame: one that is older than that waited while this process stood still, as no order of now does.
    this.#wayMs += (Math.min(ageMs, ROOM_FRAME_MS) - this.#wayMs) * LATEST;
    if (epoch !== this.#epoch) return;
    this.#toldMs = samplesToMs(played, this.#rate);
    this.#aheadMs = samplesToMs(ahead, this.#rate);
    this.#toldAt = this.#clock.now() - ageMs;
  }

  writtenMs(): number {
    return this.#writtenMs;
  }

  playedMs(): number {
    const beyond = Math.min(this.#aheadMs, Math.max(0, this.#clock.now() - this.#toldAt + this.#wayMs));
    this.#saidMs = Math.min(this.#writtenMs, Math.max(this.#saidMs, this.#baseMs + this.#toldMs + beyond));
    return this.#saidMs;
  }
}
