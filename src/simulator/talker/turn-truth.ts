import { rmsDbfs, SILENCE_DBFS } from '../../media/level.ts';
import { overNoise } from '../streams/caller-ear.ts';

/** A turn as an agent that stands in knew it: when the caller's last sound came, and when its answer's first went out. ms of its clock. */
export interface TurnTruth {
  readonly callerToMs: number;
  readonly answerFromMs: number;
}

/** Louder than this is speech. */
const LOUD = 500;
/** Of how much at once it is looked whether it is speech or noise, ms. */
const LOOK_MS = 10;

/** Writes down when somebody's turn truly ended and was answered, so that what is measured of it can be compared with that. */
export class TurnTruths {
  readonly turns: TurnTruth[] = [];
  readonly #now: () => number;
  #callerToMs: number | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A frame of the caller's that came. Its first sample is now's. `noiseDbfs`: the noise around him, where that is known. */
  heard(samples: Int16Array, rate: number, noiseDbfs = SILENCE_DBFS): void {
    const to = lastSound(samples, rate, overNoise(noiseDbfs));
    if (to > 0) this.#callerToMs = this.#now() + (to * 1000) / rate;
  }

  /** An answer begins with what goes out now. A greeting is none. */
  answers(): void {
    if (this.#callerToMs === undefined) return;
    this.turns.push({ callerToMs: this.#callerToMs, answerFromMs: this.#now() });
    this.#callerToMs = undefined;
  }
}

/** Up to which sample there is speech; 0 where there is none. */
function lastSound(samples: Int16Array, rate: number, overNoiseDbfs: number | undefined): number {
  if (overNoiseDbfs === undefined) return samples.findLastIndex((sample) => Math.abs(sample) > LOUD) + 1;
  const look = (rate * LOOK_MS) / 1000;
  for (let to = samples.length; to > 0; to -= look)
    if (rmsDbfs(samples.subarray(Math.max(0, to - look), to)) > overNoiseDbfs) return to;
  return 0;
}
