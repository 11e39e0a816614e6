import { describe, expect, it } from 'vitest';
import {
  amplitudeToDbfs,
  dbfsToAmplitude,
  isSilent,
  LevelMeter,
  peakDbfs,
  rmsDbfs,
  SILENCE_DBFS,
  staysWithin,
  sumOfSquares,
} from '../../../src/media/level.ts';
import { makeTone } from '../../../src/media/tone.ts';
import { sine } from '../../fakes/sine.ts';

describe('levels', () => {
  it.each([0, -6, -20, -40, -60])('a sine of %i dBFS reads that as RMS and as peak', (dbfs) => {
    const tone = makeTone(997, 48_000, 1000, dbfs);
    expect(rmsDbfs(tone)).toBeCloseTo(dbfs, 1);
    expect(Math.abs(peakDbfs(tone) - dbfs)).toBeLessThan(0.2);
  });

  it.each([8_000, 16_000, 24_000, 48_000])('reads a tone of any pitch and phase right, in 20 ms at %i Hz', (rate) => {
    // Among them each rate's quarter, third, eighth and twelfth, at which every so many samples of a tone are alike.
    const pitches = [rate / 12, rate / 8, rate / 6, rate / 4, rate / 3, (3 * rate) / 8, 440, 1_000, 2_000, 3_333];
    for (const hz of pitches) {
      for (let phase = 0; phase < 2 * Math.PI; phase += Math.PI / 8) {
        const tone = sine(hz, rate, 20, phase, 10_000);
        expect(Math.abs(rmsDbfs(tone) + 10.3), `${hz} Hz, phase ${phase}`).toBeLessThan(0.6);
      }
    }
  });

  it('the sum of squares is that of every sample, whatever the part', () => {
    const samples = Int16Array.from({ length: 37 }, (_, i) => (i * 7_919) % 32_768);
    for (let from = 0; from < 37; from++) {
      for (let to = from; to <= 37; to++) {
        let sum = 0;
        for (const sample of samples.subarray(from, to)) sum += sample * sample;
        expect(sumOfSquares(samples, from, to)).toBe(sum);
      }
    }
  });

  it('a peak counts wherever it is', () => {
    for (let i = 0; i < 9; i++) {
      const samples = new Int16Array(9);
      samples[i] = i % 2 === 0 ? 100 : -100;
      expect(staysWithin(samples, 99)).toBe(false);
      expect(staysWithin(samples, 100)).toBe(true);
    }
    expect(staysWithin(Int16Array.of(-32_768), 32_767)).toBe(false);
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
