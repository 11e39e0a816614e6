import type { CallInfo } from '../call/info.ts';
import type { CallTap } from '../call/tap.ts';
import type { PcmFrame } from '../media/frame.ts';
import { Resampler } from '../media/resample.ts';
import { Lane } from './lane.ts';

/**
 * Both sides of calls as they are heard, for those who listen in: stereo, the caller left and what the caller is given to hear right, in blocks of 20 ms. A call
 * that nobody listens to costs nothing but being asked for.
 */

/** Hz. */
export const LISTEN_RATE = 16_000;
const BLOCK_MS = 20;
const BLOCK_SAMPLES = (LISTEN_RATE * BLOCK_MS) / 1000;
/** What is waited for before one side goes out, and what waits at most, ms: pieces come in frames of 20 ms, on time but for the jitter of a network. */
const LEAST_MS = 40;
const MOST_MS = 200;
/** A process that stood still for longer than this goes on from now, ms. */
const BEHIND_MOST_MS = 500;

const samplesIn = (ms: number) => (LISTEN_RATE * ms) / 1000;

/** Gets each block: interleaved 16-bit little-endian, left first. The bytes are the listener's. */
export type Listener = (block: Uint8Array) => void;

export class CallEars {
  readonly #calls = new Map<string, CallEar>();

  /** Hears one call. */
  tap({ id }: Pick<CallInfo, 'id'>): CallTap {
    const ear = new CallEar(() => {
      if (this.#calls.get(id) === ear) this.#calls.delete(id);
    });
    this.#calls.set(id, ear);
    return ear;
  }

  /** Has `listener` hear a call, until what is returned is called, or the call is over, which `over` tells. Undefined: there is no such call. */
  listen(id: string, listener: Listener, over: () => void): (() => void) | undefined {
    return this.#calls.get(id)?.listen(listener, over);
  }
}

/** The agent's audio that was not heard yet: its end on the caller's leg, ms. */
interface Piece {
  readonly samples: Int16Array;
  readonly endMs: number;
}

export class CallEar implements CallTap {
  readonly #listeners = new Map<Listener, () => void>();
  readonly #gone: () => void;
  readonly #caller = new Lane({ leastSamples: samplesIn(LEAST_MS), mostSamples: samplesIn(MOST_MS) });
  readonly #agent = new Lane({ leastSamples: samplesIn(LEAST_MS), mostSamples: samplesIn(MOST_MS) });
  readonly #resamplers = new Map<string, Resampler>();
  #pieces: Piece[] = [];
  /** When the next block is due, ms; undefined while nobody listens. */
  #dueAt: number | undefined;

  constructor(gone: () => void) {
    this.#gone = gone;
  }

  listen(listener: Listener, over: () => void): () => void {
    // A function given twice is two listeners.
    const own: Listener = (block) => listener(block);
    this.#listeners.set(own, over);
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size === 0) this.#forget();
    };
  }

  get hearing(): boolean {
    return this.#listeners.size > 0;
  }

  get ticking(): boolean {
    return this.#listeners.size > 0;
  }

  caller(frame: PcmFrame): void {
    if (this.hearing) this.#caller.push(this.#converted('caller', frame));
  }

  agent(frame: PcmFrame, fromMs: number): void {
    if (!this.hearing) return;
    const samples = this.#converted('agent', frame);
    // An answer may come whole at once and is heard bit by bit.
    for (let at = 0; at < samples.length; at += BLOCK_SAMPLES) {
      const piece = samples.slice(at, at + BLOCK_SAMPLES);
      this.#pieces.push({ samples: piece, endMs: fromMs + ((at + piece.length) * 1000) / LISTEN_RATE });
    }
  }

  cleared(playedMs: number): void {
    while (this.#pieces.length > 0 && this.#pieces[this.#pieces.length - 1]!.endMs > playedMs) this.#pieces.pop();
  }

  tick(playedMs: number, now: number): void {
    if (!this.hearing) return;
    let heard = 0;
    while (heard < this.#pieces.length && this.#pieces[heard]!.endMs <= playedMs)
      this.#agent.push(this.#pieces[heard++]!.samples);
    if (heard > 0) this.#pieces = this.#pieces.slice(heard);
    if (this.#dueAt === undefined || now - this.#dueAt > BEHIND_MOST_MS) this.#dueAt = now;
    for (; this.#dueAt <= now; this.#dueAt += BLOCK_MS) this.#send();
  }

  ended(): void {
    this.#gone();
    const all = [...this.#listeners.values()];
    this.#listeners.clear();
    this.#forget();
    for (const over of all) over();
  }

  #send(): void {
    const block = new Int16Array(BLOCK_SAMPLES * 2);
    this.#caller.pull(block, 0, 2);
    this.#agent.pull(block, 1, 2);
    for (const listener of this.#listeners.keys()) listener(new Uint8Array(block.buffer));
  }

  #converted(side: 'caller' | 'agent', { samples, sampleRate }: PcmFrame): Int16Array {
    if (sampleRate === LISTEN_RATE) return samples;
    const key = `${side} ${sampleRate}`;
    const resampler = this.#resamplers.get(key) ?? new Resampler(sampleRate, LISTEN_RATE);
    this.#resamplers.set(key, resampler);
    return resampler.process(samples);
  }

  #forget(): void {
    this.#pieces = [];
    this.#caller.clear();
    this.#agent.clear();
    this.#resamplers.clear();
    this.#dueAt = undefined;
  }
}
