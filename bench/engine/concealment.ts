/**
 * What is heard in place of audio that did not come: the last pitch period again and again, softer with time, and joined to what comes after without a
 * click. The way is that of ITU-T G.711 Appendix I; it needs nothing of the codec. Pure, for one stream; nothing is computed but history while all is well.
 */

/** Periods of voices, and of most that is no voice: 66 to 400 Hz. */
const LONGEST_MS = 15;
const SHORTEST_MS = 2.5;
/** What is compared to find the period, ms. */
const COMPARED_MS = 20;
const HISTORY_MS = LONGEST_MS + COMPARED_MS;
/** As loud as it was for so long, then softer, and silent after so long, ms. */
const LOUD_MS = 10;
const SILENT_MS = 60;
/** Joins last so long, ms. */
const JOIN_MS = 4;
/** The period is looked for at about this rate: Hz. */
const SEARCH_RATE = 8_000;

export class Concealment {
  readonly #rate: number;
  readonly #history: Int16Array;
  /** One period, which repeats. */
  #period: Int16Array = new Int16Array(0);
  #at = 0;
  /** Made up since the last real sample; 0 while all is well. */
  #made = 0;

  /** `sampleRate`: Hz, a multiple of 8,000. */
  constructor(sampleRate: number) {
    this.#rate = sampleRate;
    this.#history = new Int16Array((sampleRate * HISTORY_MS) / 1_000);
  }

  /** Whether what was heard last was made up. */
  get isConcealing(): boolean {
    return this.#made > 0;
  }

  /** Hears real audio. What follows a hole is changed in place where it is joined. */
  good(samples: Int16Array): void {
    if (this.#made > 0) this.#join(samples);
    this.#made = 0;
    const { length } = this.#history;
    if (samples.length >= length) {
      this.#history.set(samples.subarray(samples.length - length));
      return;
    }
    this.#history.copyWithin(0, samples.length);
    this.#history.set(samples, length - samples.length);
  }

  /** Fills `into` with what may be heard in place of real audio. */
  conceal(into: Int16Array): void {
    if (this.#made === 0) this.#begin();
    for (let i = 0; i < into.length; i++) into[i] = this.#nextSample();
  }

  /** This real audio is left out: what is heard next is joined to its beginning. */
  leaveOut(samples: Int16Array): void {
    this.#period = samples.slice(0, (this.#rate * LONGEST_MS) / 1_000);
    this.#at = 0;
    this.#made = 1;
  }

  #begin(): void {
    const length = this.#findPeriod();
    const history = this.#history;
    const from = history.length - length;
    const period = history.slice(from);
    // Its end is drawn towards what stood before its beginning, so that it follows itself without a step.
    const join = Math.min(length >> 2, (this.#rate * JOIN_MS) / 1_000);
    for (let i = 0; i < join; i++) {
      const share = (i + 1) / (join + 1);
      const at = length - join + i;
      period[at] = Math.round(period[at]! * (1 - share) + history[from - join + i]! * share);
    }
    this.#period = period;
    this.#at = 0;
  }

  #nextSample(): number {
    const ms = (this.#made++ * 1_000) / this.#rate;
    const sample = this.#period[this.#at]!;
    this.#at = this.#at + 1 === this.#period.length ? 0 : this.#at + 1;
    if (ms <= LOUD_MS) return sample;
    return ms >= SILENT_MS ? 0 : Math.round((sample * (SILENT_MS - ms)) / (SILENT_MS - LOUD_MS));
  }

  #join(samples: Int16Array): void {
    const join = Math.min(samples.length, (this.#rate * JOIN_MS) / 1_000);
    for (let i = 0; i < join; i++) {
      const share = (i + 1) / (join + 1);
      samples[i] = Math.round(samples[i]! * share + this.#nextSample() * (1 - share));
    }
  }

  /** Samples after which the end of history is most like itself: roughly by every nth sample, then exactly. */
  #findPeriod(): number {
    const step = Math.max(1, Math.round(this.#rate / SEARCH_RATE));
    const [shortest, longest] = [SHORTEST_MS, LONGEST_MS].map((ms) => Math.round((this.#rate * ms) / 1_000)) as [
      number,
      number,
    ];
    const rough = this.#best(shortest, longest, step, step);
    return this.#best(Math.max(shortest, rough - step), Math.min(longest, rough + step), 1, 1);
  }

  #best(from: number, to: number, lagStep: number, step: number): number {
    const history = this.#history;
    const compared = (this.#rate * COMPARED_MS) / 1_000;
    const start = history.length - compared;
    let best = from;
    let most = Number.NEGATIVE_INFINITY;
    for (let lag = from; lag <= to; lag += lagStep) {
      let product = 0;
      let energy = 1;
      for (let i = start; i < history.length; i += step) {
        const before = history[i - lag]!;
        product += history[i]! * before;
        energy += before * before;
      }
      const likeness = product / Math.sqrt(energy);
      if (likeness > most) {
        most = likeness;
        best = lag;
      }
    }
    return best;
  }
}
