import { describe, expect, it } from 'vitest';
import type { ProcessMemory } from '../../src/memory/memory.ts';
import type { FakeClock } from '../fakes/clock.ts';

export interface ProcessMemoryRig {
  /** The same empty memory as two processes see it; where only one can, both are it. */
  readonly here: ProcessMemory;
  readonly there: ProcessMemory;
  /** Moves the time by which entries expire. */
  readonly clock: FakeClock;
  /** Whether entries give way to new ones at `most`; a shared memory is bounded otherwise. */
  readonly bounded: boolean;
}

interface Word {
  readonly word: string;
  readonly more?: readonly number[];
}

const MINUTE = 60_000;

/** What every memory of processes must do. */
export function processMemoryContract(name: string, make: () => Promise<ProcessMemoryRig>): void {
  describe(`ProcessMemory: ${name}`, () => {
    const spaces = async (most = 100, full?: 'oldest' | 'new') => {
      const rig = await make();
      const options = { name: 'words', most, ...(full === undefined ? {} : { full }) };
      return { ...rig, mine: rig.here.space<Word>(options), yours: rig.there.space<Word>(options) };
    };

    it('gives what was put, to all who ask for the space of that name, until it is deleted', async () => {
      const { mine, yours, here } = await spaces();
      expect(await mine.get('a')).toBeUndefined();
      await mine.put('a', { word: 'one', more: [1, 2] }, MINUTE);
      expect(await yours.get('a')).toEqual({ word: 'one', more: [1, 2] });
      await yours.put('a', { word: 'two' }, MINUTE);
      expect(await mine.get('a')).toEqual({ word: 'two' });
      expect(await here.space<Word>({ name: 'others', most: 9 }).get('a')).toBeUndefined();
      expect([await mine.delete('a'), await mine.delete('a'), await yours.get('a')]).toEqual([true, false, undefined]);
    });

    it('takes any text for a key, and keeps apart what differs in anything', async () => {
      const { mine } = await spaces();
      const keys = ['', ' ', '["twilio","ac1","CA1"]', '["twilio","ac1","CA2"]', '__proto__', 'Ä', 'x'.repeat(600)];
      for (const key of keys) await mine.put(key, { word: `of ${key.length}` }, MINUTE);
      for (const key of keys) expect(await mine.get(key)).toEqual({ word: `of ${key.length}` });
    });

    it('keeps what JSON keeps, and nobody who holds a value holds what is remembered', async () => {
      const { mine, yours } = await spaces();
      const value = { word: 'one', more: [1], lost: undefined, when: new Date(0) };
      await mine.put('a', value, MINUTE);
      value.word = 'changed';
      value.more.push(2);
      const kept = { word: 'one', more: [1], when: '1970-01-01T00:00:00.000Z' };
      const read = await yours.get('a');
      expect(read).toStrictEqual(kept);
      Object.assign(read ?? {}, { word: 'changed' });
      expect(await mine.get('a')).toStrictEqual(kept);
    });

    it('forgets after the time of the last put, and no sooner', async () => {
      const { mine, clock } = await spaces();
      await mine.put('a', { word: 'one' }, MINUTE);
      await mine.putIfAbsent('b', { word: 'one' }, 2 * MINUTE);
      clock.advance(MINUTE - 1);
      expect(await mine.get('a')).toEqual({ word: 'one' });
      clock.advance(1);
      expect([await mine.get('a'), await mine.take('a'), await mine.delete('a')]).toEqual([
        undefined,
        undefined,
        false,
      ]);
      expect([await mine.replace('a', { word: 'one' }, { word: 'two' }, 9), await mine.expire('a', 9)]).toEqual([
        false,
        false,
      ]);
      expect(await mine.get('b')).toEqual({ word: 'one' });
      await mine.put('b', { word: 'two' }, 2 * MINUTE);
      clock.advance(2 * MINUTE - 1);
      expect(await mine.get('b')).toEqual({ word: 'two' });
      clock.advance(1);
      expect(await mine.putIfAbsent('b', { word: 'three' }, MINUTE)).toEqual({ put: true });
    });

    it('gives an entry another time, longer or shorter, and leaves its value', async () => {
      const { mine, yours, clock } = await spaces();
      await mine.put('a', { word: 'one' }, MINUTE);
      await mine.put('b', { word: 'one' }, MINUTE);
      expect([await yours.expire('a', 2 * MINUTE), await yours.expire('b', 1_000)]).toEqual([true, true]);
      clock.advance(1_000);
      expect(await mine.get('b')).toBeUndefined();
      clock.advance(MINUTE);
      expect(await mine.get('a')).toEqual({ word: 'one' });
    });

    it('lets one of all put under a free key, and shows the others what is there', async () => {
      const { mine, yours } = await spaces();
      const puts = await Promise.all(
        ['a', 'b', 'c', 'd'].map((word, n) => (n % 2 === 0 ? mine : yours).putIfAbsent('k', { word }, MINUTE)),
      );
      const kept = await mine.get('k');
      expect(puts.filter(({ put }) => put)).toHaveLength(1);
      expect(puts.filter(({ put }) => !put)).toEqual([1, 2, 3].map(() => ({ put: false, there: kept })));
    });

    it('gives an entry that all take to one of them', async () => {
      const { mine, yours } = await spaces();
      await mine.put('k', { word: 'one' }, MINUTE);
      const taken = await Promise.all([mine.take('k'), yours.take('k'), mine.take('k')]);
      expect(taken.filter((one) => one !== undefined)).toEqual([{ word: 'one' }]);
      expect(await yours.get('k')).toBeUndefined();
    });

    it('replaces and deletes what is still as it was read, once', async () => {
      const { mine, yours, clock } = await spaces();
      await mine.put('k', { word: 'one' }, MINUTE);
      const [a, b] = [await mine.get('k'), await yours.get('k')] as [Word, Word];
      const replaced = await Promise.all([
        mine.replace('k', a, { word: 'mine' }, 2 * MINUTE),
        yours.replace('k', b, { word: 'yours' }, 2 * MINUTE),
      ]);
      expect(replaced.filter((done) => done)).toHaveLength(1);
      const now = (await mine.get('k')) as Word;
      expect(now.word).toBe(replaced[0] ? 'mine' : 'yours');
      expect(await mine.delete('k', a)).toBe(false);
      clock.advance(MINUTE);
      expect(await yours.delete('k', now)).toBe(true);
      expect(await mine.replace('k', now, now, MINUTE)).toBe(false);
    });

    it('where it is bounded, has the entry with the oldest news give way', async () => {
      const { mine, bounded, clock } = await spaces(2);
      if (!bounded) return;
      await mine.put('a', { word: 'a' }, 3 * MINUTE);
      await mine.put('b', { word: 'b' }, MINUTE);
      await mine.put('a', { word: 'news' }, 3 * MINUTE);
      await mine.put('c', { word: 'c' }, 3 * MINUTE);
      expect([await mine.get('a'), await mine.get('b')]).toEqual([{ word: 'news' }, undefined]);
      await mine.put('b', { word: 'b' }, MINUTE);
      expect([await mine.get('a'), await mine.get('c')]).toEqual([undefined, { word: 'c' }]);
      // One that has expired goes before one that lives.
      await mine.put('c', { word: 'news' }, 3 * MINUTE);
      clock.advance(MINUTE);
      await mine.putIfAbsent('d', { word: 'd' }, MINUTE);
      expect([await mine.get('c'), await mine.get('d')]).toEqual([{ word: 'news' }, { word: 'd' }]);
    });

    it('where it is bounded and nothing living may give way, takes no new ones until something has expired', async () => {
      const { mine, bounded, clock } = await spaces(2, 'new');
      if (!bounded) return;
      await mine.putIfAbsent('a', { word: 'a' }, MINUTE);
      await mine.putIfAbsent('b', { word: 'b' }, 2 * MINUTE);
      expect(await mine.putIfAbsent('c', { word: 'c' }, MINUTE)).toEqual({ put: false, there: undefined });
      expect(await mine.putIfAbsent('a', { word: 'x' }, MINUTE)).toEqual({ put: false, there: { word: 'a' } });
      clock.advance(MINUTE);
      expect(await mine.putIfAbsent('c', { word: 'c' }, MINUTE)).toEqual({ put: true });
    });

    it('counts uses within a window, of all together, and says when the next is free', async () => {
      const { here, there, clock } = await spaces();
      const [mine, yours] = [here, there].map((one) => one.window({ name: 'hour', ms: 60 * MINUTE })) as [
        ReturnType<ProcessMemory['window']>,
        ReturnType<ProcessMemory['window']>,
      ];
      const takes = await Promise.all([mine.take(2), yours.take(2), mine.take(2), yours.take(2)]);
      expect(takes.filter(({ ok }) => ok)).toHaveLength(2);
      clock.advance(20 * MINUTE);
      expect(await yours.take(2)).toEqual({ ok: false, retryAfterMs: 40 * MINUTE });
      expect((await here.window({ name: 'other', ms: MINUTE }).take(1)).ok).toBe(true);
      const [use] = takes.flatMap((taken) => (taken.ok ? [taken.use] : []));
      await yours.giveBack(use ?? '');
      await yours.giveBack(use ?? '');
      await mine.giveBack('unknown');
      expect([(await mine.take(2)).ok, (await mine.take(2)).ok]).toEqual([true, false]);
      clock.advance(40 * MINUTE);
      expect([(await yours.take(2)).ok, await yours.take(2)]).toEqual([true, { ok: false, retryAfterMs: 20 * MINUTE }]);
    });

    it('of none grants none, ever', async () => {
      const { here } = await spaces();
      expect(await here.window({ name: 'none', ms: 60_000 }).take(0)).toEqual({ ok: false, retryAfterMs: undefined });
    });
  });
}
