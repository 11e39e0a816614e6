import { clip, type Effect } from './effect.ts';

/** A caller who is louder or quieter by so many decibels. */
export class Gain implements Effect {
  readonly #factor: number;

  constructor(db: number) {
    this.#factor = 10 ** (db / 20);
  }

  apply(samples: Int16Array): void {
    for (let i = 0; i < samples.length; i++) samples[i] = clip(samples[i]! * this.#factor);
  }
}
