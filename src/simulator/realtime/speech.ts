import { readFileSync } from 'node:fs';
import { BridgeError, errorMessage } from '../../errors.ts';
import { rmsDbfs } from '../../media/level.ts';
import { Resampler } from '../../media/resample.ts';
import { makeTone } from '../../media/tone.ts';
import { decodeWav } from '../../media/wav.ts';

/** The sounds of the test line, all mono at 24 kHz. What is returned is shared: nobody may write to it. */

export const SPEECH_RATE = 24_000;

/** A sound with the words that are said in it. */
export interface Utterance {
  readonly audio: Int16Array;
  readonly transcript: string;
}

/** The recorded sentences, by file name without `.wav`. */
export const RECORDED = {
  greeting: 'Hello, this is the test line. Say something and I will say it back to you.',
  acknowledgement: 'I have read your message.',
  'tool-result': 'The tool has answered.',
  'still-there': 'Are you still there?',
  speech:
    'The quick brown fox jumps over the lazy dog. Peter bought seven fresh apples at the market this morning, and then he walked slowly home along the river.',
} as const;
export type Recording = keyof typeof RECORDED;

const files = new Map<string, Int16Array>();

/** A recorded sentence. Read from disk once for the whole process. */
export function recording(name: Recording): Utterance {
  return { audio: wavFile(new URL(`../assets/${name}.wav`, import.meta.url)), transcript: RECORDED[name] };
}

/** The first channel of a WAV file at 24 kHz. Throws CONFIG_INVALID when it cannot be read or has a rate that cannot be converted. */
export function wavFile(path: string | URL): Int16Array {
  const key = String(path);
  const known = files.get(key);
  if (known !== undefined) return known;
  try {
    const { sampleRate, channels } = decodeWav(readFileSync(path));
    const audio = toSpeechRate(channels[0] ?? new Int16Array(0), sampleRate);
    files.set(key, audio);
    return audio;
  } catch (cause) {
    throw new BridgeError('CONFIG_INVALID', `the sound ${key} could not be read: ${errorMessage(cause)}`, { cause });
  }
}

function toSpeechRate(samples: Int16Array, rate: number): Int16Array {
  return rate === SPEECH_RATE ? samples : new Resampler(rate, SPEECH_RATE).process(samples).slice();
}

/** A tone with soft edges: a hard start would be a click, which is every frequency at once. */
export function toneSpeech(hz: number, ms: number, dbfs = -18): Int16Array {
  const tone = makeTone(hz, SPEECH_RATE, ms, dbfs);
  const ramp = Math.min(120, tone.length >> 1);
  for (let i = 0; i < ramp; i++) {
    const gain = i / ramp;
    tone[i] = tone[i]! * gain;
    tone[tone.length - 1 - i] = tone[tone.length - 1 - i]! * gain;
  }
  return tone;
}

/** Recorded speech of exactly `ms` milliseconds, repeated as often as needed. */
export function speechOf(ms: number): Int16Array {
  const source = recording('speech').audio;
  const out = new Int16Array(Math.round((ms * SPEECH_RATE) / 1000));
  for (let at = 0; at < out.length; at += source.length) out.set(source.subarray(0, out.length - at), at);
  return out;
}

const BLOCK = SPEECH_RATE / 100;
const EDGE_MS = 100;

/** The samples without the silence at both ends, with 100 ms left as a breath; at most `maxMs` of it. A view, not a copy. */
export function trimSilence(samples: Int16Array, maxMs: number, silenceDbfs = -50): Int16Array {
  const blocks = Math.ceil(samples.length / BLOCK);
  const loud = (block: number) => rmsDbfs(samples.subarray(block * BLOCK, (block + 1) * BLOCK)) > silenceDbfs;
  let first = 0;
  while (first < blocks && !loud(first)) first++;
  if (first === blocks) return samples.subarray(0, 0);
  let last = blocks - 1;
  while (last > first && !loud(last)) last--;
  const edge = (EDGE_MS / 1000) * SPEECH_RATE;
  const from = Math.max(0, first * BLOCK - edge);
  const to = Math.min(samples.length, (last + 1) * BLOCK + edge, from + (maxMs * SPEECH_RATE) / 1000);
  return samples.subarray(from, to);
}

/** Length in seconds, as a person would say it: "1.8 seconds". */
export function secondsText(samples: number): string {
  return `${(samples / SPEECH_RATE).toFixed(1)} seconds`;
}
