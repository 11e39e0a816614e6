import { describe, expect, it } from 'vitest';
import { Playing } from '../../../../src/callers/phone/playing.ts';
import { FakeClock } from '../../../fakes/clock.ts';

/** At 8 kHz, with this round trip. */
function rig(rttMs?: number) {
  const clock = new FakeClock();
  const playing = new Playing(8000, { rttMs }, clock);
  /** The agent wrote so many ms, and all of it is sent. */
  const say = (ms: number) => {
    playing.wrote(ms * 8);
    playing.sent(ms * 8, clock.now());
  };
  return { clock, playing, say };
}

describe('how far playing has come', () => {
  it('goes by the clock where no mark is set, and never past what was written', () => {
    const { clock, playing, say } = rig();
    say(500);
    for (const [at, played] of [
      [0, 0],
      [200, 200],
      [500, 500],
      [900, 500],
    ] as const) {
      clock.advance(at - clock.now());
      expect(playing.playedMs()).toBe(played);
    }
    expect(playing.writtenMs()).toBe(500);
  });

  it('does not count what was written and waits to be sent', () => {
    const { clock, playing } = rig();
    playing.wrote(4_000);
    clock.advance(1_000);
    expect(playing.playedMs()).toBe(0);
    expect(playing.writtenMs()).toBe(500);
    expect(playing.unplayedMs(clock.now())).toBe(0);
  });

  it('counts silence of our own for the wire alone, and silence that is left out for the agent alone', () => {
    const { clock, playing, say } = rig();
    playing.padded(800);
    playing.sent(800, 0);
    say(200);
    playing.skipped(800);
    expect(playing.unplayedMs(0)).toBe(300);
    clock.advance(100);
    expect(playing.playedMs()).toBe(0);
    clock.advance(200);
    expect(playing.playedMs()).toBe(300);
    expect(playing.writtenMs()).toBe(300);
  });

  it('waits at a mark that has not come back, and goes on by its echo', () => {
    const { clock, playing, say } = rig(0);
    say(200);
    const name = playing.mark(clock.now());
    say(800);
    expect(playing.marksOut).toBe(1);
    clock.advance(600);
    // A frame past the mark: the carrier may have paused.
    expect(playing.playedMs()).toBe(220);
    expect(playing.echo(name)).toBe(0);
    clock.advance(100);
    expect(playing.playedMs()).toBe(300);
    expect(playing.marksOut).toBe(0);
  });

  it('looks ahead by the way there, and takes a round trip of seconds for a stall', () => {
    for (const [rttMs, ahead] of [
      [100, 50],
      [4_000, 250],
    ] as const) {
      const { clock, playing, say } = rig(rttMs);
      say(1_000);
      clock.advance(400);
      expect(playing.playedMs()).toBe(400);
      expect(playing.unplayedMs(clock.now())).toBe(600);
      clock.advance(ahead);
      expect(playing.playedMs()).toBe(400 + ahead);
    }
  });

  it('forgets on discard what was not played, and says how much that was', () => {
    const { clock, playing, say } = rig();
    say(1_000);
    const name = playing.mark(clock.now());
    playing.wrote(1_600);
    clock.advance(300);
    expect(playing.discard(clock.now())).toBe(900);
    expect(playing.writtenMs()).toBe(300);
    expect(playing.unplayedMs(clock.now())).toBe(0);
    // It was ours, and proves nothing any more.
    expect(playing.echo(name)).toBe(0);
    clock.advance(5_000);
    expect(playing.playedMs()).toBe(300);
    expect(playing.echo('what')).toBeUndefined();
    say(100);
    clock.advance(100);
    expect(playing.playedMs()).toBe(400);
  });

  it('begins at zero with a new stream', () => {
    const { clock, playing, say } = rig();
    say(1_000);
    clock.advance(300);
    playing.discard(clock.now());
    playing.restart();
    expect([playing.playedMs(), playing.writtenMs()]).toEqual([0, 0]);
  });

  it('gives up marks that never come back', () => {
    const { clock, playing, say } = rig();
    say(200);
    playing.mark(clock.now());
    clock.advance(1_000);
    expect(playing.expire(clock.now())).toBe(0);
    clock.advance(10_000);
    expect(playing.expire(clock.now())).toBe(1);
    expect(playing.playedMs()).toBe(200);
  });
});
