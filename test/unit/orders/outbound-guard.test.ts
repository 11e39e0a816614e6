import { describe, expect, it } from 'vitest';
import { LocalMemory } from '../../../src/memory/local.ts';
import type { ProcessMemory } from '../../../src/memory/memory.ts';
import { type OutboundDecision, OutboundGuard, type OutboundPlace } from '../../../src/orders/outbound-guard.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { failingMemory, hourLimit } from '../../fakes/memory.ts';

const HOUR = 3_600_000;

interface Options {
  readonly perHour?: number;
  readonly concurrent?: number;
  readonly longestMs?: number;
  readonly clock?: FakeClock;
  readonly memory?: ProcessMemory;
}

function rig({ perHour = 3, clock = new FakeClock(), memory = new LocalMemory({ clock }), ...options }: Options = {}) {
  const guard = new OutboundGuard({
    clock,
    mayDial: (number) =>
      number.startsWith('+1')
        ? { ok: true, number: number.replaceAll(' ', '') }
        : { ok: false, code: 'not_listed', reason: 'This number is not allowed.' },
    hourly: hourLimit(perHour, clock),
    concurrent: 2,
    longestMs: 2 * HOUR,
    leases: memory.leases({ name: 'orders' }),
    instance: 'here',
    ...options,
  });
  return { clock, guard };
}

function placed(decision: OutboundDecision): OutboundPlace {
  if (!decision.ok) throw new Error(`refused: ${decision.limit}`);
  return decision.place;
}
const limitOf = (decision: OutboundDecision) => (decision.ok ? undefined : decision.limit);

describe('the outbound guard', () => {
  it('asks the policy first, and gives the number in its final form', async () => {
    const { guard } = rig({ perHour: 1 });
    expect(await guard.admit('+49301234567')).toEqual({
      ok: false,
      limit: 'destination',
      code: 'not_listed',
      reason: 'This number is not allowed.',
    });
    expect(placed(await guard.admit('+1 555 000 1111')).number).toBe('+15550001111');
  });

  it('bounds calls at once; a place given back is free, once', async () => {
    const { guard } = rig({ perHour: 100 });
    const first = placed(await guard.admit('+15550001111'));
    placed(await guard.admit('+15550001112'));
    expect(limitOf(await guard.admit('+15550001113'))).toBe('concurrent');
    first.release();
    first.release();
    expect(guard.active).toBe(1);
    placed(await guard.admit('+15550001113'));
    expect(limitOf(await guard.admit('+15550001114'))).toBe('concurrent');
  });

  it('bounds the calls at once of all who share the memory; those of one that died count for half a minute', async () => {
    const clock = new FakeClock();
    const memory = new LocalMemory({ clock });
    const [one, other] = [rig({ clock, memory, perHour: 100 }), rig({ clock, memory, perHour: 100 })];
    const first = placed(await one.guard.admit('+15550001111'));
    placed(await other.guard.admit('+15550001112'));
    for (const { guard } of [one, other]) expect(limitOf(await guard.admit('+15550001113'))).toBe('concurrent');
    // They are renewed while they go on.
    await clock.advanceAsync(5 * 60_000, 1_000);
    expect(limitOf(await other.guard.admit('+15550001113'))).toBe('concurrent');
    first.release();
    await clock.advanceAsync(1);
    placed(await other.guard.admit('+15550001113'));
    other.guard.close();
    await clock.advanceAsync(31_000, 1_000);
    placed(await one.guard.admit('+15550001114'));
    placed(await one.guard.admit('+15550001115'));
  });

  it('counts its own where the memory is gone, and tells it of them when it is back', async () => {
    const clock = new FakeClock();
    const inner = new LocalMemory({ clock });
    const failing = failingMemory(inner);
    const one = rig({ clock, memory: failing.memory, perHour: 100 });
    placed(await one.guard.admit('+15550001111'));
    placed(await one.guard.admit('+15550001112'));
    expect(limitOf(await one.guard.admit('+15550001113'))).toBe('concurrent');
    failing.fails = false;
    await clock.advanceAsync(11_000, 1_000);
    expect(limitOf(await rig({ clock, memory: inner }).guard.admit('+15550001113'))).toBe('concurrent');
  });

  it('bounds calls in any hour, and says when the next is possible', async () => {
    const { guard, clock } = rig();
    for (let i = 0; i < 3; i++) {
      placed(await guard.admit('+15550001111')).release();
      clock.advance(10 * 60_000);
    }
    expect(await guard.admit('+15550001111')).toMatchObject({ limit: 'per_hour', retryAfterMs: HOUR - 30 * 60_000 });
    clock.advance(HOUR - 30 * 60_000 - 1);
    expect(limitOf(await guard.admit('+15550001111'))).toBe('per_hour');
    clock.advance(1);
    placed(await guard.admit('+15550001111')).release();
    expect(limitOf(await guard.admit('+15550001111'))).toBe('per_hour');
  });

  it('a call that was never placed does not count; one that was cannot be taken back', async () => {
    const { guard } = rig({ perHour: 1 });
    const never = placed(await guard.admit('+15550001111'));
    never.cancel();
    never.cancel();
    expect(guard.active).toBe(0);
    const made = placed(await guard.admit('+15550001111'));
    made.release();
    made.cancel();
    expect(limitOf(await guard.admit('+15550001111'))).toBe('per_hour');
  });

  it('a refused call uses up nothing', async () => {
    const { guard } = rig({ perHour: 1, concurrent: 5 });
    for (let i = 0; i < 10; i++) await guard.admit('+4930');
    placed(await guard.admit('+15550001111'));
  });

  it('a call whose end is never told gives its place back at last', async () => {
    const { guard, clock } = rig({ perHour: 100, concurrent: 1, longestMs: 2 * HOUR });
    placed(await guard.admit('+15550001111'));
    clock.advance(2 * HOUR - 1);
    expect(limitOf(await guard.admit('+15550001111'))).toBe('concurrent');
    clock.advance(1);
    expect(guard.active).toBe(0);
    placed(await guard.admit('+15550001111'));
  });

  it('zero forbids all', async () => {
    expect(limitOf(await rig({ perHour: 0 }).guard.admit('+15550001111'))).toBe('per_hour');
    expect(limitOf(await rig({ concurrent: 0 }).guard.admit('+15550001111'))).toBe('concurrent');
  });
});
