import { SILENCE_DBFS } from './level.ts';
import { isVoiced, VOICING_HISTORY, VOICING_RATE } from './voicing.ts';

/**
 * Tells sound that may be speech from noise, frame by frame, as it comes: noise may be there from the beginning, come up later, and be louder than speech is elsewhere. Sound is
 * speech where it stands above the noise, which is learnt all the time, and repeats itself as voices and tones do, or follows closely on what does. Counts samples, not time.
 * Where all of a recording is at hand `measure/speech.ts` knows more.
 */

/** What stands less above the noise than this is noise, dB. */
const ABOVE_NOISE_DB = 6;
/** What is taken for the noise until some is heard, dBFS. */
const START_DBFS = -75;
/** How fast noise is learnt: of what lies between it and a frame of 20 ms that is quieter, or louder, so much; and while hardly any is known, ms. */
const FALL = 0.15;
const RISE = 0.04;
const AT_FIRST = 0.3;
const FIRST_MS = 400;
/** Correlation from which sound is periodic, where nobody is believed to speak, and where somebody is: voices in noise have no more. */
const VOICED_LEAST = { begin: 0.38, go: 0.3 } as const;
/** Looks that find something periodic, one after the other, until it is believed that somebody speaks: noise looks so by chance, now and then. */
const BELIEVED = 2;
/** Sound that is not periodic is of speech so long after something that was, ms: sibilants, and breath. */
const UNVOICED_MS = 400;
/** While somebody speaks it is looked so often, ms: looking is most of the work. */
const LOOK_MS = 40;

/** One-pole high-pass at about 100 Hz, whatever the rate: neither a DC offset nor hum is speech. */
const HIGH_PASS_HZ = 100;

export class SpeechGate {
  readonly #rate: number;
  readonly #highPass: number;
  /** Samples that are put together as one of those that are looked at. */
  readonly #group: number;
  readonly #history = new Float64Array(VOICING_HISTORY);
  #previous = 0;
  #filtered = 0;
  #sum = 0;
  #inGroup = 0;
  #before = 0;
  #noise = START_DBFS;
  #learntMs = 0;
  #looks = 0;
  /** Since something periodic was heard, and since it was looked, ms. */
  #unvoicedMs = Number.POSITIVE_INFINITY;
  #unseenMs = Number.POSITIVE_INFINITY;

  /** `rate`: Hz, 8000 or more; of what is no multiple of that pitch is taken for a little higher or lower, and no matter. */
  constructor(rate: number) {
    this.#rate = rate;
    this.#highPass = Math.exp((-2 * Math.PI * HIGH_PASS_HZ) / rate);
    this.#group = Math.max(1, Math.round(rate / VOICING_RATE));
  }

  /** The noise as far as it is known, dBFS. */
  get noiseDbfs(): number {
    return this.#noise;
  }

  /** Takes the next samples, as a rule 10 or 20 ms; whether there may be speech in them. */
  hear(samples: Int16Array): boolean {
    const ms = (samples.length * 1000) / this.#rate;
    const level = this.#measure(samples);
    const isLoud = level > this.#noise + ABOVE_NOISE_DB;
    this.#unvoicedMs += ms;
    this.#unseenMs += ms;
    const isBelieved = this.#looks >= BELIEVED && this.#unvoicedMs <= UNVOICED_MS;
    let isPeriodic = false;
    if (isLoud && (!isBelieved || this.#unseenMs >= LOOK_MS)) {
      this.#unseenMs = 0;
      isPeriodic = isVoiced(this.#history, VOICING_HISTORY, isBelieved ? VOICED_LEAST.go : VOICED_LEAST.begin);
      if (isPeriodic) {
        this.#looks++;
        this.#unvoicedMs = 0;
      }
    }
    if (!isBelieved && !isPeriodic) this.#looks = 0;
    const isSpeech = isLoud && (isPeriodic || isBelieved);
    if (!isSpeech && level > SILENCE_DBFS) this.#learn(level, ms);
    return isSpeech;
  }

  /** Of digital silence nothing is learnt: it fills a gap, or stands for what was not sent, on however noisy a line. */
  #learn(level: number, ms: number): void {
    const at20 = this.#learntMs < FIRST_MS ? AT_FIRST : level < this.#noise ? FALL : RISE;
    const share = 1 - (1 - at20) ** (ms / 20);
    this.#learntMs += ms;
    this.#noise += (level - this.#noise) * share;
  }

  /** The level of the samples without DC and hum, dBFS; fills what is looked at. */
  #measure(samples: Int16Array): number {
    const { length } = samples;
    const history = this.#history;
    // What is new is written behind what is kept: with each frame of each call nothing is allocated.
    const count = Math.floor((length + this.#inGroup) / this.#group);
    history.copyWithin(0, Math.min(count, VOICING_HISTORY));
    let next = VOICING_HISTORY - count;
    let energy = 0;
    let isSilent = true;
    for (let i = 0; i < length; i++) {
      const x = samples[i]!;
      if (x !== 0) isSilent = false;
      this.#filtered = this.#highPass * (this.#filtered + x - this.#previous);
      this.#previous = x;
      energy += this.#filtered * this.#filtered;
      this.#sum += this.#filtered;
      if (++this.#inGroup < this.#group) continue;
      // Emphasised: the low frequencies of rumble would look periodic at every lag.
      if (next >= 0) history[next] = this.#sum - 0.9 * this.#before;
      next++;
      this.#before = this.#sum;
      this.#sum = 0;
      this.#inGroup = 0;
    }
    // What the filter still rings of is no sound.
    if (isSilent || length === 0) return SILENCE_DBFS;
    return Math.max(SILENCE_DBFS, 10 * Math.log10((2 * energy) / length / 1_073_741_824 + 1e-13));
  }
}
