import { describe, expect, it } from 'vitest';
import { TICK_MS, Ticker } from '../../../src/call/ticker.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('Ticker', () => {
  it('ticks on a grid that does not drift, however late each timer fires', () => {
    const clock = new FakeClock();
    const late = {
      ...clock,
      now: () => clock.now(),
      wall: () => 0,
      after: (ms: number, fn: () => void) => clock.after(ms + 3, fn),
    };
    const ticker = new Ticker(late);
    const times: number[] = [];
    ticker.subscribe((now) => times.push(now));
    clock.advance(20_000);
    expect(times.length).toBeGreaterThanOrEqual(20_000 / TICK_MS - 1);
    expect(Math.max(...times.map((t) => t % TICK_MS))).toBeLessThanOrEqual(3);
  });

  it('ticks once after a stall and returns to its grid', () => {
    const clock = new FakeClock();
    const ticker = new Ticker(clock);
    const times: number[] = [];
    ticker.subscribe((now) => times.push(now));
    clock.advance(100);
    clock.stall(205);
    clock.advance(40);
    expect(times).toEqual([20, 40, 60, 80, 100, 305, 320, 340]);
  });

  it('lets subscribers come and go during a tick, and frees its timer with the last', () => {
    const clock = new FakeClock();
    const ticker = new Ticker(clock);
    let second = 0;
    const stop = ticker.subscribe(() => {
      stop();
      stopSecond = ticker.subscribe(() => {
        second++;
      });
    });
    let stopSecond = () => {};
    clock.advance(61);
    expect(second).toBeGreaterThanOrEqual(2);
    stopSecond();
    expect(ticker.size).toBe(0);
    clock.advance(100);
    expect(clock.pending).toBe(0);
  });

  it('calls who subscribes slowly every 100 ms, some of them at each tick, and frees its timer with the last', () => {
    const clock = new FakeClock();
    const ticker = new Ticker(clock);
    const times = Array.from({ length: 10 }, (): number[] => []);
    const stops = times.map((list) => ticker.subscribeSlowly((now) => list.push(now)));
    expect(ticker.size).toBe(10);
    clock.advance(500);
    for (const list of times) {
      expect(list).toHaveLength(5);
      expect(list.slice(1).map((at, i) => at - list[i]!)).toEqual([100, 100, 100, 100]);
    }
    expect(new Set(times.map((list) => list[0]! % 100)).size).toBe(5);
    for (const stop of stops) stop();
    expect(ticker.size).toBe(0);
    clock.advance(100);
    expect(clock.pending).toBe(0);
  });
});
