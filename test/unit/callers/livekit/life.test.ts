import { describe, expect, it } from 'vitest';
import { RoomLife } from '../../../../src/callers/livekit/life.ts';
import { FakeClock } from '../../../fakes/clock.ts';

function rig() {
  const clock = new FakeClock();
  const over: string[] = [];
  const life = new RoomLife({
    clock,
    joinMs: 300_000,
    leaveMs: 20_000,
    idleMs: 1_800_000,
    over: ({ reason }, why) => over.push(`${why} ${reason}`),
  });
  return { clock, life, over };
}

describe('how long the agent stays in a room', () => {
  it('waits for the first person, and not for ever', () => {
    const { clock, over } = rig();
    clock.advance(299_999);
    expect(over).toEqual([]);
    clock.advance(1);
    expect(over).toEqual(['nobody-came no-stream']);
    expect(clock.pending).toBe(0);
  });

  it('leaves 20 s after the last person, unless somebody comes back', () => {
    const { clock, life, over } = rig();
    life.people(1);
    life.people(2);
    life.people(1);
    life.people(0);
    clock.advance(19_000);
    life.people(1);
    clock.advance(60_000);
    expect(over).toEqual([]);
    life.people(0);
    clock.advance(20_000);
    expect(over).toEqual(['all-left caller-hangup']);
  });

  it('does not count while the server is away, when everybody seems to leave', () => {
    const { clock, life, over } = rig();
    life.people(2);
    life.link(true);
    life.people(0);
    clock.advance(50_000);
    expect(over).toEqual([]);
    life.link(false);
    clock.advance(19_000);
    life.people(1);
    clock.advance(60_000);
    expect(over).toEqual([]);
  });

  it('stops the count that runs when the server goes', () => {
    const { clock, life, over } = rig();
    life.people(1);
    life.people(0);
    clock.advance(15_000);
    life.link(true);
    clock.advance(30_000);
    expect(over).toEqual([]);
    life.link(false);
    clock.advance(19_000);
    expect(over).toEqual([]);
    clock.advance(1_000);
    expect(over).toEqual(['all-left caller-hangup']);
  });

  it('ends a room in which nothing happens', () => {
    const { clock, life, over } = rig();
    life.people(1);
    clock.advance(1_700_000);
    life.active();
    clock.advance(1_700_000);
    expect(over).toEqual([]);
    clock.advance(100_000);
    expect(over).toEqual(['idle caller-silent']);
    expect(clock.pending).toBe(0);
  });

  it('tells nothing once it is stopped', () => {
    const { clock, life, over } = rig();
    life.people(1);
    life.people(0);
    life.stop();
    life.people(1);
    life.people(0);
    clock.advance(10_000_000);
    expect(over).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
