import type { CallInfo } from '../call/info.ts';
import type { CallTap } from '../call/tap.ts';
import type { PcmFrame } from '../media/frame.ts';
import { amplitudeToDbfs, SILENCE_DBFS, sumOfSquares } from '../media/level.ts';

/** How loud both sides of a call are at the moment, RMS in dBFS; `SILENCE_DBFS` (-127) for nothing. The agent's as the caller hears it. */
export interface Levels {
  readonly callId: string;
  readonly caller: number;
  readonly agent: number;
}

export type LevelWatcher = (levels: Levels) => void;

/** Time over which one level is taken, and between two, ms. */
const STEP_MS = 100;
const FULL_SCALE = 32_768;

/**
 * The level meters of all calls. They run only while somebody watches.
 */
export class LevelMeters {
  readonly #watchers = new Set<LevelWatcher>();

  /** Calls `watcher` for each call every 100 ms of it. Returns how to stop that. A watcher must not throw. */
  watch(watcher: LevelWatcher): () => void {
    // A function given twice is two watchers.
    const own: LevelWatcher = (levels) => watcher(levels);
    this.#watchers.add(own);
    return () => {
      this.#watchers.delete(own);
    };
  }

  get watched(): boolean {
    return this.#watchers.size > 0;
  }

  /** Listens to one call. */
  tap(info: Pick<CallInfo, 'id'>): CallTap {
    return new CallMeter(info.id, this);
  }

  /** For the taps. */
  tell(levels: Levels): void {
    for (const watcher of this.#watchers) watcher(levels);
  }
}

/** A piece of the agent's audio that was not heard yet: its end on the caller's leg and its mean square. */
interface Piece {
  readonly endMs: number;
  readonly energy: number;
}

class CallMeter implements CallTap {
  readonly #callId: string;
  readonly #meters: LevelMeters;
  #callerEnergy = 0;
  #callerFrames = 0;
  #agentEnergy = 0;
  #agentPieces = 0;
  #pieces: Piece[] = [];
  #next = 0;
  #since = Number.NEGATIVE_INFINITY;

  constructor(callId: string, meters: LevelMeters) {
    this.#callId = callId;
    this.#meters = meters;
  }

  caller(frame: PcmFrame): void {
    if (!this.#meters.watched) return;
    this.#callerEnergy += meanSquare(frame.samples, 0, frame.samples.length);
    this.#callerFrames++;
  }

  agent(frame: PcmFrame, fromMs: number): void {
    if (!this.#meters.watched) return;
    const { samples, sampleRate } = frame;
    const step = (sampleRate * 20) / 1000;
    // An answer may come whole at once and is heard bit by bit.
    for (let at = 0; at < samples.length; at += step) {
      const end = Math.min(samples.length, at + step);
      this.#pieces.push({ endMs: fromMs + (end * 1000) / sampleRate, energy: meanSquare(samples, at, end) });
    }
  }

  cleared(playedMs: number): void {
    while (this.#pieces.length > this.#next && this.#pieces[this.#pieces.length - 1]!.endMs > playedMs)
      this.#pieces.pop();
  }

  get hearing(): boolean {
    return this.#meters.watched;
  }

  get ticking(): boolean {
    return this.#meters.watched || this.#pieces.length > 0;
  }

  tick(playedMs: number, now: number): void {
    if (!this.#meters.watched) {
      if (this.#pieces.length > 0) this.#forget();
      return;
    }
    while (this.#next < this.#pieces.length && this.#pieces[this.#next]!.endMs <= playedMs) {
      this.#agentEnergy += this.#pieces[this.#next]!.energy;
      this.#agentPieces++;
      this.#next++;
    }
    if (now - this.#since < STEP_MS - 1) return;
    this.#since = now;
    this.#meters.tell({
      callId: this.#callId,
      caller: level(this.#callerEnergy, this.#callerFrames),
      agent: level(this.#agentEnergy, this.#agentPieces),
    });
    this.#callerEnergy = 0;
    this.#callerFrames = 0;
    this.#agentEnergy = 0;
    this.#agentPieces = 0;
    if (this.#next > 0) {
      this.#pieces = this.#pieces.slice(this.#next);
      this.#next = 0;
    }
  }

  ended(): void {
    this.#forget();
    if (this.#meters.watched) this.#meters.tell({ callId: this.#callId, caller: SILENCE_DBFS, agent: SILENCE_DBFS });
  }

  #forget(): void {
    this.#pieces = [];
    this.#next = 0;
  }
}

function meanSquare(samples: Int16Array, from: number, to: number): number {
  return to > from ? sumOfSquares(samples, from, to) / (to - from) : 0;
}

/** As `rmsDbfs`: a full-scale sine is 0 dB. One decimal is enough for a meter. */
function level(energy: number, count: number): number {
  if (count === 0) return SILENCE_DBFS;
  return Math.round(amplitudeToDbfs(Math.sqrt((2 * energy) / count) / FULL_SCALE) * 10) / 10;
}
