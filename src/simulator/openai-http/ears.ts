import { convertRate, mixDown } from '../../media/convert.ts';
import { rmsDbfs } from '../../media/level.ts';
import { decodeWav, WavError } from '../../media/wav.ts';
import { ServiceError } from '../realtime/service-error.ts';
import { RECORDED, type Recording, recording, SPEECH_RATE } from '../realtime/speech.ts';
import { type HeardWord, heardToneWords } from './tone-words.ts';

/** What the simulated transcription hears: words said in tones, and the recorded sentences of the test line. All else is no word to it. */

const BLOCK = SPEECH_RATE / 50;
const BLOCK_MS = 20;
/** Softer than this is the same silence, dBFS. */
const FLOOR = -55;
/** Rates of files that are listened to, Hz. */
const LEAST_RATE = 8_000;
const MOST_RATE = 48_000;
/** How like its recording a sentence must be, by the course of its level: 1 is the same. */
const LEAST_LIKE = 0.92;

function levels(audio: Int16Array): Float32Array {
  const found = new Float32Array(Math.floor(audio.length / BLOCK));
  for (let i = 0; i < found.length; i++)
    found[i] = Math.max(FLOOR, rmsDbfs(audio.subarray(i * BLOCK, (i + 1) * BLOCK)));
  return found;
}

interface Known {
  readonly transcript: string;
  readonly levels: Float32Array;
}

let sentences: Known[] | undefined;

function knownSentences(): Known[] {
  sentences ??= (Object.keys(RECORDED) as Recording[]).map((name) => {
    const { audio, transcript } = recording(name);
    return { transcript, levels: levels(audio) };
  });
  return sentences;
}

/** Pearson's correlation of a recording's levels with those that begin at `at`. A gain moves all of them alike and changes nothing. */
function likeness(known: Float32Array, heard: Float32Array, at: number): number {
  const n = known.length;
  let sumA = 0;
  let sumB = 0;
  for (let i = 0; i < n; i++) {
    sumA += known[i]!;
    sumB += heard[at + i]!;
  }
  let both = 0;
  let a = 0;
  let b = 0;
  for (let i = 0; i < n; i++) {
    const x = known[i]! - sumA / n;
    const y = heard[at + i]! - sumB / n;
    both += x * y;
    a += x * x;
    b += y * y;
  }
  return a === 0 || b === 0 ? 0 : both / Math.sqrt(a * b);
}

async function heardSentences(audio: Int16Array): Promise<HeardWord[]> {
  const heard = levels(audio);
  const found: HeardWord[] = [];
  for (const { transcript, levels: known } of knownSentences()) {
    for (let at = 0; at + known.length <= heard.length; at++) {
      if (at % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
      if (likeness(known, heard, at) < LEAST_LIKE) continue;
      // The next few may fit better still.
      while (at + 1 + known.length <= heard.length && likeness(known, heard, at + 1) > likeness(known, heard, at)) at++;
      const words = transcript.split(' ');
      const each = (known.length * BLOCK_MS) / words.length;
      for (const [i, text] of words.entries())
        found.push({ text, fromMs: at * BLOCK_MS + i * each, toMs: at * BLOCK_MS + (i + 1) * each });
      at += known.length - 1;
    }
  }
  return found;
}

/** What is heard in a file, and how long it is. */
export interface Heard {
  readonly words: readonly HeardWord[];
  readonly durationMs: number;
}

/** Listens to a WAV file, all channels together. Throws a ServiceError 400 for a file that is none. */
export async function listen(file: Uint8Array): Promise<Heard> {
  const audio = audioOf(file);
  const words = [...(await heardToneWords(audio)), ...(await heardSentences(audio))];
  words.sort((a, b) => a.fromMs - b.fromMs);
  return { words, durationMs: (audio.length * 1000) / SPEECH_RATE };
}

function audioOf(file: Uint8Array): Int16Array {
  try {
    const { sampleRate, channels } = decodeWav(file);
    if (sampleRate >= LEAST_RATE && sampleRate <= MOST_RATE)
      return convertRate(mixDown(channels), sampleRate, SPEECH_RATE);
  } catch (error) {
    if (!(error instanceof WavError)) throw error;
  }
  throw new ServiceError('Audio file might be corrupted or unsupported.', { code: 'invalid_value', param: 'file' });
}
