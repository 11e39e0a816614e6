import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dominantTone } from '../../../../src/media/tone.ts';
import { decodeWav } from '../../../../src/media/wav.ts';
import {
  CODEC_NAMES,
  firstWords,
  pcmSource,
  scriptSource,
  silenceSource,
  streamCodec,
  toneSource,
  wavSource,
} from '../../../../src/simulator/phone/index.ts';
import { Mouth } from '../../../../src/simulator/phone/mouth.ts';
import { LoudnessWindows, Spurts } from '../../../../src/simulator/phone/speech.ts';

describe('sources', () => {
  for (const name of CODEC_NAMES) {
    it(`are made ready for ${name}: what the payload holds is the tone, without a seam`, () => {
      const codec = streamCodec(name);
      const mouth = new Mouth(toneSource(440), codec);
      const size = codec.sampleRate / 50;
      const all = new Int16Array(size * 75);
      const decoded = new Int16Array(size);
      for (let i = 0; i < 75; i++) {
        codec.decode(Buffer.from(mouth.next().payload, 'base64'), decoded);
        all.set(decoded, i * size);
      }
      // The end of the first second lies in the middle of what is looked at.
      const tone = dominantTone(all, codec.sampleRate);
      expect(tone.hz).toBeCloseTo(440, 0);
      expect(tone.dbfs).toBeCloseTo(-12, 0);
      expect(mouth.done).toBe(false);
    });
  }

  it('keep time when the rate changes', () => {
    const at16 = new Int16Array(16_000);
    at16.fill(12_000, 8000, 8800);
    for (const rate of [8000, 16_000, 24_000]) {
      const samples = pcmSource(at16, 16_000).samples(rate);
      expect(samples).toHaveLength(rate);
      const first = samples.findIndex((x) => x > 6000);
      const last = samples.findLastIndex((x) => x > 6000);
      expect((first / rate) * 1000).toBeCloseTo(500, 0);
      expect((last / rate) * 1000).toBeCloseTo(550, 0);
    }
  });

  it('say where the sound lies in a frame', () => {
    const source = scriptSource([{ pauseMs: 30 }, toneSource(1000, { ms: 40 }), { pauseMs: 10 }]);
    const { frames } = source.clip(streamCodec('PCMU@8000'));
    expect(frames.map(({ loudFromMs, loudToMs }) => [loudFromMs, loudToMs])).toEqual([
      [-1, -1],
      [10, 20],
      [0, 20],
      [0, 10],
    ]);
  });

  it('are made ready once', () => {
    const source = toneSource(300);
    expect(source.clip(streamCodec('L16@16000'))).toBe(source.clip(streamCodec('L16@16000')));
    expect(source.clip(streamCodec('L16@16000', 'be'))).not.toBe(source.clip(streamCodec('L16@16000')));
  });

  it('refuse rates and tones that cannot be', () => {
    expect(() => pcmSource(new Int16Array(1), 44_100)).toThrow(RangeError);
    expect(() => toneSource(440.5)).toThrow(RangeError);
  });

  it('give their first words', () => {
    const tone = toneSource(500, { ms: 300 });
    const words = firstWords(scriptSource([{ pauseMs: 200 }, tone, { pauseMs: 200 }, tone, { pauseMs: 800 }, tone]));
    expect(words.samples(8000).length / 8).toBeCloseTo(800, -1);
  });

  it('include a recording of a caller: sentences with pauses to answer in', () => {
    const bytes = readFileSync(new URL('../../../../src/simulator/assets/caller.wav', import.meta.url));
    const { sampleRate, channels } = decodeWav(bytes);
    expect(sampleRate).toBe(16_000);
    expect(channels).toHaveLength(1);
    const spurts = new Spurts(1000);
    new LoudnessWindows(sampleRate).push(channels[0]!, 0, channels[0]!.length, 0, (from, to) => spurts.add(from, to));
    expect(spurts.list).toHaveLength(3);
    expect(wavSource(bytes).endless).toBe(false);
  });
});

describe('spurts', () => {
  const spurts = (...stretches: Array<[number, number]>) => {
    const all = new Spurts();
    const sure = stretches.map(([from, to]) => all.add(from, to));
    return { list: all.list.map(({ fromMs, toMs }) => [fromMs, toMs]), sure };
  };

  it('bridge short pauses and end with long ones', () => {
    expect(spurts([0, 100], [299, 400], [600, 700]).list).toEqual([
      [0, 400],
      [600, 700],
    ]);
  });

  it('are no clicks', () => {
    expect(spurts([0, 5], [500, 515], [1000, 1100]).list).toEqual([[1000, 1100]]);
  });

  it('begin with their first sound, be it as short as a plosive', () => {
    expect(spurts([0, 5], [40, 45], [60, 200])).toEqual({ list: [[0, 200]], sure: [false, true, false] });
  });
});

describe('a mouth', () => {
  const codec = streamCodec('L16@16000');
  const said = (mouth: Mouth, frames: number) =>
    Array.from({ length: frames }, () => mouth.next().samples[0]).map((x) => x ?? 0);
  const constant = (value: number, ms: number) => pcmSource(new Int16Array(ms * 16).fill(value), 16_000);

  it('falls silent when all is said', () => {
    const mouth = new Mouth(constant(1, 40), codec);
    expect(said(mouth, 4)).toEqual([1, 1, 0, 0]);
    expect(mouth.done).toBe(true);
  });

  it('cuts in at once and then goes on with what it was saying', () => {
    const mouth = new Mouth(constant(1, 80), codec);
    expect(said(mouth, 2)).toEqual([1, 1]);
    mouth.cutIn(constant(2, 40));
    expect(said(mouth, 5)).toEqual([2, 2, 1, 1, 0]);
    expect(mouth.done).toBe(true);
  });

  it('can cut into silence, and be cut into again', () => {
    const mouth = new Mouth(silenceSource(), codec);
    mouth.cutIn(constant(2, 60));
    expect(said(mouth, 1)).toEqual([2]);
    mouth.cutIn(constant(3, 20));
    expect(said(mouth, 2)).toEqual([3, 0]);
    expect(mouth.done).toBe(false);
  });
});
