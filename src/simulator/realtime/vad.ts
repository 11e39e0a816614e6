import { Framer } from '../../media/framer.ts';
import { isVoiced, VOICING_HISTORY } from '../../media/voicing.ts';

/**
 * Voice activity detection on 24 kHz audio: energy with hysteresis above a noise floor that it learns, and a look at periodicity so
 * that hiss, however loud, is not taken for speech. Speech and tones repeat within 2 to 13 ms; line noise does not.
 * Time is counted in samples of the stream: it needs no clock.
 */

export const VAD_RATE = 24_000;
/** Samples of one frame: 10 ms. */
export const VAD_FRAME = 240;

export interface VadSettings {
  /** 0 (triggers on a whisper) to 1 (only on loud speech). */
  readonly threshold: number;
  /** Silence that ends the turn, ms. */
  readonly silenceDurationMs: number;
}

export interface VadHandlers {
  /** `sample` is where the speech began, not where it was recognised. */
  started(sample: number): void;
  /** `sample` is the end of the silence that ended the turn. */
  stopped(sample: number): void;
}

/** The level a setting of 0..1 stands for, dBFS: 0.5 is -42, well over an idle line and under quiet speech. */
export function thresholdDbfs(setting: number): number {
  return -62 + 40 * setting;
}

/** Frames over the threshold before speech is considered at all: 40 ms, longer than a click. */
const ONSET_FRAMES = 4;
/** Decibels that speech must stand above the learned noise, and that it may fall below the threshold without being over. */
const NOISE_MARGIN_DB = 9;
const HYSTERESIS_DB = 6;
/** The noise floor follows a fall at once and a rise with a time constant of a third of a second. */
const FALL = 0.3;
const RISE = 0.03;
const FLOOR_START_DBFS = -70;
const FLOOR_MAX_DBFS = -25;
/** Sound without any periodicity for so long is not speech any more, whatever its level. */
const UNVOICED_LIMIT_FRAMES = 80;
/** In speech, periodicity is looked at each so many frames. */
const VOICED_EVERY = 10;

/** One-pole high-pass at about 100 Hz: neither a DC offset nor hum is speech. */
const HIGH_PASS = 0.974;

export class VoiceActivityDetector {
  readonly #handlers: VadHandlers;
  readonly #framer = new Framer(VAD_FRAME);
  readonly #history = new Float64Array(VOICING_HISTORY);
  #settings: VadSettings;
  #position = 0;
  #speaking = false;
  #floor = FLOOR_START_DBFS;
  #loud = 0;
  #onsetAt = 0;
  #quiet = 0;
  #loudAgain = 0;
  #unvoiced = 0;
  #previous = 0;
  #filtered = 0;
  #emphasised = 0;

  constructor(settings: VadSettings, handlers: VadHandlers) {
    this.#settings = settings;
    this.#handlers = handlers;
  }

  /** Takes effect with the next frame. */
  configure(settings: VadSettings): void {
    this.#settings = settings;
  }

  get speaking(): boolean {
    return this.#speaking;
  }

  /** The learned level of the line's noise, dBFS. */
  get noiseFloorDbfs(): number {
    return this.#floor;
  }

  /** Takes any number of samples; handlers are called from within. */
  process(samples: Int16Array): void {
    this.#framer.push(samples, this.#onFrame);
  }

  /** Forgets a turn in progress without telling of its end; what was learned about the line stays. */
  reset(): void {
    this.#speaking = false;
    this.#loud = 0;
    this.#quiet = 0;
    this.#loudAgain = 0;
    this.#unvoiced = 0;
  }

  readonly #onFrame = (frame: Int16Array): void => {
    const level = this.#measure(frame);
    this.#position += VAD_FRAME;
    if (this.#speaking) this.#inSpeech(level);
    else this.#inSilence(level);
  };

  #inSilence(level: number): void {
    const on = Math.max(thresholdDbfs(this.#settings.threshold), this.#floor + NOISE_MARGIN_DB);
    if (level > on) {
      if (this.#loud === 0) this.#onsetAt = this.#position - VAD_FRAME;
      this.#loud++;
    } else if (this.#loud > 0) {
      this.#loud--;
    }
    if (this.#loud >= ONSET_FRAMES && this.#isVoiced()) {
      this.#speaking = true;
      this.#loud = 0;
      this.#quiet = 0;
      this.#loudAgain = 0;
      this.#unvoiced = 0;
      this.#handlers.started(this.#onsetAt);
      return;
    }
    // A run of loud frames that never turns voiced is noise that came up: it is learned like any other.
    const rate = level < this.#floor ? FALL : RISE;
    this.#floor = Math.min(FLOOR_MAX_DBFS, this.#floor + (level - this.#floor) * rate);
  }

  #inSpeech(level: number): void {
    const off = Math.max(thresholdDbfs(this.#settings.threshold) - HYSTERESIS_DB, this.#floor + NOISE_MARGIN_DB / 2);
    this.#unvoiced++;
    if (this.#unvoiced % VOICED_EVERY === 0 && level > off && this.#isVoiced()) this.#unvoiced = 0;
    if (level > off && this.#unvoiced < UNVOICED_LIMIT_FRAMES) {
      this.#loudAgain++;
      // One loud frame in a pause is a click, not a word.
      if (this.#quiet === 0 || this.#loudAgain >= 2) this.#quiet = 0;
      else this.#quiet++;
    } else {
      this.#loudAgain = 0;
      this.#quiet++;
    }
    if (this.#quiet * 10 < Math.max(10, this.#settings.silenceDurationMs)) return;
    this.#speaking = false;
    this.#loud = 0;
    this.#handlers.stopped(this.#position);
  }

  /** Level of the frame without DC and hum, dBFS (a full-scale sine is 0); fills the history that periodicity is measured on. */
  #measure(frame: Int16Array): number {
    const history = this.#history;
    history.copyWithin(0, VAD_FRAME / 3);
    let at = VOICING_HISTORY - VAD_FRAME / 3;
    let previous = this.#previous;
    let filtered = this.#filtered;
    let emphasised = this.#emphasised;
    let energy = 0;
    let sum = 0;
    for (let i = 0; i < VAD_FRAME; i++) {
      const x = frame[i]!;
      filtered = HIGH_PASS * (filtered + x - previous);
      previous = x;
      energy += filtered * filtered;
      sum += filtered;
      if (i % 3 === 2) {
        // Pre-emphasis: without it the low frequencies of rumble would look periodic at every lag.
        history[at++] = sum - 0.9 * emphasised;
        emphasised = sum;
        sum = 0;
      }
    }
    this.#previous = previous;
    this.#filtered = filtered;
    this.#emphasised = emphasised;
    return 10 * Math.log10((2 * energy) / VAD_FRAME / 1_073_741_824 + 1e-13);
  }

  #isVoiced(): boolean {
    return isVoiced(this.#history, VOICING_HISTORY);
  }
}
