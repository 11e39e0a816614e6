import { describe, expect, it } from 'vitest';
import { Marks } from '../../../../src/callers/phone/marks.ts';

describe('marks', () => {
  it('tell the position they were set at, once', () => {
    const marks = new Marks();
    const name = marks.set(960, 100, 0);
    expect(marks.next).toBe(960);
    expect(marks.echo(name)).toEqual({ kind: 'heard', position: 960 });
    expect(marks.echo(name)).toEqual({ kind: 'void' });
    expect(marks.next).toBeUndefined();
  });

  it('answer older ones that were lost', () => {
    const marks = new Marks();
    marks.set(1, 0, 0);
    marks.set(2, 0, 0);
    const third = marks.set(3, 0, 0);
    marks.set(4, 0, 0);
    expect(marks.echo(third)).toEqual({ kind: 'heard', position: 3 });
    expect(marks.next).toBe(4);
  });

  it('prove nothing once a clear has sent them back', () => {
    const marks = new Marks();
    const before = marks.set(960, 0, 0);
    marks.clear();
    const after = marks.set(1_920, 0, 0);
    expect(before).not.toBe(after);
    expect(marks.echo(before)).toEqual({ kind: 'void' });
    expect(marks.echo(after)).toEqual({ kind: 'heard', position: 1_920 });
  });

  it('know a name that was never theirs', () => {
    const marks = new Marks();
    marks.set(1, 0, 0);
    for (const name of ['', 'x', '0.2', '1.1', '0.0', '0.1x', '-1.1', '0.99999999999'])
      expect(marks.echo(name)).toEqual({ kind: 'unknown' });
  });

  it('expire after what was queued and five seconds', () => {
    const marks = new Marks();
    const name = marks.set(1, 300, 1_000);
    marks.set(2, 600, 1_000);
    expect(marks.expire(6_299)).toBe(0);
    expect(marks.expire(6_300)).toBe(1);
    expect(marks.echo(name)).toEqual({ kind: 'void' });
    expect(marks.size).toBe(1);
    // A carrier that lets marks expire is not waited for any more, until it answers one after all.
    expect(marks.next).toBeUndefined();
    const third = marks.set(3, 0, 6_300);
    marks.set(4, 0, 6_300);
    marks.echo(third);
    expect(marks.next).toBe(4);
  });
});
