import { describe, expect, it } from 'vitest';
import { Mixer } from '../../../src/media/mix.ts';
import { makeTone, toneLevel } from '../../../src/media/tone.ts';

const RATE = 24_000;
const FRAME = 480;
const constant = (value: number) => new Int16Array(FRAME).fill(value);
const frames = (samples: Int16Array) =>
  Array.from({ length: samples.length / FRAME }, (_, i) => samples.subarray(i * FRAME, (i + 1) * FRAME));

/** The voices' sum, frame by frame, as one run. */
function mixed(...voices: Int16Array[]): Int16Array {
  const mixer = new Mixer(FRAME, RATE);
  const all = voices.map(frames);
  return Int16Array.from(
    all[0]!.flatMap((_, at) => {
      for (const voice of all) mixer.add(voice[at]!);
      return [...mixer.finish()];
    }),
  );
}

describe('the mix', () => {
  it('is one voice, sample for sample, where there is one', () => {
    const voice = makeTone(700, RATE, 200, -10);
    expect(mixed(voice)).toEqual(voice);
  });

  it('is the exact sum of voices that do not reach the limit', () => {
    const mixer = new Mixer(FRAME, RATE);
    mixer.add(constant(1_000));
    mixer.add(constant(-300));
    mixer.add(constant(7));
    expect(mixer.finish()).toEqual(constant(707));
  });

  it('is silence where nobody is, and nothing of the frame before', () => {
    const mixer = new Mixer(FRAME, RATE);
    mixer.add(constant(5_000));
    mixer.finish();
    expect(mixer.finish()).toEqual(constant(0));
  });

  it('never wraps around: eight people at full scale at once stay within it', () => {
    const mixer = new Mixer(FRAME, RATE);
    for (let i = 0; i < 8; i++) mixer.add(constant(32_767));
    const out = mixer.finish();
    expect(Math.min(...out)).toBeGreaterThan(0);
    expect(Math.max(...out)).toBeLessThanOrEqual(32_767);
  });

  it('holds loud voices by its gain and not by bending them: both tones are there, and their distortion is below -50 dB', () => {
    const out = mixed(makeTone(500, RATE, 400, -1), makeTone(1_100, RATE, 400, -1)).subarray(RATE / 5);
    const [a, b] = [toneLevel(out, RATE, 500), toneLevel(out, RATE, 1_100)];
    expect(Math.abs(a - b)).toBeLessThan(0.2);
    expect(a).toBeGreaterThan(-9);
    // Where bending would put its products: 2a-b, 2b-a, 3a.
    for (const hz of [100, 1_700, 1_500]) expect(toneLevel(out, RATE, hz)).toBeLessThan(a - 50);
  });

  it('comes back to the exact sum within a second of the last loud frame', () => {
    const mixer = new Mixer(FRAME, RATE);
    mixer.add(constant(30_000));
    mixer.add(constant(30_000));
    mixer.finish();
    const after = Array.from({ length: 100 }, () => {
      mixer.add(constant(1_000));
      return mixer.finish()[FRAME - 1]!;
    });
    expect(after[0]).toBeLessThan(700);
    expect(after.indexOf(1_000)).toBeGreaterThan(0);
    expect(after.every((sample, i) => i === 0 || sample >= after[i - 1]!)).toBe(true);
  });

  it('lets a voice rise from nothing where it is asked to', () => {
    const mixer = new Mixer(FRAME, RATE);
    mixer.add(constant(1_200), 1, true);
    const out = mixer.finish();
    expect([out[0], out[60], out[120], out[479]]).toEqual([0, 600, 1_200, 1_200]);
  });
});
