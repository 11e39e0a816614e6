import { describe, expect, it } from 'vitest';
import { Concealment } from '../../../bench/engine/concealment.ts';
import { rmsDbfs } from '../../../src/media/level.ts';
import { ToneGenerator, toneLevel } from '../../../src/media/tone.ts';

const RATE = 48_000;
const ms = (n: number) => (RATE * n) / 1_000;

/** A tone with a hole of so many milliseconds at 100 ms, filled. */
function withHole(hz: number, holeMs: number, rate = RATE): Int16Array {
  const per = rate / 1_000;
  const sound = new ToneGenerator(hz, rate, -12).fill(new Int16Array(300 * per));
  const concealment = new Concealment(rate);
  for (let at = 0; at < sound.length; at += 20 * per) {
    const part = sound.subarray(at, at + 20 * per);
    if (at >= 100 * per && at < (100 + holeMs) * per) concealment.conceal(part);
    else concealment.good(part);
  }
  return sound;
}

/** The greatest step from one sample to the next. */
const step = (samples: Int16Array) =>
  samples.reduce((most, sample, i) => Math.max(most, i === 0 ? 0 : Math.abs(sample - samples[i - 1]!)), 0);

describe('concealment', () => {
  it.each([120, 200, 333, 440])(
    'goes on with a tone of %d Hz over a lost packet, as loud and without a click',
    (hz) => {
      const whole = withHole(hz, 0);
      const sound = withHole(hz, 20);
      expect(toneLevel(sound.subarray(ms(80), ms(140)), RATE, hz)).toBeGreaterThan(-14.5);
      expect(step(sound)).toBeLessThan(3 * step(whole));
    },
  );

  it('does the same at 8,000 Hz', () => {
    const sound = withHole(200, 20, 8_000);
    expect(toneLevel(sound.subarray(640, 1_120), 8_000, 200)).toBeGreaterThan(-14.5);
  });

  it('is softer with time and silent after 60 ms, and what follows begins without a click', () => {
    const sound = withHole(200, 100);
    const loud = rmsDbfs(sound.subarray(ms(100), ms(110)));
    const softer = rmsDbfs(sound.subarray(ms(130), ms(140)));
    expect(softer).toBeLessThan(loud - 3);
    expect(sound.subarray(ms(161), ms(200)).every((sample) => sample === 0)).toBe(true);
    expect(step(sound)).toBeLessThan(3 * step(withHole(200, 0)));
    expect(rmsDbfs(sound.subarray(ms(220), ms(240)))).toBeCloseTo(-12, 0);
  });

  it('makes silence of silence, and before anything was heard', () => {
    const into = new Int16Array(480).fill(5);
    new Concealment(RATE).conceal(into);
    expect(into.every((sample) => sample === 0)).toBe(true);
  });

  it('joins what follows to audio that was left out', () => {
    const concealment = new Concealment(RATE);
    const sound = new ToneGenerator(200, RATE, -12).fill(new Int16Array(ms(80)));
    const whole = step(sound);
    concealment.good(sound.subarray(0, ms(20)));
    concealment.leaveOut(sound.subarray(ms(22), ms(42)));
    const after = sound.slice(ms(43), ms(63));
    concealment.good(after);
    const heard = new Int16Array([...sound.subarray(0, ms(20)), ...after]);
    // 2 ms of a tone whose period is 5 ms were lost before this piece: all else would be a click.
    expect(step(heard.subarray(ms(20)))).toBeLessThan(3 * whole);
    expect(concealment.isConcealing).toBe(false);
  });
});
