import { describe, expect, it } from 'vitest';
import { SilenceWatch } from '../../../src/call/silence.ts';
import { FakeClock } from '../../fakes/clock.ts';

/** A watch looked at every 20 ms, as on the media clock. */
function rig(options: { longestMs?: number; asks?: number } = {}) {
  const clock = new FakeClock();
  const watch = new SilenceWatch({ clock, longestMs: 10_000, ...options });
  const said: string[] = [];
  const pass = (ms: number, busy = false) => {
    for (let t = 0; t < ms; t += 20) {
      clock.advance(20);
      const action = watch.check(busy);
      if (action !== undefined) said.push(`${action}@${clock.now()}`);
    }
  };
  return { clock, watch, said, pass };
}

describe('a silent line', () => {
  it('is asked after the time, not before, and ended after the same time again', () => {
    const { said, pass } = rig();
    pass(10_000);
    expect(said).toEqual([]);
    pass(20);
    expect(said).toEqual(['ask@10020']);
    // The agent asks for two seconds.
    pass(2_000, true);
    pass(10_000);
    expect(said).toEqual(['ask@10020']);
    pass(20);
    expect(said).toEqual(['ask@10020', 'end@22040']);
  });

  it('says "end" once', () => {
    const { said, pass } = rig({ asks: 0 });
    pass(60_000);
    expect(said).toEqual(['end@10020']);
  });

  it('is asked as often as is set', () => {
    const { said, pass } = rig({ asks: 2 });
    pass(40_000);
    expect(said.map((word) => word.split('@')[0])).toEqual(['ask', 'ask', 'end']);
  });

  it('is no silence while the agent speaks, however long', () => {
    const { said, pass } = rig();
    pass(9_000);
    pass(60_000, true);
    pass(10_000);
    expect(said).toEqual([]);
    pass(20);
    expect(said).toHaveLength(1);
  });

  it('is no silence while the caller speaks, however long, and begins when he stops', () => {
    const { said, pass, watch } = rig();
    pass(9_000);
    watch.callerSpoke();
    pass(60_000);
    watch.callerStopped();
    pass(10_000);
    expect(said).toEqual([]);
    pass(20);
    expect(said).toHaveLength(1);
  });

  it('a caller who spoke up is asked anew, not hung up on', () => {
    const { said, pass, watch } = rig();
    pass(11_000);
    expect(watch.asked).toBe(1);
    watch.callerSpoke();
    watch.callerStopped();
    expect(watch.asked).toBe(0);
    pass(11_000);
    expect(said.map((word) => word.split('@')[0])).toEqual(['ask', 'ask']);
  });

  it('a key counts as a sign of life', () => {
    const { said, pass, watch } = rig();
    pass(11_000);
    watch.callerActed();
    pass(9_000);
    watch.callerActed();
    pass(10_000);
    expect(said).toHaveLength(1);
    pass(20);
    expect(said.map((word) => word.split('@')[0])).toEqual(['ask', 'ask']);
  });

  it('the agent speaking by itself does not excuse a caller who was asked', () => {
    const { said, pass } = rig();
    pass(10_020);
    pass(1_000, true);
    pass(5_000);
    pass(1_000, true);
    pass(10_020);
    expect(said.map((word) => word.split('@')[0])).toEqual(['ask', 'end']);
  });

  it('a broken line forgets a speech whose end was never told, and keeps the count', () => {
    const { said, pass, watch } = rig();
    pass(10_020);
    watch.callerSpoke();
    watch.reset();
    pass(10_020);
    expect(said).toHaveLength(2);
    pass(9_000);
    watch.reset();
    pass(9_000);
    expect(said).toHaveLength(2);
    expect(watch.asked).toBe(1);
  });

  it('a stall of the process is one silence, not several', () => {
    const { clock, watch } = rig();
    watch.check(false);
    clock.stall(60_000);
    expect(watch.check(false)).toBe('ask');
    expect(watch.check(false)).toBeUndefined();
  });

  it('can be turned off', () => {
    const { said, pass } = rig({ longestMs: 0 });
    pass(100_000);
    expect(said).toEqual([]);
  });
});
