import { sayable, toneWords } from '../openai-http/tone-words.ts';
import { SPEECH_RATE, toneSpeech } from '../realtime/speech.ts';
import type { SampleSpan } from './truth.ts';

/** What is said, and what of it is silent or lost. */
export interface Speech {
  readonly samples: Int16Array;
  readonly text: string;
  readonly pauses: readonly SampleSpan[];
  readonly dropouts: readonly SampleSpan[];
}

export interface SpeechOptions {
  readonly say?: string | undefined;
  readonly tone?: number | undefined;
  readonly toneMs?: number | undefined;
  readonly pauses: ReadonlyArray<{ readonly atMs: number; readonly ms: number }>;
  readonly dropouts: ReadonlyArray<{ readonly atMs: number; readonly ms: number }>;
}

const TONE_HZ = 1_020;
const TONE_MS = 1_000;
/** Speech fades into a pause and out of it, samples; what is lost does not. */
const FADE = 120;

/** Makes speech; pauses are put in between, dropouts take away. */
export function speechOf({ say, tone, toneMs, pauses, dropouts }: SpeechOptions): Speech {
  const text = say === undefined ? '' : sayable(say);
  const plain = text === '' ? toneSpeech(tone ?? TONE_HZ, toneMs ?? TONE_MS) : toneWords(text);
  const gaps = [...pauses]
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ atMs, ms }) => ({ at: samplesOf(atMs), length: samplesOf(ms) }));
  const samples = new Int16Array(plain.length + gaps.reduce((sum, { length }) => sum + length, 0));
  const spans: SampleSpan[] = [];
  let read = 0;
  let at = 0;
  for (const gap of gaps) {
    const part = plain.slice(read, Math.max(read, Math.min(plain.length, read + gap.at - at)));
    fade(part, read > 0, true);
    samples.set(part, at);
    read += part.length;
    at += part.length;
    spans.push({ from: at, to: at + gap.length });
    at += gap.length;
  }
  const rest = plain.slice(read);
  fade(rest, read > 0, false);
  samples.set(rest, at);
  const lost = dropouts.map(({ atMs, ms }) => ({ from: samplesOf(atMs), to: samplesOf(atMs + ms) }));
  for (const { from, to } of lost) samples.fill(0, from, to);
  return { samples, text, pauses: spans, dropouts: lost };
}

function fade(samples: Int16Array, start: boolean, end: boolean): void {
  const length = Math.min(FADE, samples.length >> 1);
  for (let i = 0; i < length; i++) {
    if (start) samples[i] = (samples[i]! * i) / length;
    if (end) samples[samples.length - 1 - i] = (samples[samples.length - 1 - i]! * i) / length;
  }
}

const samplesOf = (ms: number) => Math.round((ms * SPEECH_RATE) / 1000);
