import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { CallMemory, type Made } from '../../../../../src/callers/phone/http/call-memory.ts';
import { PendingConnections } from '../../../../../src/http/pending.ts';
import { withDeadline } from '../../../../../src/memory/deadline.ts';
import { LocalMemory } from '../../../../../src/memory/local.ts';
import { atTwilio } from '../../../../fakes/carrier.ts';
import { FakeClock } from '../../../../fakes/clock.ts';
import { failingMemory, shuffledMemory, silentMemory } from '../../../../fakes/memory.ts';

const MINUTE = 60_000;
let clock: FakeClock;
let local: LocalMemory;
let memory: CallMemory;

beforeEach(() => {
  clock = new FakeClock();
  local = new LocalMemory({ clock });
  memory = new CallMemory({ memory: local, clock });
});

/** Answers a first webhook, or one after the visit that is remembered. */
const answer = async (id: string, document: string, started = true, at = memory) =>
  at.answer(atTwilio(id), await at.recall(atTwilio(id)), async () => ({ document, started }));
const documentOf = async (id: string, at = memory) => (await (await at.recall(atTwilio(id)))?.answer())?.document;

describe('the memory of answered calls', () => {
  it('holds the answer while the call lives, and ten minutes after its end', async () => {
    await answer('CA1', '<Response/>');
    clock.advance(24 * 60 * MINUTE);
    expect(await documentOf('CA1')).toBe('<Response/>');
    await memory.ended(atTwilio('CA1'));
    clock.advance(10 * MINUTE - 1);
    expect(await documentOf('CA1')).toBe('<Response/>');
    clock.advance(1);
    expect(await memory.recall(atTwilio('CA1'))).toBeUndefined();
  });

  it('knows a call that ended although it was answered elsewhere', async () => {
    await memory.ended(atTwilio('CA2'));
    expect(await memory.recall(atTwilio('CA2'))).toBeDefined();
    expect(await documentOf('CA2')).toBeUndefined();
  });

  it('reads a call once from its webhook to its end, and again where another process has changed it', async () => {
    const counted = (into: string[]) => {
      const space: LocalMemory['space'] = (options) =>
        new Proxy(local.space(options), {
          get: (target, name) => {
            const value = Reflect.get(target, name) as unknown;
            if (typeof value !== 'function') return value;
            return (...args: unknown[]) => {
              into.push(String(name));
              return (value as (...args: unknown[]) => unknown).apply(target, args);
            };
          },
        }) as never;
      return new CallMemory({ memory: { space } as LocalMemory, clock });
    };
    const asked: string[] = [];
    const one = counted(asked);
    await answer('CA1', 'first', true, one);
    await one.opened(atTwilio('CA1'));
    await one.ended(atTwilio('CA1'));
    expect(asked).toEqual(['get', 'putIfAbsent', 'replace', 'replace', 'replace']);
    await answer('CA2', 'second', true, one);
    await memory.opened(atTwilio('CA2'));
    await one.ended(atTwilio('CA2'));
    expect(await memory.recall(atTwilio('CA2'))).toMatchObject({ opened: true, over: true, visits: 1 });
    asked.length = 0;
    await one.ended(atTwilio('CA2'));
    expect(asked).toEqual(['get']);
  });

  it('forgets what started nothing, and what could not be made', async () => {
    expect(await answer('CA1', 'busy', false)).toEqual({ document: 'busy', first: true });
    expect(await memory.recall(atTwilio('CA1'))).toBeUndefined();
    const failed = memory.answer(atTwilio('CA1'), undefined, () => Promise.reject(new Error('no words')));
    await expect(failed).rejects.toThrow('no words');
    expect(await memory.recall(atTwilio('CA1'))).toBeUndefined();
  });

  it('frees calls whose end was never told, after a day and an hour', async () => {
    await answer('CA1', 'x');
    clock.advance(25 * 60 * MINUTE);
    await answer('CA2', 'y');
    expect(local.size('calls')).toBe(1);
  });

  it('is bounded: the call with the oldest news goes first', async () => {
    local = new LocalMemory({ clock });
    memory = new CallMemory({ memory: local, clock, capacity: 2 });
    await answer('CA1', '1');
    await answer('CA2', '2');
    await memory.ended(atTwilio('CA1'));
    await answer('CA3', '3');
    expect([local.size('calls'), await documentOf('CA1'), await memory.recall(atTwilio('CA2'))]).toEqual([
      2,
      '1',
      undefined,
    ]);
  });

  it('counts visits, each with an answer of its own, and knows whether its stream was opened', async () => {
    await memory.opened(atTwilio('CA1'));
    expect(await memory.recall(atTwilio('CA1'))).toBeUndefined();
    await answer('CA1', 'first');
    expect(await memory.recall(atTwilio('CA1'))).toMatchObject({ visits: 1, opened: false });
    await memory.opened(atTwilio('CA1'));
    expect(await memory.recall(atTwilio('CA1'))).toMatchObject({ visits: 1, opened: true });
    const again: boolean[] = [];
    await memory.answer(atTwilio('CA1'), await memory.recall(atTwilio('CA1')), async () => {
      again.push(memory.isVisitedAgain(atTwilio('CA1')), memory.isVisitedAgain(atTwilio('CA2')));
      return { document: 'second', started: true };
    });
    expect(again).toEqual([true, false]);
    expect(await memory.recall(atTwilio('CA1'))).toMatchObject({ visits: 2, opened: false });
    expect(await documentOf('CA1')).toBe('second');
  });

  it('makes nobody wait for another turn of the event loop', async () => {
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    await answer('CA1', 'first');
    await memory.opened(atTwilio('CA1'));
    await answer('CA1', 'second');
    expect([await documentOf('CA1'), turned]).toEqual(['second', false]);
  });

  it('hands on an answer that is still being made, without waiting for the memory', async () => {
    const made = Promise.withResolvers<Made>();
    const first = memory.answer(atTwilio('CA1'), undefined, () => made.promise);
    const seen = await memory.recall(atTwilio('CA1'));
    expect(seen).toMatchObject({ visits: 1, opened: false });
    const second = memory.answer(atTwilio('CA1'), undefined, () => Promise.reject(new Error('made twice')));
    made.resolve({ document: 'x', started: true });
    expect(await Promise.all([first, second, seen?.answer()])).toMatchObject([
      { document: 'x', first: true },
      { document: 'x', first: false },
      { document: 'x' },
    ]);
  });
});

describe('answered calls that several processes share', () => {
  it('have one answer each, however many webhooks come at once to whom, and in whatever order the memory answers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.boolean(), async (s, isSecondVisit) => {
        clock = new FakeClock();
        const inner = new LocalMemory({ clock });
        const shared = () =>
          new CallMemory({ memory: shuffledMemory(() => s.schedule(Promise.resolve()), inner), clock });
        const processes = [shared(), shared()];
        const call = atTwilio('CA1');
        let made = 0;
        let done = false;
        const all = async <T>(asked: Array<Promise<T>>): Promise<T[]> => {
          done = false;
          const both = Promise.all(asked).finally(() => {
            done = true;
          });
          while (!done) {
            await s.waitIdle();
            await clock.advanceAsync(50, 50);
          }
          return both;
        };
        const webhook = async (n: number, before?: Awaited<ReturnType<CallMemory['recall']>>) => {
          const at = processes[n % 2]!;
          const seen = before ?? (await at.recall(call));
          // A repetition, as the route takes it: its stream was not opened yet.
          if (seen?.opened === false) return { document: (await seen.answer())?.document, first: false };
          return at.answer(call, seen, async () => {
            await s.schedule(Promise.resolve());
            return { document: `answer ${++made}`, started: true };
          });
        };
        if (isSecondVisit) {
          await all([webhook(0)]);
          await all([processes[1]!.opened(call)]);
        }
        // All saw the same before any of them went on.
        const before = isSecondVisit ? await all(processes.map((one) => one.recall(call))) : [];
        const answers = await all([0, 1, 2, 3].map((n) => webhook(n, before[n % 2])));
        const last = isSecondVisit ? 2 : 1;
        expect(made).toBe(last);
        expect(answers.map(({ document }) => document)).toEqual(Array(4).fill(`answer ${last}`));
        expect(answers.filter(({ first }) => first)).toHaveLength(1);
        const [visit] = await all([processes[0]!.recall(call)]);
        expect(visit).toMatchObject({ visits: last, opened: false });
      }),
      { numRuns: 60 },
    );
  });

  it('are answered by another after three seconds where whoever was to answer is gone', async () => {
    const other = new CallMemory({ memory: local, clock });
    void other.answer(atTwilio('CA1'), undefined, () => new Promise(() => {}));
    await clock.advanceAsync(10);
    const seen = await memory.recall(atTwilio('CA1'));
    const told = seen?.answer();
    await clock.advanceAsync(3_100, 50);
    expect(await told).toBeUndefined();
    const answered = memory.answer(atTwilio('CA1'), seen, async () => ({ document: 'x', started: true }));
    expect(await answered).toEqual({ document: 'x', first: true });
  });
});

describe('answered calls whose memory fails', () => {
  it('are answered all the same, once while that is being made, and anew after that', async () => {
    const failing = failingMemory();
    memory = new CallMemory({ memory: failing.memory, clock });
    let made = 0;
    const make = async () => ({ document: `answer ${++made}`, started: true });
    const both = [0, 1].map(() => memory.answer(atTwilio('CA1'), undefined, make));
    expect((await Promise.all(both)).map(({ document }) => document)).toEqual(['answer 1', 'answer 1']);
    expect(await memory.recall(atTwilio('CA1'))).toBeUndefined();
    expect((await memory.answer(atTwilio('CA1'), undefined, make)).document).toBe('answer 2');
    await memory.ended(atTwilio('CA1'));
    await memory.opened(atTwilio('CA1'));
    failing.fails = false;
    expect((await memory.answer(atTwilio('CA1'), undefined, make)).document).toBe('answer 3');
    expect(await documentOf('CA1')).toBe('answer 3');
  });

  it('are answered after the deadlines of one that does not answer, well before the carrier gives up', async () => {
    memory = new CallMemory({ memory: withDeadline(silentMemory(), { clock, ms: 500 }), clock });
    const answered = answer('CA1', 'x');
    await clock.advanceAsync(1_600, 50);
    expect(await answered).toEqual({ document: 'x', first: true });
  });
});

describe('pending connections', () => {
  it('are limited by address and in all, and give their place back once', () => {
    const pending = new PendingConnections({ perAddress: 2, total: 3 });
    const first = pending.admit('a');
    expect(typeof first).toBe('function');
    pending.admit('a');
    expect(pending.admit('a')).toBe('address');
    expect(typeof pending.admit('b')).toBe('function');
    expect(pending.admit('c')).toBe('total');
    if (typeof first !== 'function') return;
    first();
    first();
    expect(pending.total).toBe(2);
    expect(typeof pending.admit('a')).toBe('function');
    expect(pending.admit('a')).toBe('total');
  });
});
