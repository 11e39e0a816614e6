import { amplitudeToDbfs, dbfsToAmplitude, SILENCE_DBFS, sumOfSquares } from '../media/level.ts';
import type { Sound, Span } from './measures.ts';
import { type Heard, PAUSE_MS, type Stretch } from './speech.ts';
import { round } from './statistics.ts';

/** How a channel sounds: level, noise, clipping, holes. Pure. */

const FULL_SCALE = 32_768;
/** A sample at full scale: some codecs and filters stop just before it. */
const CLIPPED = 32_700;
/** Samples at full scale in a row that are no accident. */
const CLIPPED_RUN = 3;
/** A hole is as long as that, ms; what is longer is a pause. */
const HOLE_MS = 10;
/** Magnitude of what counts as nothing, and how much it may vary: the silence of G.711 is not zero. */
const NOTHING = 16;
const SAME = 1;
/** Right beside a hole speech has to be nearly as loud (as amplitude) as it was within the longer time, else it only ended; ms. */
const EDGE_MS = 1.25;
const AROUND_MS = 20;
const AS_LOUD = 0.45;

/** `samples` and what was found in them. */
export function soundOf(samples: Int16Array, heard: Heard, rate: number): Sound {
  let squares = 0;
  let count = 0;
  let peak = 0;
  for (const { from, to } of heard.sounds) {
    squares += sumOfSquares(samples, from, to);
    count += to - from;
  }
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  const level = count === 0 ? undefined : amplitudeToDbfs(Math.sqrt((2 * squares) / count) / FULL_SCALE);
  const noise = heard.noiseDbfs;
  return {
    speechMs: round(heard.speech.reduce((sum, { from, to }) => sum + to - from, 0) / (rate / 1000)),
    levelDbfs: level === undefined ? null : round(level),
    peakDbfs: peak === 0 ? null : round(amplitudeToDbfs(peak / FULL_SCALE)),
    noiseDbfs: noise === undefined ? null : round(noise),
    snrDb: snr(level, noise),
    clippedSamples: clipped(samples),
    dropouts: heard.speech.flatMap((speech) => holes(samples, speech, rate)),
  };
}

/** Speech has the noise in it, which is taken off. Digital silence between words has no ratio to anything. */
function snr(level: number | undefined, noise: number | undefined): number | null {
  if (level === undefined || noise === undefined || noise <= SILENCE_DBFS) return null;
  const signal = dbfsToAmplitude(level) ** 2 - dbfsToAmplitude(noise) ** 2;
  return signal <= 0 ? null : round(10 * Math.log10(signal / dbfsToAmplitude(noise) ** 2));
}

function clipped(samples: Int16Array): number {
  let sum = 0;
  let run = 0;
  for (const sample of samples) {
    if (sample >= CLIPPED || sample <= -CLIPPED) {
      run++;
      if (run === CLIPPED_RUN) sum += CLIPPED_RUN;
      else if (run > CLIPPED_RUN) sum++;
    } else run = 0;
  }
  return sum;
}

/** Stretches within speech in which there is nothing at all, cut off on both sides: audio that was lost, where a speaker would have faded. */
function holes(samples: Int16Array, { from, to }: Stretch, rate: number): Span[] {
  const found: Span[] = [];
  const least = (HOLE_MS * rate) / 1000;
  const most = (PAUSE_MS * rate) / 1000;
  for (let at = from; at < to; ) {
    const value = samples[at]!;
    let end = at + 1;
    if (Math.abs(value) <= NOTHING) while (end < to && Math.abs(samples[end]! - value) <= SAME) end++;
    const length = end - at;
    if (length >= least && length <= most && at > from && end < to && isCut(samples, at, end, rate)) {
      found.push({ fromMs: round((at * 1000) / rate), toMs: round((end * 1000) / rate) });
    }
    at = end;
  }
  return found;
}

function isCut(samples: Int16Array, at: number, end: number, rate: number): boolean {
  const edge = (EDGE_MS * rate) / 1000;
  const around = (AROUND_MS * rate) / 1000;
  const rms = (from: number, to: number) => {
    const [first, last] = [Math.max(0, from), Math.min(samples.length, to)];
    return Math.sqrt(sumOfSquares(samples, first, last) / Math.max(1, last - first));
  };
  return rms(at - edge, at) > AS_LOUD * rms(at - around, at) && rms(end, end + edge) > AS_LOUD * rms(end, end + around);
}
