import { sumOfSquares } from '../../media/level.ts';
import { ToneGenerator } from '../../media/tone.ts';
import { SPEECH_RATE } from '../realtime/speech.ts';

/**
 * Words as tones: the voice of the simulated `/audio/speech`, and what the simulated `/audio/transcriptions` hears. Each character is one tone
 * within the band of a telephone, so what is written down is what was really heard: words that a codec, a gap or an interruption took are
 * not in it. Of capitals and accents nothing remains.
 */

const CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789 '.,:-@+$%/?!&";
/** Begins and ends each utterance, so that an edge that is cut off takes no character with it. */
const EDGE = CHARACTERS.length;
/** The character before once more: every boundary between two characters is then a change of the tone. */
const AGAIN = EDGE + 1;
const SYMBOLS = AGAIN + 1;

const LOWEST_HZ = 500;
const STEP_HZ = 50;
/** Length of a character, ms: some 165 words a minute, as people speak. */
const SYMBOL_MS = 60;
const DBFS = -18;
const RAMP = 120;

const hzOf = (symbol: number) => LOWEST_HZ + symbol * STEP_HZ;

/** As it can be said: small letters without accents, digits, some signs, single spaces. Empty where nothing of it can. */
export function sayable(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u2010-\u2015]/g, '-')
    .replace(/[^a-z0-9'.,:\-@+$%/?!&]+/g, ' ')
    .trim();
}

/** Says a text that `sayable` gave, at 24 kHz. `speed`: 0.5 to 2, how fast. The same text is the same to the sample. */
export function toneWords(text: string, speed = 1): Int16Array {
  const symbols = [EDGE];
  for (const character of text) {
    const symbol = CHARACTERS.indexOf(character);
    symbols.push(symbol === symbols.at(-1) ? AGAIN : symbol);
  }
  symbols.push(EDGE);
  const length = Math.round((SPEECH_RATE * SYMBOL_MS) / 1000 / speed);
  const audio = new Int16Array(symbols.length * length);
  const tone = new ToneGenerator(hzOf(EDGE), SPEECH_RATE, DBFS);
  for (const [i, symbol] of symbols.entries()) {
    tone.hz = hzOf(symbol);
    tone.fill(audio.subarray(i * length, (i + 1) * length));
  }
  for (let i = 0; i < RAMP; i++) {
    audio[i] = (audio[i]! * i) / RAMP;
    audio[audio.length - 1 - i] = (audio[audio.length - 1 - i]! * i) / RAMP;
  }
  return audio;
}

/** A word, and when it was said, ms from the beginning of the audio. */
export interface HeardWord {
  readonly text: string;
  readonly fromMs: number;
  readonly toMs: number;
}

const WINDOW = (SPEECH_RATE * 30) / 1000;
const HOP = SPEECH_RATE / 100;
const HOP_MS = 10;
/** A tone that holds for fewer windows is what lies between two. */
const LEAST_HOPS = 3;
/** So much of what is heard must be the one tone: noise may be 3 dB below it. */
const LEAST_SHARE = 0.6;
/** Softer is silence: -55 dBFS. */
const SILENT = 58 ** 2;
/** Silence that ends an utterance, in windows. */
const PAUSE_HOPS = 20;
/** So much of an utterance must be tones: recorded speech has some, too. */
const LEAST_TONAL = 0.7;
/** How much is listened to at once, windows: the process has other things to do. */
const AT_ONCE = 200;

/** Correlates a window with each tone: cosine and sine, both under a Hann window. */
const TABLES = Array.from({ length: SYMBOLS }, (_, symbol) => {
  const step = (2 * Math.PI * hzOf(symbol)) / SPEECH_RATE;
  const table = { cos: new Float32Array(WINDOW), sin: new Float32Array(WINDOW) };
  for (let i = 0; i < WINDOW; i++) {
    const w = hann(i);
    table.cos[i] = w * Math.cos(step * i);
    table.sin[i] = w * Math.sin(step * i);
  }
  return table;
});

function hann(i: number): number {
  return 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / WINDOW);
}

/** The sum of a Hann window over `WINDOW` samples. */
const GAIN = WINDOW / 2;

const SILENCE = -1;
const NO_TONE = -2;

/** Which symbol's tone a window holds; SILENCE, or NO_TONE for what is none. */
function symbolAt(window: Int16Array): number {
  const power = sumOfSquares(window) / window.length;
  if (power < SILENT) return SILENCE;
  let best = NO_TONE;
  let most = LEAST_SHARE * power;
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    const { cos, sin } = TABLES[symbol]!;
    let re = 0;
    let im = 0;
    for (let i = 0; i < WINDOW; i++) {
      re += cos[i]! * window[i]!;
      im += sin[i]! * window[i]!;
    }
    // The power of a sine of amplitude A is A²/2, and its bin is A times half the window's sum.
    const found = (2 * (re * re + im * im)) / (GAIN * GAIN);
    if (found <= most) continue;
    most = found;
    best = symbol;
  }
  return best;
}

/** The words that are said in tones in this audio (24 kHz, mono), in their order. Gives others their turn while it listens. */
export async function heardToneWords(audio: Int16Array): Promise<HeardWord[]> {
  const hops: number[] = [];
  for (let at = 0; at + WINDOW <= audio.length; at += HOP) {
    hops.push(symbolAt(audio.subarray(at, at + WINDOW)));
    if (hops.length % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const words: HeardWord[] = [];
  for (const { from, to } of utterances(hops)) words.push(...wordsIn(hops, from, to));
  return words;
}

/** Whether an utterance begins as words in tones do. Cheap: of the whole turn it listens to the first moment alone. */
export function beginsAsToneWords(audio: Int16Array): boolean {
  let at = 0;
  while (at + WINDOW <= audio.length && symbolAt(audio.subarray(at, at + WINDOW)) === SILENCE) at += HOP;
  for (let hop = 0; hop < SYMBOL_MS / HOP_MS && at + WINDOW <= audio.length; hop++, at += HOP)
    if (symbolAt(audio.subarray(at, at + WINDOW)) === EDGE) return true;
  return false;
}

/** Where something is heard, pauses apart. */
function utterances(hops: readonly number[]): Array<{ from: number; to: number }> {
  const found: Array<{ from: number; to: number }> = [];
  for (const [at, symbol] of hops.entries()) {
    if (symbol === SILENCE) continue;
    const last = found.at(-1);
    if (last !== undefined && at - last.to < PAUSE_HOPS) last.to = at + 1;
    else found.push({ from: at, to: at + 1 });
  }
  return found;
}

function wordsIn(hops: readonly number[], from: number, to: number): HeardWord[] {
  let loud = 0;
  let tonal = 0;
  for (let at = from; at < to; at++) {
    if (hops[at] !== SILENCE) loud++;
    if (hops[at]! >= 0) tonal++;
  }
  if (tonal < LEAST_TONAL * loud) return [];
  const words: HeardWord[] = [];
  let text = '';
  let began = from;
  let before = '';
  let last = NO_TONE;
  const end = (at: number) => {
    if (text !== '') words.push({ text, fromMs: began * HOP_MS, toMs: at * HOP_MS });
    text = '';
  };
  for (let at = from; at < to; ) {
    const symbol = hops[at]!;
    let next = at + 1;
    while (next < to && hops[next] === symbol) next++;
    // None follows itself: what is heard a second time is the same one with a hole in it.
    if (symbol >= 0 && symbol !== last && next - at >= LEAST_HOPS) {
      last = symbol;
      const character = symbol === AGAIN ? before : (CHARACTERS[symbol] ?? '');
      if (symbol === EDGE || character === ' ') end(at);
      else {
        if (text === '') began = at;
        text += character;
      }
      before = character;
    }
    at = next;
  }
  end(to);
  return words;
}
