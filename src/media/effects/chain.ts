import { Random } from '../random.ts';
import { type BurstSound, Bursts } from './bursts.ts';
import { Echo } from './echo.ts';
import type { Effect } from './effect.ts';
import { Gain } from './gain.ts';
import { Jitter } from './jitter.ts';
import { Loss } from './loss.ts';
import { Noise, type NoiseColour } from './noise.ts';
import { TelephoneBand } from './telephone-band.ts';

/** One frame's time, ms. */
const FRAME_MS = 20;

/** Noise below speech by so many decibels. */
export interface NoiseOptions {
  readonly snr_db: number;
  readonly colour: NoiseColour;
}

/** Which effects there are, as suites name them. What is left out is not there. */
export interface EffectsOptions {
  readonly gain_db?: number | undefined;
  readonly echo?: { readonly delay_ms: number; readonly loss_db: number } | undefined;
  readonly noise?: NoiseOptions | undefined;
  readonly bursts?:
    | { readonly per_minute: number; readonly snr_db: number; readonly sounds: readonly BurstSound[] }
    | undefined;
  readonly band?: 'telephone' | undefined;
  readonly loss?: { readonly rate: number; readonly burst_ms: number } | undefined;
  readonly jitter?: { readonly max_ms: number } | undefined;
}

export interface EffectsSetting {
  readonly sampleRate: number;
  readonly seed: number;
  /** RMS level of the speech while it sounds, before the gain, dBFS: what an SNR is against. */
  readonly speechDbfs: number;
}

/** All effects of one caller, in the order in which they happen: his voice, what is around him, his line. Frames are 20 ms. */
export class Effects {
  readonly #setting: EffectsSetting;
  readonly #speechDbfs: number;
  readonly #voice: Effect[] = [];
  readonly #around: Effect[] = [];
  readonly #line: Effect[] = [];
  readonly #echo: Echo | undefined;
  readonly #jitter: Jitter<Int16Array> | undefined;
  #noise: Noise | undefined;
  #noises = 0;

  constructor(options: EffectsOptions, setting: EffectsSetting) {
    const { sampleRate, seed, speechDbfs } = setting;
    const { gain_db: gain = 0, echo, bursts, loss, jitter } = options;
    const samples = (ms: number) => Math.round((ms * sampleRate) / 1000);
    this.#setting = setting;
    this.#speechDbfs = speechDbfs + gain;
    if (gain !== 0) this.#voice.push(new Gain(gain));
    if (echo !== undefined) this.#echo = new Echo(samples(echo.delay_ms), echo.loss_db);
    if (bursts !== undefined) {
      const { per_minute: perMinute, snr_db: snr, sounds } = bursts;
      const dbfs = this.#speechDbfs - snr;
      this.#around.push(new Bursts({ sampleRate, perMinute, dbfs, sounds }, new Random(seed, 'bursts')));
    }
    if (options.band === 'telephone') this.#line.push(new TelephoneBand(sampleRate));
    if (loss !== undefined) {
      const run = loss.burst_ms / FRAME_MS;
      this.#line.push(new Loss({ frame: samples(FRAME_MS), rate: loss.rate, run }, new Random(seed, 'loss')));
    }
    if (jitter !== undefined) this.#jitter = new Jitter(jitter.max_ms / FRAME_MS, new Random(seed, 'jitter'));
    this.noise(options.noise);
  }

  /** From now on there is this noise, or none. */
  noise(options: NoiseOptions | undefined): void {
    const { seed } = this.#setting;
    this.#noise =
      options &&
      new Noise(options.colour, this.#speechDbfs - options.snr_db, new Random(seed, `noise ${this.#noises++}`));
  }

  /**
   * Takes the caller's next frame, in place, and what he hears in the same time. Returns the frames that leave his line now, in order: as a rule that one;
   * none or several where the line has jitter, whose frames are copies.
   */
  next(frame: Int16Array, heard: Int16Array): readonly Int16Array[] {
    for (const effect of this.#voice) effect.apply(frame);
    this.#echo?.apply(frame, heard);
    this.#noise?.apply(frame);
    for (const effect of this.#around) effect.apply(frame);
    for (const effect of this.#line) effect.apply(frame);
    return this.#jitter === undefined ? [frame] : this.#jitter.next(frame.slice());
  }
}
