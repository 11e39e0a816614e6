import { type AudioSink, type PcmFrame, samplesToMs } from '../media/frame.ts';
import { sumOfSquares } from '../media/level.ts';

/** How much of a second voice waits for the caller's next frame, ms: a line that sends nothing (on hold) must not keep it from being heard. */
const WAITS_MOST_MS = 100;

/**
 * What an agent hears: the caller, and with him an operator who whispers to it or has taken the call over. Can be shut, to an agent that cannot keep silent
 * while two others talk. Knows who of the two was louder.
 */
export class Ear implements AudioSink {
  readonly sampleRate: number;
  readonly #next: AudioSink;
  readonly #mixed: { samples: Int16Array; readonly sampleRate: number };
  /** Of the second voice: what waits, oldest first. */
  #waiting: Int16Array[] = [];
  #waitingSamples = 0;
  #energy = { caller: 0, operator: 0 };
  /** Whether the agent hears anything. */
  open = true;
  /** Whether it is asked who was louder: there are two voices. */
  weighs = false;

  constructor(next: AudioSink) {
    this.sampleRate = next.sampleRate;
    this.#next = next;
    this.#mixed = { samples: new Int16Array(0), sampleRate: next.sampleRate };
  }

  /** What the caller says. */
  write(frame: PcmFrame): void {
    if (!this.open) return;
    const { samples } = frame;
    if (this.weighs) this.#energy.caller += sumOfSquares(samples, 0, samples.length);
    if (this.#waitingSamples === 0) {
      this.#next.write(frame);
      return;
    }
    if (this.#mixed.samples.length !== samples.length) this.#mixed.samples = new Int16Array(samples.length);
    const mixed = this.#mixed.samples;
    mixed.set(samples);
    this.#take(mixed.length, (i, sample) => {
      mixed[i] = Math.max(-32_768, Math.min(32_767, mixed[i]! + sample));
    });
    this.#next.write(this.#mixed);
  }

  /** What the operator says to the agent, at this ear's rate. */
  speak({ samples }: PcmFrame): void {
    if (!this.open || samples.length === 0) return;
    this.#energy.operator += sumOfSquares(samples, 0, samples.length);
    this.#waiting.push(samples.slice());
    this.#waitingSamples += samples.length;
    const most = (WAITS_MOST_MS * this.sampleRate) / 1000;
    while (this.#waitingSamples > most) {
      const alone = new Int16Array(this.#waiting[0]?.length ?? 0);
      this.#take(alone.length, (i, sample) => {
        alone[i] = sample;
      });
      this.#next.write({ samples: alone, sampleRate: this.sampleRate });
    }
  }

  /** Whether the operator was the louder one since this was asked last. */
  operatorSpoke(): boolean {
    const { caller, operator } = this.#energy;
    this.#energy = { caller: 0, operator: 0 };
    return operator > caller;
  }

  /** What waits of the second voice, ms. */
  get waitingMs(): number {
    return samplesToMs(this.#waitingSamples, this.sampleRate);
  }

  clear(): void {
    this.#next.clear();
  }

  toString(): string {
    return this.#next.toString();
  }

  /** Takes up to so many samples of what waits. */
  #take(most: number, give: (i: number, sample: number) => void): void {
    let at = 0;
    while (at < most) {
      const chunk = this.#waiting[0];
      if (chunk === undefined) return;
      const n = Math.min(chunk.length, most - at);
      for (let i = 0; i < n; i++) give(at + i, chunk[i]!);
      at += n;
      this.#waitingSamples -= n;
      if (n === chunk.length) this.#waiting.shift();
      else this.#waiting[0] = chunk.subarray(n);
    }
  }
}
