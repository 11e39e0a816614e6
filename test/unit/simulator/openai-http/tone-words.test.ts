import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ulawDecode, ulawEncode } from '../../../../src/media/g711.ts';
import { Resampler } from '../../../../src/media/resample.ts';
import { heardToneWords, sayable, toneWords } from '../../../../src/simulator/openai-http/tone-words.ts';
import { recording } from '../../../../src/simulator/realtime/speech.ts';

const textOf = async (audio: Int16Array) => (await heardToneWords(audio)).map(({ text }) => text).join(' ');

function joined(...parts: Int16Array[]): Int16Array {
  const all = new Int16Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

describe('words in tones', () => {
  it('are heard as they were said, whatever they are', async () => {
    const character = fc.constantFrom(..."abcxyz0189 '.,:-@+$%/?!&lle");
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: character, minLength: 1, maxLength: 40 }), async (given) => {
        const text = sayable(given).replace(/ +/g, ' ');
        expect(await textOf(toneWords(text))).toBe(text);
      }),
      { numRuns: 60 },
    );
  });

  it.each([0.5, 1, 2])('are heard at %d times the speed', async (speed) => {
    expect(await textOf(toneWords('hello, room 4422', speed))).toBe('hello, room 4422');
  });

  it('come through a telephone', async () => {
    const narrow = new Resampler(24_000, 8_000).process(toneWords('my number is 555-0143.')).slice();
    const wire = new Uint8Array(narrow.length);
    ulawEncode(narrow, wire);
    const back = new Int16Array(narrow.length);
    ulawDecode(wire, back);
    expect(await textOf(new Resampler(8_000, 24_000).process(back).slice())).toBe('my number is 555-0143.');
  });

  it('say no character twice where a moment is missing in the middle of it', async () => {
    const audio = toneWords('two');
    // In the middle of the o; silence stands in for a late frame, and what was late follows.
    const at = (24_000 * (60 * 3 + 30)) / 1000;
    const late = joined(audio.slice(0, at), audio.slice(at - 480, at), new Int16Array(480), audio.slice(at - 480));
    expect(await textOf(late)).toBe('two');
    expect(await textOf(toneWords('too'))).toBe('too');
  });

  it('are heard in noise 10 dB below them', async () => {
    const audio = toneWords('tuesday at nine');
    let seed = 1;
    for (let i = 0; i < audio.length; i++) {
      seed = (seed * 48_271) % 2_147_483_647;
      audio[i] = audio[i]! + ((seed / 2_147_483_647) * 2 - 1) * 1_600;
    }
    expect(await textOf(audio)).toBe('tuesday at nine');
  });

  it('are told with when they were said', async () => {
    const [first, second] = await heardToneWords(joined(new Int16Array(24_000), toneWords('ab cd')));
    expect(first).toMatchObject({ text: 'ab' });
    expect(first!.fromMs).toBeGreaterThan(1_020);
    expect(first!.fromMs).toBeLessThan(1_080);
    expect(second!.fromMs - first!.fromMs).toBeCloseTo(180, -2);
  });

  it('lack what a gap took', async () => {
    const audio = toneWords('one two three');
    audio.fill(0, audio.length / 2, audio.length);
    expect(await textOf(audio)).toMatch(/^one tw?/);
    expect(await textOf(audio)).not.toContain('three');
  });

  it('are not found in recorded speech, silence and noise', async () => {
    expect(await textOf(recording('speech').audio)).toBe('');
    expect(await textOf(recording('greeting').audio)).toBe('');
    expect(await textOf(new Int16Array(24_000))).toBe('');
    let seed = 7;
    const noise = Int16Array.from({ length: 48_000 }, () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return ((seed / 2_147_483_647) * 2 - 1) * 8_000;
    });
    expect(await textOf(noise)).toBe('');
  });

  it('are the letters that can be said', () => {
    expect(sayable('  Olé —  “ciao”, it’s 9:30!\n')).toBe("ole - ciao , it's 9:30!");
    expect(sayable('日本')).toBe('');
  });
});
