import { describe, expect, it } from 'vitest';
import { BoundedPattern, boundedPattern } from '../../../../src/callers/test/bounded-pattern.ts';

describe('a regular expression that is tried on what somebody says', () => {
  it('is one as any: capitals and small letters alike, Unicode known', () => {
    const pattern = new BoundedPattern('table for (two|2)\\P{L}');
    expect(pattern.test('A Table FOR two.')).toBe(true);
    expect(pattern.test('a table for three.')).toBe(false);
    expect(pattern.test('a table for 2!')).toBe(true);
    expect(pattern.gaveUp).toBe(false);
    expect(boundedPattern.safeParse('(').error?.issues[0]?.message).toBe('must be a regular expression');
  });

  it('is given up where it takes too long, and fits nothing from then on', () => {
    const pattern = new BoundedPattern('^(\\w+\\s?)+$');
    // Each character doubles the time: of so many it would take longer than the machine lasts.
    expect(pattern.test(`${'a'.repeat(200)}!`)).toBe(false);
    expect(pattern.gaveUp).toBe(true);
    expect(pattern.test('hello there')).toBe(false);
  });

  it('looks at the end of a text that is longer than any conversation', () => {
    const pattern = new BoundedPattern('^x+$');
    expect(pattern.test(`y${'x'.repeat(100_000)}`)).toBe(true);
  });
});
