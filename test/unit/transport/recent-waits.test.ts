import { describe, expect, it } from 'vitest';
import { RecentWaits } from '../../../src/transport/recent-waits.ts';

const stream = (id: string, ms: number, samples: number) => ({ id, seconds: (ms * samples) / 1_000, samples });

describe('how long samples wait in jitter buffers', () => {
  it('is of those that came out since the look before, however many came before', () => {
    const waits = new RecentWaits();
    expect(waits.look([{ id: 'a', seconds: 4_000, samples: 100_000 }])).toBe(40);
    expect(waits.look([{ id: 'a', seconds: 13_000, samples: 200_000 }])).toBe(90);
    expect(waits.look([{ id: 'a', seconds: 13_000, samples: 200_000 }])).toBeUndefined();
  });

  it('is the worst of all streams, and one that begins anew counts from nothing', () => {
    const waits = new RecentWaits();
    expect(waits.look([stream('a', 40, 1_000), stream('b', 70, 1_000)])).toBe(70);
    expect(waits.look([stream('a', 50, 500)])).toBe(50);
    expect(waits.look([])).toBeUndefined();
  });
});
