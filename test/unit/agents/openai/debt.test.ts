import { beforeEach, describe, expect, it } from 'vitest';
import { AnswerDebt, type Due } from '../../../../src/agents/openai/debt.ts';

const LIMITS = { coverMs: 2_500, askMs: 8_000, retryMs: 15_000, unheardMs: 4_000, endMs: 30_000 };

let debt: AnswerDebt;
let now: number;
let due: Array<[Due, number]>;

beforeEach(() => {
  debt = new AnswerDebt(LIMITS);
  now = 0;
  due = [];
});

/** Lets time pass as its owner does: looks when something is due. */
function pass(ms: number): void {
  const end = now + ms;
  for (let at = debt.dueAt; at !== undefined && at <= end; at = debt.dueAt) {
    now = Math.max(now, at);
    const what = debt.look(now);
    if (what !== undefined) due.push([what, now]);
    if (what === 'end') break;
  }
  now = end;
}

const without = (...left: Due[]) => due.filter(([what]) => !left.includes(what));

describe('AnswerDebt', () => {
  it('is covered, asked for again once, and given up, when nothing answers', () => {
    debt.callerSpeaks();
    debt.callerStopped(now, true);
    pass(60_000);
    expect(due[0]).toEqual(['cover', 2_500]);
    expect(without('cover')).toEqual([
      ['ask', 8_000],
      ['end', 30_000],
    ]);
  });

  it('does not become younger with a response, whatever that puts out without a sound', () => {
    debt.callerStopped(now, true);
    for (let i = 0; i < 14; i++) {
      pass(2_000);
      debt.begun(`r${i}`, now);
      debt.progress(now);
      debt.drop(`r${i}`, now);
    }
    pass(5_000);
    expect(due.at(-1)).toEqual(['end', 30_000]);
  });

  it('lets a response that thinks go on for longer than one that never began', () => {
    debt.callerStopped(now, true);
    pass(500);
    debt.begun('r', now);
    pass(14_900);
    expect(without('cover')).toEqual([]);
    pass(200);
    expect(without('cover')).toEqual([['retry', 15_500]]);
  });

  it('is settled by what is heard of a response that is over, in either order', () => {
    for (const [first, second] of [
      ['heard', 'over'],
      ['over', 'heard'],
    ] as const) {
      debt.callerStopped(now, true);
      debt.begun('r', now);
      debt[first]('r', now);
      expect(debt.owed).toBe(true);
      debt[second]('r', now);
      expect(debt.owed).toBe(false);
    }
    pass(60_000);
    expect(due).toEqual([]);
  });

  it('is not settled by the hearing of an older response, but nobody is told to wait meanwhile', () => {
    debt.callerStopped(now, true);
    for (let i = 0; i < 40; i++) {
      pass(100);
      debt.heard('old', now);
    }
    expect(due).toEqual([]);
    expect(debt.owed).toBe(true);
    pass(2_500);
    expect(due).toEqual([['cover', 6_500]]);
  });

  it('notices what was said and does not come out', () => {
    debt.callerStopped(now, true);
    debt.begun('r', now);
    debt.over('r', now);
    pass(4_000);
    expect(due).toEqual([
      ['cover', 2_500],
      ['unheard', 4_000],
    ]);
    expect(debt.unplayed).toBe('r');
  });

  it('is replaced by the next turn of the caller', () => {
    debt.callerStopped(now, true);
    debt.begun('r', now);
    pass(2_000);
    debt.callerSpeaks();
    debt.heard('r', now);
    debt.over('r', now);
    pass(60_000);
    expect(due).toEqual([]);
    debt.callerStopped(now, true);
    pass(2_500);
    expect(due).toEqual([['cover', 64_500]]);
  });

  it('is settled by an answer that began and was heard before the end of the turn was told', () => {
    debt.callerSpeaks();
    debt.begun('r', now);
    debt.heard('r', now);
    debt.over('r', now);
    pass(1_000);
    debt.callerStopped(now, true);
    expect(debt.owed).toBe(false);
  });

  it('begins anew with a tool result, and covers soon when the caller has waited for long by then', () => {
    debt.callerStopped(now, true);
    debt.begun('r', now);
    pass(1_000);
    debt.toolRuns();
    pass(5_000);
    expect(due).toEqual([]);
    debt.owe(now);
    pass(1_000);
    expect(due).toEqual([['cover', 7_000]]);
    pass(28_999);
    expect(without('cover')).toEqual([['ask', 14_000]]);
    pass(1);
    expect(due.at(-1)).toEqual(['end', 36_000]);
  });

  it('is owed to nobody while nobody is there, and from their return on', () => {
    debt.owe(now);
    debt.listened(false, now);
    debt.owe(now);
    pass(60_000);
    expect(due).toEqual([]);
    debt.listened(true, now);
    pass(2_500);
    expect(due).toEqual([['cover', 62_500]]);
  });

  it('needs no cover for a response that nobody is known to wait for, and an end all the same', () => {
    debt.begun('own', now);
    pass(14_999);
    expect(due).toEqual([]);
    pass(1);
    expect(due).toEqual([['retry', 15_000]]);
  });

  it('has no cover where that is turned off', () => {
    debt = new AnswerDebt({ ...LIMITS, coverMs: 0 });
    debt.callerStopped(now, true);
    pass(7_999);
    expect(due).toEqual([]);
  });
});
