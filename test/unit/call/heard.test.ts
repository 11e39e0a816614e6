import { beforeEach, describe, expect, it } from 'vitest';
import { heard } from '../../../src/call/heard.ts';
import { FakeClock } from '../../fakes/clock.ts';

let clock: FakeClock;
let written: number;
let played: number;
let more: boolean;
let stopped: boolean;
const playout = { writtenMs: () => written, playedMs: () => played };

beforeEach(() => {
  clock = new FakeClock();
  written = 1_000;
  played = 0;
  more = false;
  stopped = false;
});

const wait = (upToMs?: number) =>
  heard({
    clock,
    playout: () => playout,
    more: () => more,
    stopped: () => stopped,
    timeoutMs: 5_000,
    ...(upToMs === undefined ? {} : { upToMs }),
  });

describe('heard', () => {
  it('waits for playout, not for time, and takes a frame of a codec as heard', async () => {
    const outcome = wait();
    await clock.advanceAsync(3_000, 20);
    played = 979;
    await clock.advanceAsync(40, 20);
    expect(clock.pending).toBe(1);
    played = 980;
    await clock.advanceAsync(20, 20);
    expect(await outcome).toBe('heard');
    expect(clock.pending).toBe(0);
  });

  it('waits for what is still to be said', async () => {
    played = 1_000;
    more = true;
    const outcome = wait();
    await clock.advanceAsync(1_000, 20);
    more = false;
    await clock.advanceAsync(20, 20);
    expect(await outcome).toBe('heard');
  });

  it('waits for a position alone where one is given: what comes after it does not count', async () => {
    const outcome = wait(500);
    played = 490;
    await clock.advanceAsync(20, 20);
    expect(await outcome).toBe('heard');
  });

  it('does not wait for what was discarded', async () => {
    const outcome = wait(900);
    written = 200;
    played = 200;
    await clock.advanceAsync(20, 20);
    expect(await outcome).toBe('heard');
  });

  it('stops at once, waits no longer than it may, and has nothing to wait for where nobody is', async () => {
    stopped = true;
    expect(await wait()).toBe('stopped');
    stopped = false;
    const late = wait();
    await clock.advanceAsync(5_020, 20);
    expect(await late).toBe('late');
    expect(await heard({ clock, playout: () => undefined, stopped: () => false, timeoutMs: 1 })).toBe('heard');
  });
});
