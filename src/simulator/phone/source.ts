/**
 * What a caller says. Everything is made ready once per codec, as frames of 20 ms with their base64 and with the place of the sound in
 * them, and shared by every phone that says it: sending a frame is then a look-up, whether one phone calls or hundreds.
 */

import type { Codec } from '../../media/codecs.ts';
import { Resampler } from '../../media/resample.ts';
import { makeTone } from '../../media/tone.ts';
import { decodeWav } from '../../media/wav.ts';
import { FRAME_MS } from './codec.ts';
import { LoudnessWindows } from './speech.ts';

/** 20 ms of a caller's audio. */
export interface SourceFrame {
  /** At the codec's rate. Shared: never written to. */
  readonly samples: Int16Array;
  /** The encoded samples in base64: `media.payload`. */
  readonly payload: string;
  /** Where sound begins and ends in the frame, ms from its start; -1 both when it is silent. */
  readonly loudFromMs: number;
  readonly loudToMs: number;
}

/** A source made ready for one codec. */
export interface Clip {
  readonly frames: readonly SourceFrame[];
  /** Whether it begins again after its last frame. */
  readonly endless: boolean;
  /** What is sent when there is nothing to say. */
  readonly silence: SourceFrame;
}

/** A caller's words, whatever the codec of the call will be. Immutable; one may serve any number of phones at once. */
export class AudioSource {
  /** For the report: "wav", "tone 440 Hz". */
  readonly name: string;
  readonly endless: boolean;
  readonly #render: (sampleRate: number) => Int16Array;
  readonly #clips = new Map<string, Clip>();

  /** `render` gives all samples (of one round, when endless) at a rate of 8000, 16000 or 24000 Hz. */
  constructor(name: string, endless: boolean, render: (sampleRate: number) => Int16Array) {
    this.name = name;
    this.endless = endless;
    this.#render = render;
  }

  /** The samples at this rate, mono s16. */
  samples(sampleRate: number): Int16Array {
    return this.#render(sampleRate);
  }

  /** The frames in this codec; the last is filled up with silence. Made at the first call, then kept. */
  clip(codec: Codec): Clip {
    const known = this.#clips.get(codec.name);
    if (known !== undefined) return known;
    const clip = makeClip(this.#render(codec.sampleRate), codec, this.endless);
    this.#clips.set(codec.name, clip);
    return clip;
  }
}

function makeClip(samples: Int16Array, codec: Codec, endless: boolean): Clip {
  const size = (codec.sampleRate * FRAME_MS) / 1000;
  const windows = new LoudnessWindows(codec.sampleRate);
  const frames: SourceFrame[] = [];
  for (let at = 0; at < samples.length; at += size) {
    const frame = new Int16Array(size);
    frame.set(samples.subarray(at, at + size));
    frames.push(makeFrame(frame, codec, windows));
  }
  return { frames, endless: endless && frames.length > 0, silence: makeFrame(new Int16Array(size), codec, windows) };
}

function makeFrame(samples: Int16Array, codec: Codec, windows: LoudnessWindows): SourceFrame {
  const bytes = Buffer.alloc(samples.length * codec.bytesPerSample);
  codec.encode(samples, bytes);
  let loudFromMs = -1;
  let loudToMs = -1;
  windows.push(samples, 0, samples.length, 0, (from, to) => {
    if (loudFromMs < 0) loudFromMs = from;
    loudToMs = to;
  });
  return { samples, payload: bytes.toString('base64'), loudFromMs, loudToMs };
}

/** Converts all of a recording. The filter's delay is taken off again, so that what was said when stays true. */
function resampleAll(samples: Int16Array, from: number, to: number): Int16Array {
  if (from === to) return samples;
  const resampler = new Resampler(from, to);
  const lead = Math.round(resampler.latencySamples);
  const length = Math.round((samples.length * to) / from);
  const padded = new Int16Array(samples.length + Math.ceil(((lead + 2) * from) / to));
  padded.set(samples);
  return resampler.process(padded).slice(lead, lead + length);
}

/** Samples of a recording at 8000, 16000, 24000 or 48000 Hz. Throws a RangeError for another rate. */
export function pcmSource(
  samples: Int16Array,
  sampleRate: number,
  options: { endless?: boolean; name?: string } = {},
): AudioSource {
  // The resampler knows which rates there are; asking it here makes a wrong one fail where it was given.
  new Resampler(sampleRate, 8000);
  return new AudioSource(options.name ?? 'pcm', options.endless ?? false, (rate) =>
    resampleAll(samples, sampleRate, rate),
  );
}

/** A WAV file's bytes; of several channels the first is taken. Throws a WavError, or a RangeError for its rate. */
export function wavSource(bytes: Uint8Array, options: { endless?: boolean; name?: string } = {}): AudioSource {
  const { sampleRate, channels } = decodeWav(bytes);
  return pcmSource(channels[0] ?? new Int16Array(0), sampleRate, { name: 'wav', ...options });
}

/** A tone of a whole number of Hz: for `ms`, or without end and without a seam. Level in dBFS, -12 when left out. */
export function toneSource(hz: number, options: { dbfs?: number; ms?: number } = {}): AudioSource {
  if (!Number.isInteger(hz) || hz <= 0) throw new RangeError(`toneSource: not a whole number of Hz: ${hz}`);
  // One second holds a whole number of periods of every whole frequency, so its end meets its beginning.
  return new AudioSource(`tone ${hz} Hz`, options.ms === undefined, (rate) =>
    makeTone(hz, rate, options.ms ?? 1000, options.dbfs ?? -12),
  );
}

/** A caller who only listens. */
export function silenceSource(): AudioSource {
  return new AudioSource('silence', true, (rate) => new Int16Array((rate * FRAME_MS) / 1000));
}

/** Sources and pauses one after the other; an endless source counts with one round. */
export function scriptSource(
  parts: ReadonlyArray<AudioSource | { readonly pauseMs: number }>,
  options: { endless?: boolean } = {},
): AudioSource {
  return new AudioSource('script', options.endless ?? false, (rate) => {
    const pieces = parts.map((part) =>
      part instanceof AudioSource ? part.samples(rate) : new Int16Array(Math.round((part.pauseMs * rate) / 1000)),
    );
    const all = new Int16Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  });
}

/**
 * The first words of a source up to its first pause of `pauseMs`: what a caller says to cut in when nothing else was given.
 * The whole source when it holds no such pause or no sound.
 */
export function firstWords(source: AudioSource, pauseMs = 400): AudioSource {
  return new AudioSource(`first words of ${source.name}`, false, (rate) => {
    const samples = source.samples(rate);
    let from = -1;
    let to = -1;
    let ended = false;
    new LoudnessWindows(rate).push(samples, 0, samples.length, 0, (fromMs, toMs) => {
      if (from < 0) from = fromMs;
      else if (fromMs - to >= pauseMs) ended = true;
      if (!ended) to = toMs;
    });
    return from < 0 ? samples : samples.slice(Math.round((from * rate) / 1000), Math.round((to * rate) / 1000));
  });
}
