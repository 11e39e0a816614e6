import { beforeEach, describe, expect, it } from 'vitest';
import { Patience } from '../../../src/call/patience.ts';
import { ASK_WHETHER_THERE, GIVE_UP } from '../../../src/call/words.ts';
import { FakeClock } from '../../fakes/clock.ts';

let clock: FakeClock;
let said: string[];
let busy: boolean;
let looks: number;

beforeEach(() => {
  clock = new FakeClock();
  said = [];
  busy = false;
  looks = 0;
});

function rig(settings = { longestMs: 10_000, asks: 1 }) {
  const patience = new Patience({
    clock,
    settings,
    agent: { respond: (words) => void said.push(words) },
    busy: () => {
      looks++;
      return busy;
    },
    goodbye: (words) => void said.push(words),
  });
  const pass = (ms: number) => {
    for (let t = 0; t < ms; t += 20) {
      clock.advance(20);
      patience.tick(clock.now());
    }
  };
  return { patience, pass };
}

describe('Patience', () => {
  it('has the agent ask, then say goodbye', () => {
    const { pass } = rig();
    pass(10_400);
    expect(said).toEqual([ASK_WHETHER_THERE]);
    pass(10_400);
    expect(said).toEqual([ASK_WHETHER_THERE, GIVE_UP]);
    pass(60_000);
    expect(said).toHaveLength(2);
  });

  it('looks five times a second, not with every tick', () => {
    const { pass } = rig();
    pass(2_000);
    expect(looks).toBeLessThanOrEqual(11);
  });

  it('begins anew for a caller who comes back during the goodbye', () => {
    const { patience, pass } = rig({ longestMs: 10_000, asks: 0 });
    pass(10_400);
    expect(said).toEqual([GIVE_UP]);
    patience.onAgent({ type: 'speech_started' });
    pass(60_000);
    patience.onAgent({ type: 'speech_stopped' });
    expect(said).toHaveLength(1);
    pass(10_400);
    expect(said).toEqual([GIVE_UP, GIVE_UP]);
  });

  it('blames nobody for a broken line, a broken session, or keys', () => {
    const { patience, pass } = rig();
    for (const sign of [
      () => patience.reset(),
      () => patience.acted(),
      () => patience.onAgent({ type: 'reconnecting', reason: 'x' }),
    ]) {
      pass(9_000);
      sign();
    }
    busy = true;
    pass(30_000);
    busy = false;
    pass(9_000);
    expect(said).toEqual([]);
  });
});
