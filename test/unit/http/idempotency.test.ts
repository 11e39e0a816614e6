import { describe, expect, it } from 'vitest';
import { Idempotency, idempotencyKey } from '../../../src/http/idempotency.ts';
import { FakeClock } from '../../fakes/clock.ts';

function rig(options: { keepMs?: number; capacity?: number } = {}) {
  const clock = new FakeClock();
  let works = 0;
  const memory = new Idempotency<number>({ clock, ...options });
  const run = (key: string, body: unknown, fail?: Error, keep = false) =>
    memory.run(
      key,
      body,
      async () => {
        works++;
        await Promise.resolve();
        if (fail !== undefined) throw fail;
        return works;
      },
      () => keep,
    );
  return { clock, memory, run, works: () => works };
}

describe('a key', () => {
  it('gives the first answer again, whatever the order of the body’s keys', async () => {
    const { run, works } = rig();
    expect(await run('k', { a: 1, b: { c: [1, 2], d: 'x' } })).toEqual({ answer: 1, replayed: false });
    expect(await run('k', { b: { d: 'x', c: [1, 2] }, a: 1, e: undefined })).toEqual({ answer: 1, replayed: true });
    expect(works()).toBe(1);
  });

  it('gives the same answer while the first is still being made', async () => {
    const { run, works } = rig();
    const [first, second] = await Promise.all([run('k', {}), run('k', {})]);
    expect([first, second]).toEqual([
      { answer: 1, replayed: false },
      { answer: 1, replayed: true },
    ]);
    expect(works()).toBe(1);
  });

  it.each([[{ a: 2 }], [{ a: '1' }], [{ a: 1, b: null }], [[1]], [{ a: [2, 1] }], [null]])(
    'is refused with another body: %j',
    async (other) => {
      const { run, works } = rig();
      await run('k', { a: 1 });
      await expect(run('k', other)).rejects.toMatchObject({ status: 409, code: 'IDEMPOTENCY_KEY_REUSED' });
      expect(works()).toBe(1);
    },
  );

  it('of a failure that did nothing is free again; of one that may have done it is not', async () => {
    const { run, works } = rig();
    await expect(run('k', {}, new Error('refused'))).rejects.toThrow('refused');
    expect(await run('k', {})).toEqual({ answer: 2, replayed: false });
    await expect(run('j', {}, new Error('lost'), true)).rejects.toThrow('lost');
    await expect(run('j', {})).rejects.toThrow('lost');
    expect(works()).toBe(3);
  });

  it('is forgotten after its time, and when there are too many', async () => {
    const { run, clock, memory } = rig({ keepMs: 1_000, capacity: 2 });
    await run('a', {});
    clock.advance(999);
    expect((await run('a', {})).replayed).toBe(true);
    clock.advance(1);
    expect((await run('a', {})).replayed).toBe(false);
    await run('b', {});
    await run('c', {});
    expect(memory.size).toBe(2);
    expect((await run('a', {})).replayed).toBe(false);
  });
});

it('a key is printable and not too long', () => {
  expect(idempotencyKey(undefined)).toBeUndefined();
  expect(idempotencyKey('6f1e-~!')).toBe('6f1e-~!');
  for (const bad of ['', ' ', 'a b', 'ä', 'x'.repeat(256), ['a', 'b']])
    expect(() => idempotencyKey(bad)).toThrow('Idempotency-Key');
});
