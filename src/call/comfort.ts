import type { PcmFrame } from '../media/frame.ts';
import { dbfsToAmplitude } from '../media/level.ts';
import { Resampler } from '../media/resample.ts';
import type { AnswerDelay, RingingTone } from './events.ts';
import type { CallerLeg } from './leg.ts';
import type { Patch } from './patch.ts';
import { TICK_MS, type Ticker } from './ticker.ts';

/** So much of it lies ahead of what was played, ms: a stall of ours is not heard, and an answer that comes waits no longer than that. */
const AHEAD_MS = 160;
/** A sound that gives way ends within this, ms: cut off it would click. */
const FADE_MS = 20;

export interface ComfortOptions {
  readonly patch: Patch;
  readonly ticker: Pick<Ticker, 'subscribe'>;
  /** What is played; undefined for nothing. */
  readonly sounds: ComfortSounds | undefined;
}

/** What is heard by why the answer is late. A wait that is known to last is worth words; a model that thinks may begin to speak at any moment. */
export type ComfortSounds = Readonly<Record<AnswerDelay, PcmFrame>>;

/**
 * What a caller hears who waits for an answer: a sound, laid over the agent's audio on its way to the caller, so that it is recorded as he
 * heard it and is discarded with all else when he speaks. The model knows nothing of it. A live agent's silence carries it; where no audio
 * flows while the model thinks, silence is made to carry it.
 */
export class Comfort {
  readonly #o: ComfortOptions;
  /** The sounds at the patch's rate. */
  readonly #samples = new Map<AnswerDelay, Int16Array>();
  #silence: PcmFrame | undefined;
  #stop: (() => void) | undefined;

  constructor(options: ComfortOptions) {
    this.#o = options;
  }

  /** Begins to play, to this caller. `live`: frames of the agent's come all the time. False when there is nothing to be played. */
  play(caller: CallerLeg, why: AnswerDelay, live: boolean): boolean {
    const { patch, sounds, ticker } = this.#o;
    if (sounds === undefined) return false;
    this.stop();
    const samples = this.#samples.get(why) ?? atRate(sounds[why], patch.sampleRate);
    this.#samples.set(why, samples);
    patch.lay(samples);
    if (!live) this.#carry(caller, ticker);
    return true;
  }

  /** Has the caller hear that somebody is being called, again and again until it gives way or ends. No audio of the agent's flows meanwhile. */
  ring(caller: CallerLeg, tone: RingingTone): void {
    const { patch, ticker } = this.#o;
    this.stop();
    const cadence = atRate(ringingTone(tone), patch.sampleRate);
    patch.lay(cadence);
    this.#carry(caller, ticker, cadence);
  }

  /** Makes silence that carries what is laid over it. `again`: laid anew whenever it has ended. */
  #carry(caller: CallerLeg, ticker: ComfortOptions['ticker'], again?: Int16Array): void {
    const { patch } = this.#o;
    const { playout } = caller;
    const silence = this.#silence ?? {
      samples: new Int16Array((patch.sampleRate * TICK_MS) / 1000),
      sampleRate: patch.sampleRate,
    };
    this.#silence = silence;
    const feed = () => {
      while ((patch.laid || again !== undefined) && playout.writtenMs() - playout.playedMs() < AHEAD_MS) {
        if (!patch.laid && again !== undefined) patch.lay(again);
        const before = playout.writtenMs();
        patch.write(silence);
        // A line that takes nothing would be fed for ever.
        if (playout.writtenMs() <= before) break;
      }
      if (!patch.laid && again === undefined) this.stop();
    };
    this.#stop = ticker.subscribe(feed);
    feed();
  }

  /** Gives way to the agent's own words. */
  giveWay(): void {
    this.stop();
    this.#o.patch.fade(FADE_MS);
  }

  /** Whom it was played to is gone. */
  end(): void {
    this.stop();
    this.#o.patch.fade(0);
  }

  /** Feeds no more. What is laid over goes with the patch's `clear`. */
  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}

function atRate({ samples, sampleRate }: PcmFrame, rate: number): Int16Array {
  return sampleRate === rate ? samples : new Resampler(sampleRate, rate).process(samples).slice();
}

/** Two soft notes, one after the other, that belong to no language; 24 kHz. */
export function comfortTone(): PcmFrame {
  const sampleRate = 24_000;
  const samples = new Int16Array(sampleRate * 0.9);
  const peak = 32_767 * dbfsToAmplitude(-20);
  for (const [hz, fromS] of [
    [440, 0],
    [554.37, 0.35],
  ] as const) {
    for (let i = Math.round(fromS * sampleRate); i < samples.length; i++) {
      const t = i / sampleRate - fromS;
      // A plucked note: up within 15 ms, then dying away.
      const envelope = Math.min(1, t / 0.015) * Math.exp(-t / 0.13);
      samples[i] = samples[i]! + Math.round(peak * envelope * Math.sin(2 * Math.PI * hz * t));
    }
  }
  return { samples, sampleRate };
}

/** What makes each ringing tone, and when it sounds: ITU-T E.180, supplement 2. */
const RINGING: Readonly<
  Record<RingingTone, { readonly hz: readonly number[]; readonly onS: number; readonly offS: number }>
> = {
  'north-america': { hz: [440, 480], onS: 2, offS: 4 },
  europe: { hz: [425], onS: 1, offS: 4 },
};
/** Its level, each of its frequencies: far below speech, so that it is no fright on the ear. */
const RINGING_DBFS = -26;

/** One ring and the silence behind it, 8 kHz. */
export function ringingTone(tone: RingingTone): PcmFrame {
  const sampleRate = 8_000;
  const { hz, onS, offS } = RINGING[tone];
  const samples = new Int16Array(sampleRate * (onS + offS));
  const peak = 32_767 * dbfsToAmplitude(RINGING_DBFS);
  const ramp = sampleRate * 0.01;
  const on = sampleRate * onS;
  for (let i = 0; i < on; i++) {
    const envelope = Math.min(1, i / ramp, (on - i) / ramp);
    const sum = hz.reduce((all, one) => all + Math.sin((2 * Math.PI * one * i) / sampleRate), 0);
    samples[i] = Math.round(peak * envelope * sum);
  }
  return { samples, sampleRate };
}
