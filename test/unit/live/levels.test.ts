import { describe, expect, it } from 'vitest';
import { LevelMeters, type Levels } from '../../../src/live/levels.ts';
import { makeTone } from '../../../src/media/tone.ts';
import { sine } from '../../fakes/sine.ts';

const frame = (dbfs: number, ms = 20) => ({ samples: makeTone(440, 8_000, ms, dbfs), sampleRate: 8_000 });

describe('level meters', () => {
  it('tell both sides every 100 ms, the agent’s as it is heard', () => {
    const meters = new LevelMeters();
    const told: Levels[] = [];
    meters.watch((levels) => told.push(levels));
    const tap = meters.tap({ id: 'c1' });
    // The whole answer is written at once: 200 ms at -10, 200 ms at -30 dBFS; it begins to play after 100 ms.
    tap.agent(frame(-10, 200), 0);
    tap.agent(frame(-30, 200), 200);
    for (let now = 20; now <= 700; now += 20) {
      tap.caller(frame(now <= 300 ? -20 : -50));
      tap.tick(Math.min(400, Math.max(0, now - 120)), now);
    }
    const near = (value: number, wanted: number) => expect(Math.abs(value - wanted), `${value}`).toBeLessThan(0.5);
    expect(told.map(({ callId }) => callId)).toEqual(Array(7).fill('c1'));
    near(told[1]!.caller, -20);
    near(told[5]!.caller, -50);
    expect(told[1]!.agent).toBe(-127);
    near(told[2]!.agent, -10);
    near(told[4]!.agent, -30);
    expect(told[6]!.agent).toBe(-127);
    tap.ended();
    expect(told.at(-1)).toEqual({ callId: 'c1', caller: -127, agent: -127 });
  });

  it.each([
    [8_000, 1_000],
    [8_000, 2_000],
    [24_000, 6_000],
    [24_000, 3_000],
  ])('read a tone right whose pitch is a part of the rate: at %i Hz of %i Hz', (rate, hz) => {
    for (const phase of [0, Math.PI / 4, Math.PI / 2]) {
      const meters = new LevelMeters();
      const told: Levels[] = [];
      meters.watch((levels) => told.push(levels));
      const tap = meters.tap({ id: 'c1' });
      const tone = { samples: sine(hz, rate, 20, phase, 10_000), sampleRate: rate };
      for (let now = 20; now <= 300; now += 20) {
        tap.caller(tone);
        tap.agent(tone, now - 20);
        tap.tick(now, now);
      }
      expect(told.at(-1)).toEqual({ callId: 'c1', caller: -10.3, agent: -10.3 });
    }
  });

  it('forget what was cut', () => {
    const meters = new LevelMeters();
    const told: Levels[] = [];
    meters.watch((levels) => told.push(levels));
    const tap = meters.tap({ id: 'c1' });
    tap.agent(frame(-10, 1_000), 0);
    tap.tick(40, 20);
    tap.cleared(40);
    // The positions of what was cut are used again.
    tap.agent(frame(-40, 200), 40);
    for (let now = 40; now <= 240; now += 20) tap.tick(20 + now, now);
    expect(told.slice(1).every(({ agent }) => agent < -39)).toBe(true);
  });

  it('cost nothing and keep nothing while nobody watches', () => {
    const meters = new LevelMeters();
    const told: Levels[] = [];
    const tap = meters.tap({ id: 'c1' });
    tap.caller(frame(-10));
    tap.agent(frame(-10, 1_000), 0);
    tap.tick(0, 100);
    const stop = meters.watch((levels) => told.push(levels));
    expect(meters.watched).toBe(true);
    tap.tick(1_000, 200);
    expect(told).toEqual([{ callId: 'c1', caller: -127, agent: -127 }]);
    stop();
    expect(meters.watched).toBe(false);
    tap.tick(1_000, 400);
    expect(told).toHaveLength(1);
  });
});
