import { describe, expect, it } from 'vitest';
import { SignsOfLife } from '../../../src/rooms/pool/signs-of-life.ts';

/** Looks once a second from 1 s on, with what is heard in between. */
function looked(seconds: number, { speaks = true, heardAt = (_second: number): boolean => false } = {}) {
  const life = new SignsOfLife(0);
  const answers: boolean[] = [];
  let hangsAt: number | undefined;
  for (let second = 1; second <= seconds; second++) {
    if (heardAt(second)) life.heard(second * 1_000 - 1);
    if (life.look(second * 1_000, speaks)) hangsAt ??= second;
    answers.push(life.answers);
  }
  return { answers, hangsAt };
}

describe('signs of life of a worker', () => {
  it('that is silent for two seconds: it gets no rooms, and it hangs after twenty alone', () => {
    const { answers, hangsAt } = looked(30);
    expect(answers.slice(0, 3)).toEqual([true, false, false]);
    expect(hangsAt).toBe(22);
  });

  it('that speaks again: it gets rooms again', () => {
    const { answers, hangsAt } = looked(30, { heardAt: (second) => second >= 15 });
    expect([answers[13], answers[14], answers[29]]).toEqual([false, true, true]);
    expect(hangsAt).toBeUndefined();
  });

  it('that has no rooms are none that are missed', () => {
    const { answers, hangsAt } = looked(60, { speaks: false });
    expect(answers).not.toContain(false);
    expect(hangsAt).toBeUndefined();
  });

  it('that came while this process stood still count, however long that was', () => {
    const life = new SignsOfLife(0);
    life.look(30_000, true);
    life.heard(30_001);
    expect(life.answers).toBe(true);
    expect(life.look(31_000, true)).toBe(false);
  });
});
