import { describe, expect, it } from 'vitest';
import { RunLimit } from '../../../src/call/run-limit.ts';

describe('how often something bad may happen', () => {
  it('is so often in a run', () => {
    const limit = new RunLimit(3, 1_000);
    expect([limit.take(0), limit.take(1), limit.take(999)]).toEqual([true, true, true]);
    expect(limit.allows(999)).toBe(false);
    expect(limit.take(999)).toBe(false);
  });

  it('is for ever where it is seldom enough', () => {
    const limit = new RunLimit(3, 1_000);
    for (let n = 0; n < 10_000; n++) expect(limit.take(5_000 + n * 1_000)).toBe(true);
  });

  it('forgives one at a time, and nothing before anything happened', () => {
    const limit = new RunLimit(2, 1_000);
    // A long time without any earns no more than the run.
    expect([limit.take(1e9), limit.take(1e9), limit.allows(1e9)]).toEqual([true, true, false]);
    expect(limit.used(1e9 + 999)).toBe(2);
    expect(limit.used(1e9 + 1_000)).toBe(1);
    expect(limit.take(1e9 + 1_500)).toBe(true);
    expect(limit.allows(1e9 + 1_999)).toBe(false);
    expect(limit.used(1e9 + 5_000)).toBe(0);
  });
});
