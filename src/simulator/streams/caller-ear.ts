import { rmsDbfs, staysWithin } from '../../media/level.ts';
import { Resampler } from '../../media/resample.ts';
import { VAD_RATE, VoiceActivityDetector } from '../realtime/vad.ts';

/** Louder than this the caller speaks, where it is quiet around him. */
const LOUD = 500;
/** Louder noise than this is to be told from speech, dBFS; what is so many dB above it is none: pink noise swings up to 11 dB above the floor that is learnt of it. */
const NOISY_DBFS = -50;
const ABOVE_NOISE_DB = 12;
/** So much sound is speech, and so long a silence its end, ms of audio: what is not sent does not pass. */
const SPEECH_MS = 60;
export const TURN_END_MS = 400;
/** Of what is speech at all, 0 to 1, as the service has it. */
const THRESHOLD = 0.5;

/** The level over which sound is no noise, dBFS; undefined where there is no noise to speak of. */
export const overNoise = (noiseDbfs: number) => (noiseDbfs > NOISY_DBFS ? noiseDbfs + ABOVE_NOISE_DB : undefined);

/**
 * How an agent that stands in hears its caller: when speech begins, how long it has gone on, and when the turn is over. Noise around him, however loud, is neither
 * speech nor keeps a turn from its end.
 */
export class CallerEar {
  readonly #rate: number;
  readonly #heard: Int16Array[] = [];
  readonly #vad = new VoiceActivityDetector(
    { threshold: THRESHOLD, silenceDurationMs: TURN_END_MS },
    { started: () => {}, stopped: () => {} },
  );
  /** Made when there is something to hear: of a rate that cannot be heard nothing ever comes. */
  #toVad: Resampler | undefined;
  #loudMs = 0;
  #silentMs = 0;
  speaks = false;

  constructor(rate: number) {
    this.#rate = rate;
  }

  /** How long the caller has been speaking, ms; 0 while silent. */
  get speaksMs(): number {
    return this.speaks ? this.#loudMs : 0;
  }

  /** The noise around the caller, dBFS. */
  get noiseDbfs(): number {
    return this.#vad.noiseFloorDbfs;
  }

  /** Takes audio; tells what became of it. */
  hear(samples: Int16Array): 'started' | 'stopped' | undefined {
    this.#heard.push(samples.slice());
    this.#toVad ??= new Resampler(this.#rate, VAD_RATE);
    // Of digital silence no noise is learnt: it fills a gap, on however noisy a line.
    if (!staysWithin(samples, 0)) this.#vad.process(this.#toVad.process(samples));
    const ms = (samples.length * 1000) / this.#rate;
    if (!this.#isLoud(samples)) {
      this.#silentMs += ms;
      if (this.#silentMs < TURN_END_MS) return undefined;
      this.#loudMs = 0;
      if (!this.speaks) return undefined;
      this.speaks = false;
      return 'stopped';
    }
    this.#silentMs = 0;
    this.#loudMs += ms;
    if (this.speaks || this.#loudMs < SPEECH_MS) return undefined;
    this.speaks = true;
    return 'started';
  }

  #isLoud(samples: Int16Array): boolean {
    if (!this.#vad.speaking) return false;
    const least = overNoise(this.noiseDbfs);
    return least === undefined ? !staysWithin(samples, LOUD) : rmsDbfs(samples) > least;
  }

  /** All that was heard. */
  all(): Int16Array {
    const all = new Int16Array(this.#heard.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const frame of this.#heard) {
      all.set(frame, at);
      at += frame.length;
    }
    return all;
  }
}
