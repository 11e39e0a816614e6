import { describe, expect, it } from 'vitest';
import { PlayoutClock } from '../../../src/rooms/pool/playout-clock.ts';
import { FakeClock } from '../../fakes/clock.ts';

function rig() {
  const clock = new FakeClock();
  const playout = new PlayoutClock(clock, 24_000);
  return {
    clock,
    playout,
    /** `ageMs` ago so much was played, and so much was to follow by itself. */
    told: (ms: number, aheadMs = 120, ageMs = 0, epoch = playout.epoch) =>
      playout.told(epoch, ms * 24, aheadMs * 24, ageMs),
  };
}

describe("the daemon's view of what is played", () => {
  it('is nothing until the worker says so, and goes on by the clock between its words', () => {
    const { clock, playout, told } = rig();
    playout.wrote(24_000);
    clock.advance(50);
    expect([playout.writtenMs(), playout.playedMs()]).toEqual([1_000, 0]);
    told(30);
    clock.advance(15);
    expect(playout.playedMs()).toBe(45);
  });

  it('is never more than was written, nor goes on beyond what the library plays by itself', () => {
    const { clock, playout, told } = rig();
    playout.wrote(24 * 100);
    told(20, 60);
    clock.advance(5_000);
    expect(playout.playedMs()).toBe(80);
    told(95);
    clock.advance(20);
    expect(playout.playedMs()).toBe(100);
  });

  it('goes on while the worker itself stands still', () => {
    const { clock, playout, told } = rig();
    playout.wrote(24_000);
    told(300, 120);
    clock.advance(110);
    expect(playout.playedMs()).toBe(410);
  });

  it('takes a word for as old as it is', () => {
    const { clock, playout, told } = rig();
    playout.wrote(24_000);
    told(100, 120, 32);
    // An order of now is under way, too: by the one word that there was, an eighth of a frame.
    expect(playout.playedMs()).toBe(134.5);
    clock.advance(10);
    expect(playout.playedMs()).toBe(144.5);
  });

  it('counts what is played until an order is there, which takes as long as words do', () => {
    const { clock, playout, told } = rig();
    playout.wrote(24_000);
    for (let ms = 0; ms <= 600; ms += 20) {
      clock.advance(20);
      told(ms, 120, 10);
    }
    expect(playout.playedMs()).toBeGreaterThan(618);
    expect(playout.playedMs()).toBeLessThanOrEqual(620);
  });

  it('is no further for words that waited while this process stood still: no order waits for that', () => {
    const { clock, playout, told } = rig();
    playout.wrote(72_000);
    for (let ms = 0; ms <= 600; ms += 20) {
      clock.advance(20);
      told(ms, 120, 2);
    }
    clock.advance(700);
    for (let ageMs = 680; ageMs >= 0; ageMs -= 20) told(1_300 - ageMs, 120, ageMs);
    expect(playout.playedMs() - 1_300).toBeLessThanOrEqual(20);
  });

  it('stands still when nothing is being played', () => {
    const { clock, playout, told } = rig();
    playout.wrote(24_000);
    told(200, 0);
    clock.advance(500);
    expect(playout.playedMs()).toBe(200);
  });

  it('never goes back: a word that is behind the guess waits until it is true', () => {
    const { clock, playout, told } = rig();
    playout.wrote(24_000);
    told(100);
    clock.advance(25);
    expect(playout.playedMs()).toBe(125);
    told(120);
    expect(playout.playedMs()).toBe(125);
    clock.advance(10);
    expect(playout.playedMs()).toBe(130);
  });

  it('falls back to what was played at a clear, and a word from before it counts for nothing', () => {
    const { clock, playout, told } = rig();
    playout.wrote(24_000);
    told(100);
    clock.advance(10);
    playout.clear();
    expect([playout.writtenMs(), playout.playedMs()]).toEqual([110, 110]);
    told(130, 120, 0, 0);
    expect(playout.playedMs()).toBe(110);
    playout.wrote(24 * 50);
    told(40);
    expect([playout.writtenMs(), playout.playedMs()]).toEqual([160, 150]);
  });
});
