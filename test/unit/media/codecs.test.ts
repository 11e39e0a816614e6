import { describe, expect, it } from 'vitest';
import { l16, pcma, pcmu } from '../../../src/media/codecs.ts';
import { peakDbfs } from '../../../src/media/level.ts';
import { isToneAlone, makeTone } from '../../../src/media/tone.ts';

const codecs = [pcmu, pcma, l16(8000, 'be'), l16(16_000, 'le'), l16(24_000, 'le'), l16(48_000, 'be')];

describe.each(codecs.map((codec) => ({ codec, name: codec.name })))('codec $name', ({ codec }) => {
  it('brings a tone through and adds no other', () => {
    // 1020 Hz is ITU-T O.6's test tone: at 1000 Hz the same eight samples recur, and G.711's distortion gathers in one harmonic.
    const tone = makeTone(1020, codec.sampleRate, 200, -6);
    const bytes = new Uint8Array(tone.length * codec.bytesPerSample);
    expect(codec.encode(tone, bytes)).toBe(bytes.length);
    const back = new Int16Array(tone.length);
    expect(codec.decode(bytes, back)).toBe(tone.length);
    expect(isToneAlone(back, codec.sampleRate, 1020, { minDb: -6.1, maxOtherDb: -48 })).toBe(true);
  });

  it('has a silence that decodes to silence', () => {
    const back = new Int16Array(160).fill(99);
    codec.decode(new Uint8Array(160 * codec.bytesPerSample).fill(codec.silence), back);
    expect(peakDbfs(back)).toBeLessThan(-70);
    const bytes = new Uint8Array(160 * codec.bytesPerSample).fill(99);
    codec.encode(new Int16Array(160), bytes);
    expect(bytes.every((byte) => byte === codec.silence)).toBe(true);
  });

  it('leaves out what does not fit', () => {
    expect(codec.encode(new Int16Array(10), new Uint8Array(4))).toBe(4);
    expect(codec.decode(new Uint8Array(20), new Int16Array(4))).toBe(4);
  });
});

describe('codecs', () => {
  it('are named as a log shows them', () => {
    expect(codecs.map((codec) => codec.name)).toEqual([
      'pcmu',
      'pcma',
      'l16/8000/be',
      'l16/16000/le',
      'l16/24000/le',
      'l16/48000/be',
    ]);
  });

  it.each([0, -1, 8000.5, Number.NaN])('refuse a sample rate of %s', (rate) => {
    expect(() => l16(rate, 'le')).toThrow(RangeError);
  });
});
