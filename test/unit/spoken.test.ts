import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadApology, SHIPPED_APOLOGY } from '../../src/apology.ts';
import { dominantTone, makeTone } from '../../src/media/tone.ts';
import { encodeWav } from '../../src/media/wav.ts';
import { isLanguage, isVoice } from '../../src/spoken.ts';

const folder = mkdtempSync(join(tmpdir(), 'apology-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: Uint8Array | string) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

describe('the recorded apology', () => {
  it('is shipped', () => {
    const { samples, sampleRate } = loadApology(SHIPPED_APOLOGY);
    expect(sampleRate).toBe(24_000);
    expect(samples.length).toBeGreaterThan(24_000);
  });

  it.each([8_000, 11_025, 22_050, 44_100, 48_000, 96_000])('may be a file of %i Hz, of one channel or more', (rate) => {
    for (const channels of [1, 2, 5]) {
      const tone = makeTone(1_000, rate, 800, -12);
      const { samples, sampleRate } = loadApology(file('tone.wav', encodeWav(Array(channels).fill(tone), rate)));
      expect(sampleRate).toBe(24_000);
      expect(samples.length).toBeCloseTo(19_200, -1);
      expect(dominantTone(samples.subarray(2_000, 17_000), 24_000).hz).toBeCloseTo(1_000, -1);
    }
  });

  it.each<[string, () => Uint8Array | string, RegExp]>([
    ['no WAV', () => 'ID3 this is an mp3', /do not begin as a RIFF/],
    ['empty', () => encodeWav([new Int16Array()], 8_000), /nothing can be heard/],
    ['silent', () => encodeWav([new Int16Array(8_000)], 8_000), /nothing can be heard/],
    ['too long', () => encodeWav([new Int16Array(8_000 * 61).fill(9_000)], 8_000), /longer than 60 s/],
    ['of a rate that nothing has', () => encodeWav([new Int16Array(100).fill(9_000)], 100), /has a rate of 100 Hz/],
  ])('is refused when it is %s, with its name and the reason', (name, make, reason) => {
    const path = file(`${name}.wav`, make());
    expect(() => loadApology(path)).toThrow(reason);
    expect(() => loadApology(path)).toThrow(path);
  });

  it('is refused where there is no file', () => {
    expect(() => loadApology(join(folder, 'none.wav'))).toThrow(/none\.wav.*no such file/s);
  });
});

it('knows languages and voices', () => {
  expect(['de', 'de-DE', 'zh-Hant-TW', 'es-419', 'en-gb'].map(isLanguage)).toEqual(Array(5).fill(true));
  expect(['', 'german', 'de_DE', 'de-', 'd', '"de"', 'de DE'].map(isLanguage)).toEqual([
    false,
    true,
    ...Array(5).fill(false),
  ]);
  expect(['woman', 'Polly.Vicki-Neural', 'Google.de-DE-Chirp3-HD-Aoede'].map(isVoice)).toEqual(Array(3).fill(true));
  expect(['', 'a', '"x"', 'a b', '<x>', '&'].map(isVoice)).toEqual(Array(6).fill(false));
});
