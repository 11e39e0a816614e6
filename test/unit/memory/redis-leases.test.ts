import { describe, expect, it } from 'vitest';
import { RedisLeases } from '../../../src/memory/redis-leases.ts';

/** A Redis that answers when it is told to, and what was asked of it. */
function rig() {
  const asked: Array<{ readonly name: string; readonly ids: readonly unknown[]; answer(): void }> = [];
  const leases = new RedisLeases<string>(
    {
      run: ({ name }, _, args = []) =>
        new Promise((resolve) => asked.push({ name, ids: args, answer: () => resolve(0) })),
    },
    'lease',
  );
  const answer = async (n: number) => {
    asked[n]?.answer();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  return { leases, asked, answer };
}

const many = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ group: 'calls', id: `call-${n}`, value: 'here' }));

describe('leases of many calls in Redis', () => {
  it('are not put again by a renewal that began before they were freed', async () => {
    const { leases, asked, answer } = rig();
    const renewed = leases.renewAll(many(300), 30_000);
    const freed = leases.freeAll([{ group: 'calls', id: 'call-299' }]);
    await answer(0);
    await answer(1);
    await answer(2);
    await Promise.all([renewed, freed]);
    expect(asked.map(({ name }) => name)).toEqual(['vbRenewLeases', 'vbFreeLeases', 'vbRenewLeases']);
    expect([asked[0]?.ids.includes('call-0'), asked[2]?.ids.includes('call-298')]).toEqual([true, true]);
    expect(asked[2]?.ids.includes('call-299')).toBe(false);
  });

  it('are renewed again where they were taken anew since', async () => {
    const { leases, asked, answer } = rig();
    const freed = leases.freeAll(many(1));
    await answer(0);
    await freed;
    const renewed = leases.renewAll(many(1), 30_000);
    await answer(1);
    await renewed;
    expect(asked[1]?.ids).toContain('call-0');
  });
});
