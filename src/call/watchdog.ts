import type { Patch } from './patch.ts';

/** How long after an answer's audio began something must have reached the caller's leg, ms. */
const MISSING_AFTER_MS = 1_500;

export type AudioAlarm = 'missing' | 'silent';

/**
 * Notices that the model answers but the caller gets nothing, or near-silence: the failure of a swapped codec, a wrong rate or a
 * muted track, which no event tells. Pure: it is asked with the time and reads what passed the patch.
 */
export class AudioWatchdog {
  readonly #patch: Patch;
  #since: number | undefined;
  #samples = 0;
  #audible = false;
  #told = false;

  constructor(patch: Patch) {
    this.#patch = patch;
  }

  /** An answer's audio begins. */
  arm(now: number): void {
    this.#patch.read();
    this.#since = now;
    this.#samples = 0;
    this.#audible = false;
    this.#told = false;
  }

  /** The answer was interrupted: what was heard of it proves nothing. */
  disarm(): void {
    this.#since = undefined;
  }

  /** To be asked now and then; tells each alarm once per answer. `done` says that all its audio was written. */
  check(now: number, done = false): AudioAlarm | undefined {
    if (this.#since === undefined) return undefined;
    const { samples, audible } = this.#patch.read();
    this.#samples += samples;
    this.#audible ||= audible;
    const age = now - this.#since;
    if (done) this.#since = undefined;
    if (this.#told || (!done && age < MISSING_AFTER_MS)) return undefined;
    const alarm = this.#samples === 0 ? 'missing' : this.#audible ? undefined : 'silent';
    if (alarm !== undefined) this.#told = true;
    return alarm;
  }
}
