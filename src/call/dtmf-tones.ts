import { HIGH_HZ, KEYS, LOW_HZ } from '../media/keys.ts';
import { ToneGenerator } from '../media/tone.ts';

/**
 * Digits as sound, for a line that carries no digits beside its audio: the two tones of each key (ITU-T Q.23), in a time and at a level
 * that every receiver must take (Q.24: 40 ms and more, at most some decibels apart). They survive G.711; nothing guarantees that a carrier
 * which turns tones into events (RFC 4733) finds them.
 */

/** How long each key sounds, the silence behind it, and the pause that `w` is, ms. */
export const KEY_MS = { tone: 120, gap: 80, pause: 500 } as const;
/** Of each tone; the higher one is 2 dB louder, since lines weaken it more. Their sum stays below full scale. */
const LOW_DBFS = -10;
const HIGH_DBFS = -8;

/** The two frequencies of a key, Hz; undefined for what is no key. */
export function dtmfFrequencies(key: string): readonly [number, number] | undefined {
  const row = KEYS.findIndex((keys) => key.length === 1 && keys.includes(key));
  if (row < 0) return undefined;
  return [LOW_HZ[row]!, HIGH_HZ[KEYS[row]!.indexOf(key)]!];
}

/** Mono samples in which these keys (and `w`) are heard one after the other, each with its gap. Anything else is left out. */
export function dtmfSamples(digits: string, sampleRate: number): Int16Array {
  const samplesOf = (ms: number) => Math.round((sampleRate * ms) / 1000);
  const parts: Int16Array[] = [];
  for (const key of digits) {
    const pair = dtmfFrequencies(key);
    if (pair !== undefined)
      parts.push(keySamples(pair, sampleRate, samplesOf(KEY_MS.tone)), new Int16Array(samplesOf(KEY_MS.gap)));
    else if (key === 'w') parts.push(new Int16Array(samplesOf(KEY_MS.pause)));
  }
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function keySamples([low, high]: readonly [number, number], sampleRate: number, length: number): Int16Array {
  const a = new ToneGenerator(low, sampleRate, LOW_DBFS).fill(new Int16Array(length));
  const b = new ToneGenerator(high, sampleRate, HIGH_DBFS).fill(new Int16Array(length));
  return a.map((sample, index) => sample + b[index]!);
}
