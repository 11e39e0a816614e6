import { describe, expect, it } from 'vitest';
import {
  amplitudeToDbfs,
  dbfsToAmplitude,
  isSilent,
  LevelMeter,
  peakDbfs,
  rmsDbfs,
  SILENCE_DBFS,
} from '../../../src/media/level.ts';
import { makeTone } from '../../../src/media/tone.ts';

describe('levels', () => {
  it.each([0, -6, -20, -40, -60])('a sine of %i dBFS reads that as RMS and as peak', (dbfs) => {
    const tone = makeTone(997, 48_000, 1000, dbfs);
    expect(rmsDbfs(tone)).toBeCloseTo(dbfs, 1);
    expect(Math.abs(peakDbfs(tone) - dbfs)).toBeLessThan(0.2);
  });

  it('a full-scale square wave reads +3.01 dB RMS and 0 dB peak', () => {
    const square = Int16Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? -32_768 : 32_767));
    expect(rmsDbfs(square)).toBeCloseTo(3.01, 2);
    expect(peakDbfs(square)).toBe(0);
  });

  it('silence and nothing read the floor', () => {
    for (const none of [new Int16Array(0), new Int16Array(160)]) {
      expect(rmsDbfs(none)).toBe(SILENCE_DBFS);
      expect(peakDbfs(none)).toBe(SILENCE_DBFS);
      expect(isSilent(none)).toBe(true);
    }
    expect(amplitudeToDbfs(1e-30)).toBe(SILENCE_DBFS);
  });

  it('the quietest sample reads -90.3 dB peak', () => {
    expect(peakDbfs(Int16Array.of(0, 1, 0))).toBeCloseTo(-90.31, 2);
  });

  it('amplitude and dB are each other backwards', () => {
    expect(amplitudeToDbfs(dbfsToAmplitude(-33.3))).toBeCloseTo(-33.3, 9);
    expect(dbfsToAmplitude(-20)).toBeCloseTo(0.1, 12);
  });

  it('tells silence by the threshold', () => {
    const quiet = makeTone(300, 8000, 100, -50);
    expect(isSilent(quiet)).toBe(false);
    expect(isSilent(quiet, -45)).toBe(true);
    expect(isSilent(new Int16Array(160).fill(8))).toBe(true);
  });
});

describe('LevelMeter', () => {
  it('reads the level of its window, however the stream is chunked', () => {
    const tone = makeTone(440, 8000, 200, -10);
    const whole = new LevelMeter(8000, 100);
    whole.push(tone);
    const pieces = new LevelMeter(8000, 100);
    for (let at = 0; at < tone.length; at += 37) pieces.push(tone.subarray(at, at + 37));
    expect(whole.rmsDbfs).toBeCloseTo(-10, 1);
    expect(pieces.rmsDbfs).toBe(whole.rmsDbfs);
    expect(pieces.peakDbfs).toBe(whole.peakDbfs);
  });

  it('forgets what has left the window', () => {
    const meter = new LevelMeter(8000, 100);
    meter.push(makeTone(440, 8000, 500, -3));
    meter.push(new Int16Array(720));
    expect(meter.isSilent()).toBe(false);
    expect(meter.peakDbfs).toBeGreaterThan(-3.2);
    meter.push(new Int16Array(80));
    expect(meter.rmsDbfs).toBe(SILENCE_DBFS);
    expect(meter.peakDbfs).toBe(SILENCE_DBFS);
    expect(meter.isSilent()).toBe(true);
  });

  it('counts a block that is not full yet', () => {
    const meter = new LevelMeter(8000, 100);
    meter.push(Int16Array.of(32_767, -32_768));
    expect(meter.rmsDbfs).toBeCloseTo(3.01, 2);
    expect(meter.peakDbfs).toBe(0);
  });

  it('reads the floor when new and after reset', () => {
    const meter = new LevelMeter(16_000, 20);
    expect(meter.rmsDbfs).toBe(SILENCE_DBFS);
    meter.push(new Int16Array(500).fill(1000));
    meter.reset();
    expect(meter.rmsDbfs).toBe(SILENCE_DBFS);
    expect(meter.peakDbfs).toBe(SILENCE_DBFS);
  });

  it.each([
    [0, 100],
    [8001, 100],
    [8000, 0],
    [8000, Number.NaN],
    [8000, Number.POSITIVE_INFINITY],
  ])('refuses %s Hz with a window of %s ms', (rate, windowMs) => {
    expect(() => new LevelMeter(rate, windowMs)).toThrow(RangeError);
  });
});
