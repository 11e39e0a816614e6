import type { TapeMarkKind } from '../../measure/tape.ts';
import { clip as clipped } from '../../media/effects/effect.ts';
import type { Line } from './party.ts';

/** What is said in one go: samples at 24 kHz, and what to write down at which of them. */
export interface Utterance {
  readonly samples: Int16Array;
  readonly marks: ReadonlyArray<{ readonly offset: number; readonly kind: TapeMarkKind; readonly text?: string }>;
}

/** Says one utterance after the other. */
export class Mouth {
  readonly #queue: Array<{ readonly utterance: Utterance; readonly step: number; readonly factor: number }> = [];
  #at = 0;

  /** Whether it is saying something, or is about to. */
  get busy(): boolean {
    return this.#queue.length > 0;
  }

  /** Says this behind what it is saying. `gainDb`: by how much louder. */
  say(utterance: Utterance, step: number, gainDb = 0): void {
    this.#queue.push({ utterance, step, factor: 10 ** (gainDb / 20) });
  }

  /** Puts the next samples into a frame that is silence, and writes down what they are. */
  fill(frame: Int16Array, line: Line): void {
    let offset = 0;
    for (let now = this.#queue[0]; now !== undefined; now = this.#queue[0]) {
      const { samples, marks } = now.utterance;
      const count = Math.min(frame.length - offset, samples.length - this.#at);
      for (let i = 0; i < count; i++) frame[offset + i] = clipped(samples[this.#at + i]! * now.factor);
      const end = this.#at + count;
      const isLast = end === samples.length;
      for (const { offset: at, kind, text } of marks) {
        if (at < this.#at || (at >= end && !(isLast && at === end))) continue;
        const words = text === undefined ? {} : { text };
        line.mark(kind, { offset: offset + at - this.#at, step: now.step, ...words });
      }
      offset += count;
      this.#at = end;
      if (!isLast) return;
      this.#queue.shift();
      this.#at = 0;
      if (offset === frame.length) return;
    }
  }
}
