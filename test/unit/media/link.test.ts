import { describe, expect, it } from 'vitest';
import type { AudioSink, PcmFrame } from '../../../src/media/frame.ts';
import { nullSink } from '../../../src/media/frame.ts';
import { link, ResamplingSink } from '../../../src/media/link.ts';
import { Resampler } from '../../../src/media/resample.ts';
import { makeTone } from '../../../src/media/tone.ts';

class RecordingSink implements AudioSink {
  readonly samples: number[] = [];
  readonly rates = new Set<number>();
  readonly frames = new Set<PcmFrame>();
  clears = 0;
  readonly sampleRate: number;

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate;
  }

  write(frame: PcmFrame): void {
    this.samples.push(...frame.samples);
    this.rates.add(frame.sampleRate);
    this.frames.add(frame);
  }

  clear(): void {
    this.clears++;
  }

  toString(): string {
    return 'pcmu -> twilio';
  }
}

describe('link', () => {
  it('is the sink itself when the rates match', () => {
    const sink = nullSink(8000);
    expect(link(8000, sink)).toBe(sink);
  });

  it('resamples when they differ, and says so', () => {
    const inner = new RecordingSink(8000);
    const sink = link(48_000, inner);
    expect(sink.sampleRate).toBe(48_000);
    expect(String(sink)).toBe('resample(48000>8000) -> pcmu -> twilio');
    const tone = makeTone(440, 48_000, 200);
    for (let at = 0; at < tone.length; at += 480) {
      sink.write({ samples: tone.subarray(at, at + 480), sampleRate: 48_000 });
    }
    expect(inner.samples).toEqual([...new Resampler(48_000, 8000).process(tone)]);
    expect([...inner.rates]).toEqual([8000]);
    expect(inner.frames.size).toBe(1);
  });

  it('drops and counts a frame of another rate', () => {
    const inner = new RecordingSink(8000);
    const sink = new ResamplingSink(48_000, inner);
    sink.write({ samples: new Int16Array(160), sampleRate: 8000 });
    expect(inner.samples).toHaveLength(0);
    expect(sink.dropped).toBe(1);
    expect(sink.latencyMs).toBe(new Resampler(48_000, 8000).latencyMs);
  });

  it('writes nothing when nothing came of the input', () => {
    const inner = new RecordingSink(8000);
    link(48_000, inner).write({ samples: new Int16Array(1), sampleRate: 48_000 });
    expect(inner.frames.size).toBe(0);
  });

  it('clears the filter with the sink: nothing of the discarded audio is heard later', () => {
    const inner = new RecordingSink(48_000);
    const sink = link(8000, inner);
    sink.write({ samples: new Int16Array(160).fill(20_000), sampleRate: 8000 });
    sink.clear();
    expect(inner.clears).toBe(1);
    inner.samples.length = 0;
    sink.write({ samples: new Int16Array(160), sampleRate: 8000 });
    expect(inner.samples).toHaveLength(960);
    expect(inner.samples.every((sample) => sample === 0)).toBe(true);
  });

  it('refuses an unknown pair of rates when joined, not when written to', () => {
    expect(() => link(44_100, nullSink(8000))).toThrow(RangeError);
  });
});
