import { describe, expect, it } from 'vitest';
import { spansOf, ticksOf } from '../../../web/js/model/talk.js';

/** Levels of a side in parts of 100 ms: a letter is speech, all else silence. */
const side = (text: string) => [...text].map((sign) => (sign === '.' ? 0.001 : 0.3));
const spans = (caller: string, agent: string) =>
  spansOf({ durationMs: caller.length * 100, caller: side(caller), agent: side(agent) });

describe('the rhythm of a recording', () => {
  it('has the time in which both speak, but no mere sound of assent', () => {
    expect(spans('..cccccc......', 'aaaaaaaa......')).toEqual([{ kind: 'talk-over', fromMs: 200, toMs: 800 }]);
    expect(spans('...cc.........', 'aaaaaaaa......')).toEqual([]);
  });

  it('has the time in which the caller waits for the agent, and no other silence', () => {
    expect(spans(`ccc${'.'.repeat(24)}`, `...${'.'.repeat(20)}aaaa`)).toEqual([
      { kind: 'waiting', fromMs: 300, toMs: 2_300 },
    ]);
    // An answer in time, a caller who goes on himself, and an end in silence.
    expect(spans('ccc...........', '........aaaa..')).toEqual([]);
    expect(spans(`cc${'.'.repeat(20)}cc......`, `${'.'.repeat(27)}aaa`)).toEqual([]);
    expect(spans(`cc${'.'.repeat(30)}`, '.'.repeat(32))).toEqual([]);
  });

  it('takes short pauses for a part of speech', () => {
    expect(spans('cc..cc..cc........................', `${'.'.repeat(30)}aaaa`)).toEqual([
      { kind: 'waiting', fromMs: 1_000, toMs: 3_000 },
    ]);
    expect(spansOf({ durationMs: 0, caller: [], agent: [] })).toEqual([]);
  });

  it('has as many ticks as can be told apart', () => {
    // What stands at the very end, or so near that it does not fit, is not begun.
    expect(ticksOf(9_000, 10)).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000]);
    expect(ticksOf(31_000, 3)).toEqual([0, 15_000]);
    expect(ticksOf(95_000, 8)).toEqual([0, 15_000, 30_000, 45_000, 60_000, 75_000]);
    expect(ticksOf(7_200_000, 8).length).toBeLessThanOrEqual(9);
  });
});
