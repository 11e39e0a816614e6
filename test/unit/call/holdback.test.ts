import { describe, expect, it } from 'vitest';
import { Holdback } from '../../../src/call/holdback.ts';
import type { AudioSink, PcmFrame } from '../../../src/media/frame.ts';

function collector(sampleRate: number): AudioSink & { heard: number[]; cleared: number } {
  return {
    sampleRate,
    heard: [],
    cleared: 0,
    write(frame: PcmFrame) {
      this.heard.push(...frame.samples);
    },
    clear() {
      this.cleared++;
    },
    toString: () => 'collector',
  };
}

describe('Holdback', () => {
  it('keeps the first words and hands them on in order, then lets all pass', () => {
    const sink = collector(8000);
    const holdback = new Holdback(sink, () => {});
    const borrowed = new Int16Array([1, 2]);
    holdback.write({ samples: borrowed, sampleRate: 8000 });
    borrowed.set([3, 4]);
    holdback.write({ samples: borrowed, sampleRate: 8000 });
    borrowed.fill(99);
    expect(sink.heard).toEqual([]);
    holdback.release();
    holdback.write({ samples: new Int16Array([5]), sampleRate: 8000 });
    expect(sink.heard).toEqual([1, 2, 3, 4, 5]);
    expect(holdback.heldMs).toBe(0);
  });

  it('keeps ten seconds at most, the newest, and counts what it dropped', () => {
    const sink = collector(8000);
    const counted: Record<string, number> = {};
    const holdback = new Holdback(sink, (name, n = 1) => {
      counted[name] = (counted[name] ?? 0) + n;
    });
    for (let i = 0; i < 600; i++) holdback.write({ samples: new Int16Array(160).fill(i), sampleRate: 8000 });
    expect(holdback.heldMs).toBe(10_000);
    expect(counted).toEqual({ ms_dropped_holdback: 2_000 });
    holdback.release();
    expect(sink.heard[0]).toBe(100);
    expect(sink.heard.at(-1)).toBe(599);
  });

  it('keeps again when told, and clear forgets what was kept', () => {
    const sink = collector(8000);
    const holdback = new Holdback(sink, () => {});
    holdback.release();
    holdback.hold();
    holdback.write({ samples: new Int16Array([7]), sampleRate: 8000 });
    holdback.clear();
    holdback.release();
    expect(sink.heard).toEqual([]);
    expect(sink.cleared).toBe(1);
  });
});
