import { describe, expect, it } from 'vitest';
import { WORST_MS, Worst } from '../../../src/call/worst.ts';

describe('the worst of ten minutes', () => {
  it('is the largest that was noted, and is forgotten after ten minutes, not much sooner', () => {
    const worst = new Worst();
    expect(worst.at(1_000_000)).toBe(0);
    worst.note(80, 1_000_000);
    worst.note(30, 1_200_000);
    worst.note(50, 1_100_000);
    expect(worst.at(1_200_000)).toBe(80);
    expect(worst.at(1_000_000 + WORST_MS - 31_000)).toBe(80);
    expect(worst.at(1_000_000 + WORST_MS)).toBe(50);
    expect(worst.at(1_200_000 + WORST_MS + 1)).toBe(0);
  });

  it('forgets all of it over a pause of hours', () => {
    const worst = new Worst();
    worst.note(80, 5_000);
    expect(worst.at(5_000 + 7_200_000)).toBe(0);
    worst.note(20, 5_000 + 7_200_000);
    expect(worst.at(5_000 + 7_200_001)).toBe(20);
  });
});
