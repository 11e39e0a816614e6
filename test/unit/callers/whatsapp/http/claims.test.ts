import { describe, expect, it } from 'vitest';
import { Claims } from '../../../../../src/callers/whatsapp/http/claims.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import type { ProcessMemory } from '../../../../../src/memory/memory.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { fakeLog } from '../../../../fakes/legs.ts';
import { failingMemory, shuffledMemory } from '../../../../fakes/memory.ts';

function rig() {
  const clock = new FakeClock();
  const shared = new LocalMemory({ clock });
  const process = (instance: string, memory: ProcessMemory = shared) =>
    new Claims({ memory, instance, log: fakeLog() });
  return { clock, shared, process, a: process('a'), b: process('b') };
}

describe("a call of Meta's", () => {
  it('is taken on once, by one of all processes', async () => {
    const { a, b } = rig();
    const claims = await Promise.all([a.claim('x'), b.claim('x'), a.claim('x'), b.claim('y')]);
    expect(claims).toEqual(['mine', 'repeated', 'repeated', 'mine']);
  });

  it('is not taken on again when it is over', async () => {
    const { a, b, clock } = rig();
    await a.claim('x');
    expect(await a.over('x')).toBe(false);
    expect(await b.claim('x')).toBe('repeated');
    clock.advance(3_500_000);
    expect(await b.claim('x')).toBe('repeated');
  });

  it('that ended before it was told is told once, by whichever process it comes to, ten minutes later as well', async () => {
    const { a, b, clock } = rig();
    expect(await b.over('x')).toBe(true);
    expect(await b.over('x')).toBe(false);
    clock.advance(600_000);
    expect(await Promise.all([a.claim('x'), b.claim('x'), a.claim('x')])).toEqual([
      'ended-first',
      'repeated',
      'repeated',
    ]);
  });

  it('is known to be over to the process that has it, whoever was told', async () => {
    const { a, b } = rig();
    await a.claim('x');
    expect(await a.isOver('x')).toBe(false);
    await b.over('x');
    expect(await a.isOver('x')).toBe(true);
    expect(await a.isOver('y')).toBe(false);
  });

  it('has one who sees to it and one outcome, in whatever order connects and terminates of two processes come', async () => {
    let seed = 7;
    const draw = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    const turn = async () => {
      for (let waits = Math.floor(draw() * 4); waits > 0; waits--) await Promise.resolve();
    };
    for (let round = 0; round < 300; round++) {
      const { shared, process } = rig();
      const [a, b] = [process('a', shuffledMemory(turn, shared)), process('b', shuffledMemory(turn, shared))];
      const claims = await Promise.all([a.claim('x'), b.over('x'), b.claim('x'), a.over('x'), a.claim('x')]);
      const told = claims.filter((claim) => claim === 'mine' || claim === 'ended-first');
      expect(told, `round ${round}`).toHaveLength(1);
      // Whoever took it on sees before the accept that it is over.
      expect(await a.isOver('x')).toBe(true);
    }
  });

  it('is answered where the memory fails', async () => {
    const failing = failingMemory();
    const { process } = rig();
    const claims = process('a', failing.memory);
    expect(await claims.claim('x')).toBe('mine');
    expect(await claims.over('x')).toBe(false);
    expect(await claims.isOver('x')).toBe(false);
  });
});
