import { describe, expect, it } from 'vitest';
import { OwnPace } from '../../../../src/callers/test/pace.ts';

/** A caller that sends a frame every 20 ms, on a thread whose processor time is known. */
function caller() {
  let now = 0;
  let cpuMs = 0;
  let frames = 0;
  const pace = new OwnPace(() => cpuMs);
  /** The next tick comes after so long, of which the thread had the processor for so long, and sends all that is due. */
  const tick = (afterMs: number, usedMs: number) => {
    now += afterMs;
    cpuMs += usedMs;
    pace.tick(now);
    while (frames * 20 <= now - 20) pace.frame(now, ++frames * 20, now * 24);
  };
  const steadily = (times: number) => {
    for (let i = 0; i < times; i++) tick(20, 2);
  };
  return { pace, tick, steadily };
}

describe("a caller's own pace", () => {
  it('is without fault where each frame leaves at its time', () => {
    const { pace, steadily } = caller();
    steadily(100);
    expect(pace.report()).toEqual({ frames: 100, late: 0, starved: 0, worstMs: 0, worstOwnMs: 0 });
    expect(pace.stalls).toEqual([]);
  });

  it('says which frames were late by our own work, and where on the tape', () => {
    const { pace, tick, steadily } = caller();
    steadily(10);
    // 120 ms of work: of the six frames that leave together four are late by more than one's length.
    tick(120, 118);
    steadily(10);
    expect(pace.report()).toEqual({ frames: 26, late: 4, starved: 0, worstMs: 100, worstOwnMs: 98 });
    expect(pace.stalls).toEqual([{ at: 320 * 24, ms: 100 }]);
  });

  it('tells those apart for which the machine had no processor', () => {
    const { pace, tick, steadily } = caller();
    steadily(10);
    tick(220, 3);
    steadily(3);
    const { late, starved, worstMs, worstOwnMs } = pace.report();
    expect({ late, starved, worstMs, worstOwnMs }).toEqual({ late: 9, starved: 9, worstMs: 200, worstOwnMs: 0 });
    tick(220, 120);
    // Half of it was ours, and that alone is late.
    expect(pace.report()).toMatchObject({ late: 18, worstOwnMs: 100 });
    expect(pace.report().starved).toBeLessThan(18);
    expect(pace.stalls).toHaveLength(2);
  });

  it('takes what is done at once behind a stall of the machine for a part of it, and what is done too long in a calm tick for ours', () => {
    let [now, cpuMs] = [0, 0];
    const pace = new OwnPace(() => cpuMs);
    const tick = (at: number) => {
      now = at;
      pace.tick(now);
    };
    /** Others of the process send first: that takes processor time. */
    const work = (ms: number) => {
      now += ms;
      cpuMs += ms;
    };
    tick(20);
    tick(320);
    work(45);
    pace.frame(now, 40, 0);
    expect(pace.report()).toEqual({ frames: 1, late: 1, starved: 1, worstMs: 325, worstOwnMs: 0 });
    tick(380);
    tick(400);
    work(45);
    pace.frame(now, 400, 0);
    expect(pace.report()).toEqual({ frames: 2, late: 2, starved: 1, worstMs: 325, worstOwnMs: 45 });
  });

  it('says for how long what comes now may have waited for the process: since a tick that was late, or that is overdue', () => {
    const pace = new OwnPace(() => 0);
    expect(pace.waitedMs(500)).toBe(0);
    for (const at of [1_000, 1_020, 1_040]) pace.tick(at);
    expect(pace.waitedMs(1_055)).toBe(0);
    // It stands still: the next was due at 1,060.
    expect(pace.waitedMs(1_190)).toBe(130);
    pace.tick(1_190);
    expect(pace.waitedMs(1_195)).toBe(130);
    pace.tick(1_200);
    expect(pace.waitedMs(1_205)).toBe(0);
  });
});
