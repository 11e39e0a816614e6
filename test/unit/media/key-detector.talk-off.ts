/**
 * Talk-off: how many keys are found in speech, where there are none. Speech is made with espeak-ng from the project's own documents, in many voices, speeds,
 * pitches and languages.
 * Run: node test/unit/media/key-detector.talk-off.ts [minutes, 60 where left out]
 */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { KeyDetector } from '../../../src/media/key-detector.ts';
import { Resampler } from '../../../src/media/resample.ts';
import { decodeWav } from '../../../src/media/wav.ts';

const RATE = 48_000;
const FRAME = 480;
const root = new URL('../../../', import.meta.url);

/** Whether there is an espeak-ng. */
export function canSpeak(): boolean {
  return spawnSync('espeak-ng', ['--version']).status === 0;
}

/** Voices: men and women, and languages whose vowels lie elsewhere. The text is read as each of them reads it. */
const VOICES = [
  'en-us',
  'en-gb+f3',
  'de+m3',
  'fr+f2',
  'pt+f5',
  'it+m7',
  'en-us+f4',
  'es+m1',
  'nl+f1',
  'pl+m4',
  'hi+f3',
];
const PITCHES = [20, 35, 50, 65, 80, 99] as const;
const WORDS_A_MINUTE = [120, 160, 200, 260] as const;
/** dBFS of the loudest sample. */
const PEAKS = [-1, -6, -14] as const;

/** Speech of `minutes` minutes, 48 kHz, in pieces. No two pieces are alike. */
export function* speech(minutes: number): Generator<Int16Array> {
  const paragraphs = texts();
  let left = minutes * 60 * RATE;
  for (let n = 0; left > 0; n++) {
    const piece = spoken(paragraphs[n % paragraphs.length]!, n);
    if (piece.length === 0) continue;
    yield piece.subarray(0, Math.ceil(left));
    left -= piece.length;
  }
}

/** Keys found in a line on which these pieces are heard one after the other. */
export function keysIn(pieces: Iterable<Int16Array>): { readonly keys: string; readonly seconds: number } {
  const detector = new KeyDetector();
  let keys = '';
  let samples = 0;
  for (const piece of pieces) {
    samples += piece.length;
    for (let at = 0; at + FRAME <= piece.length; at += FRAME)
      keys += detector.push(piece.subarray(at, at + FRAME)) ?? '';
  }
  return { keys, seconds: samples / RATE };
}

/** A recording as it is heard on a line of 48 kHz, at another level. */
export function at48k(wav: Uint8Array, peakDbfs: number): Int16Array {
  const { sampleRate, channels } = decodeWav(wav);
  const [mono = new Int16Array(0)] = channels;
  let peak = 1;
  for (const sample of mono) peak = Math.max(peak, Math.abs(sample));
  const gain = (32_767 * 10 ** (peakDbfs / 20)) / peak;
  const levelled = mono.map((sample) => Math.round(sample * gain));
  // espeak-ng speaks at 22,050 Hz: taken for 24,000 Hz it is a higher voice that speaks a little faster, and none the worse.
  const rate = sampleRate === 22_050 ? 24_000 : sampleRate;
  return rate === RATE ? levelled : new Resampler(rate, RATE).process(levelled).slice();
}

function spoken(text: string, n: number): Int16Array {
  const of = <T>(list: readonly T[], step: number) => list[Math.floor(n / step) % list.length]!;
  const args = ['-v', of(VOICES, 1), '-p', `${of(PITCHES, 2)}`, '-s', `${of(WORDS_A_MINUTE, 3)}`, '--stdout'];
  const { status, stdout } = spawnSync('espeak-ng', args, { input: text, maxBuffer: 256 * 1024 * 1024 });
  if (status !== 0) throw new Error(`espeak-ng ${args.join(' ')} ended with ${status}`);
  // Written to a pipe, the header does not know its length.
  return at48k(new Uint8Array(stdout), of(PEAKS, 1));
}

/** Paragraphs of the project's documents. */
function texts(): readonly string[] {
  const files = [
    'README.md',
    ...['docs', 'docs/decisions', 'knowledge'].flatMap((folder) =>
      readdirSync(new URL(`${folder}/`, root))
        .filter((name) => name.endsWith('.md'))
        .map((name) => `${folder}/${name}`),
    ),
  ];
  return files
    .flatMap((file) => readFileSync(new URL(file, root), 'utf8').split(/\n\n+/))
    .map((paragraph) => paragraph.replace(/[`*|#_<>[\]()]/g, ' ').slice(0, 1_500))
    .filter((paragraph) => paragraph.length > 200);
}

if (process.argv[1] === import.meta.filename) {
  const minutes = Number(process.argv[2] ?? 60);
  const began = performance.now();
  const { keys, seconds } = keysIn(speech(minutes));
  const took = ((performance.now() - began) / 1000).toFixed(0);
  process.stdout.write(
    `${(seconds / 60).toFixed(1)} minutes of speech: ${keys.length} keys found ${keys} (${took} s)\n`,
  );
  process.exit(keys === '' ? 0 : 1);
}
