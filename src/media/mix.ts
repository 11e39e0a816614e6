/**
 * Several voices as one stream: their sum, frame by frame, held under full scale by a gain that falls within milliseconds and comes back slowly. What is
 * no louder than the limit passes unchanged, sample for sample. Pure; the frame's memory is the mixer's own and is used again.
 */

/** Where limiting begins, as amplitude: 1 dB under full scale. */
const LIMIT = 29_204;
const FULL_SCALE = 32_767;
/** How fast the gain falls, ms: a louder sound is held within this time, and bent under full scale until then. */
const ATTACK_MS = 5;
/** How fast it comes back, ms. */
const RELEASE_MS = 200;

export class Mixer {
  readonly #sum: Float32Array;
  readonly #out: Int16Array;
  readonly #attack: number;
  readonly #recovery: number;
  #voices = 0;
  /** The limiter's gain at the end of the last frame. */
  #gain = 1;

  /** `samples` of a frame at `sampleRate` Hz. */
  constructor(samples: number, sampleRate: number) {
    this.#sum = new Float32Array(samples);
    this.#out = new Int16Array(samples);
    this.#attack = Math.min(samples, Math.round((sampleRate * ATTACK_MS) / 1000));
    this.#recovery = Math.min(1, (samples * 1000) / sampleRate / RELEASE_MS);
  }

  /** Adds a voice's frame to the one that is being made; with `fadeIn` it rises from nothing within the time of the attack. */
  add(samples: Int16Array, gain = 1, fadeIn = false): void {
    const sum = this.#sum;
    if (this.#voices++ === 0) sum.fill(0);
    const length = Math.min(sum.length, samples.length);
    const ramp = fadeIn ? this.#attack : 0;
    for (let i = 0; i < ramp && i < length; i++) sum[i]! += (samples[i]! * gain * i) / ramp;
    for (let i = ramp; i < length; i++) sum[i]! += samples[i]! * gain;
  }

  /** The frame of all that was added since the last; silence where nothing was. Borrowed until the next one. */
  finish(): Int16Array {
    const out = this.#out;
    const voices = this.#voices;
    this.#voices = 0;
    if (voices === 0) {
      this.#gain += (1 - this.#gain) * this.#recovery;
      return out.fill(0);
    }
    const sum = this.#sum;
    let peak = 0;
    for (let i = 0; i < sum.length; i++) {
      const magnitude = Math.abs(sum[i]!);
      if (magnitude > peak) peak = magnitude;
    }
    const from = this.#gain;
    const wanted = peak > LIMIT ? LIMIT / peak : 1;
    const to = wanted < from ? wanted : from + (wanted - from) * this.#recovery;
    // What is left of a gain that comes back ends some time.
    this.#gain = to > 0.999 ? 1 : to;
    if (from === 1 && to === 1) {
      for (let i = 0; i < sum.length; i++) out[i] = Math.round(sum[i]!);
      return out;
    }
    const ramp = to < from ? this.#attack : sum.length;
    for (let i = 0; i < sum.length; i++) {
      const gain = i < ramp ? from + ((to - from) * i) / ramp : to;
      out[i] = Math.round(bend(sum[i]! * gain));
    }
    return out;
  }
}

/** A sample under full scale: above the limit it comes near and never there. */
function bend(sample: number): number {
  const over = Math.abs(sample) - LIMIT;
  if (over <= 0) return sample;
  const rest = FULL_SCALE - LIMIT;
  return Math.sign(sample) * (LIMIT + rest * Math.tanh(over / rest));
}
