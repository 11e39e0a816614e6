import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError, answerOf } from '../../../src/http/api-error.ts';
import { Idempotency, idempotencyKey } from '../../../src/http/idempotency.ts';
import { withDeadline } from '../../../src/memory/deadline.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import type { ProcessMemory } from '../../../src/memory/memory.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { failingMemory, shuffledMemory, silentMemory } from '../../fakes/memory.ts';

function rig(options: { keepMs?: number; capacity?: number; memory?: ProcessMemory } = {}) {
  const clock = new FakeClock();
  const local = new LocalMemory({ clock });
  let works = 0;
  const memory = new Idempotency<number>({ clock, memory: local, ...options });
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
  return { clock, local, run, works: () => works };
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
    const { run, clock, local } = rig({ keepMs: 1_000, capacity: 2 });
    await run('a', {});
    clock.advance(999);
    expect((await run('a', {})).replayed).toBe(true);
    clock.advance(1);
    expect((await run('a', {})).replayed).toBe(false);
    await run('b', {});
    await run('c', {});
    expect(local.size('idempotency')).toBe(2);
    expect((await run('a', {})).replayed).toBe(false);
  });
});

describe('a key in a memory that several processes share', () => {
  it('has the work done once, whoever asks at once and in whatever order the memory answers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (s) => {
        const clock = new FakeClock();
        const inner = new LocalMemory({ clock });
        let works = 0;
        const processes = [1, 2].map(
          () => new Idempotency<number>({ clock, memory: shuffledMemory(() => s.schedule(Promise.resolve()), inner) }),
        );
        const ask = (n: number, body: object) =>
          processes[n]!.run(
            'k',
            body,
            async () => {
              works++;
              await s.schedule(Promise.resolve());
              return works;
            },
            () => false,
          );
        // The last has another body: it gets the key, or the rest does.
        const asked = Promise.allSettled([ask(0, { a: 1 }), ask(0, { a: 1 }), ask(1, { a: 1 }), ask(1, { a: 2 })]);
        let done = false;
        void asked.then(() => {
          done = true;
        });
        while (!done) {
          await s.waitIdle();
          await clock.advanceAsync(100, 100);
        }
        const outcomes = (await asked).map((one) =>
          one.status === 'fulfilled' ? `${one.value.answer} ${one.value.replayed}` : one.reason.code,
        );
        expect(works).toBe(1);
        const other = outcomes.pop();
        if (other === '1 false') expect(outcomes).toEqual(Array(3).fill('IDEMPOTENCY_KEY_REUSED'));
        else expect([other, ...outcomes.sort()]).toEqual(['IDEMPOTENCY_KEY_REUSED', '1 false', '1 true', '1 true']);
      }),
      { numRuns: 60 },
    );
  });

  it('tells what another was told of a failure that may have done it', async () => {
    const clock = new FakeClock();
    const memory = new LocalMemory({ clock });
    const [one, other] = [new Idempotency({ clock, memory }), new Idempotency({ clock, memory })];
    const lost = new ApiError(502, 'REQUEST_INVALID', 'lost', { headers: { 'retry-after': '9' }, details: { x: 1 } });
    const work = () => Promise.reject(lost);
    await expect(one.run('k', {}, work, () => true)).rejects.toBe(lost);
    const again = await other.run('k', {}, work, () => true).catch((error: unknown) => error);
    expect(answerOf(again)).toEqual(answerOf(lost));
  });

  it('that another took and never finished is refused after ten seconds, and nothing is done', async () => {
    const clock = new FakeClock();
    const memory = new LocalMemory({ clock });
    let works = 0;
    void new Idempotency({ clock, memory }).run(
      'k',
      {},
      () => new Promise(() => {}),
      () => false,
    );
    const other = new Idempotency({ clock, memory })
      .run(
        'k',
        {},
        async () => ++works,
        () => false,
      )
      .catch((error) => error);
    await clock.advanceAsync(10_500, 100);
    expect(await other).toMatchObject({ status: 503, retryable: true });
    expect(works).toBe(0);
  });
});

describe('a key whose memory fails', () => {
  it('is refused, and nothing is done', async () => {
    const failing = failingMemory();
    const { run, works } = rig({ memory: failing.memory });
    await expect(run('k', {})).rejects.toThrow('the memory is gone');
    expect(works()).toBe(0);
    failing.fails = false;
    expect(await run('k', {})).toEqual({ answer: 1, replayed: false });
  });

  it('is refused after the deadline of one that does not answer', async () => {
    const clock = new FakeClock();
    const { run, works } = rig({ memory: withDeadline(silentMemory(), { clock, ms: 500 }) });
    const asked = run('k', {}).catch((error) => error);
    await clock.advanceAsync(500);
    expect(await asked).toMatchObject({ status: 503 });
    expect(works()).toBe(0);
  });

  it('after the work, stays taken: the answer is given, and the work is not done again', async () => {
    const failing = failingMemory();
    failing.fails = false;
    const clock = new FakeClock();
    const keys = new Idempotency<number>({ clock, memory: failing.memory });
    let works = 0;
    const work = async () => {
      failing.fails = true;
      return ++works;
    };
    expect(await keys.run('k', {}, work, () => false)).toEqual({ answer: 1, replayed: false });
    failing.fails = false;
    const again = keys.run('k', {}, work, () => false).catch((error) => error);
    await clock.advanceAsync(10_500, 100);
    expect(await again).toMatchObject({ status: 503 });
    expect(works).toBe(1);
  });
});

it('a key is printable and not too long', () => {
  expect(idempotencyKey(undefined)).toBeUndefined();
  expect(idempotencyKey('6f1e-~!')).toBe('6f1e-~!');
  for (const bad of ['', ' ', 'a b', 'ä', 'x'.repeat(256), ['a', 'b']])
    expect(() => idempotencyKey(bad)).toThrow('Idempotency-Key');
});
