import { describe, expect, it, vi } from 'vitest';
import type { MemoryLeases, MemoryState, ProcessMemory } from '../../src/memory/memory.ts';

export interface ProcessMemoryRig {
  /** The same empty memory as two processes see it; where only one can, both are it. */
  readonly here: ProcessMemory;
  readonly there: ProcessMemory;
  /** Moves the time by which entries expire. */
  advance(ms: number): Promise<void>;
  /** How exactly it moves, ms: what expires in less may have expired. */
  readonly moment: number;
  /** Whether entries give way to new ones at `most`; a shared memory is bounded otherwise. */
  readonly bounded: boolean;
  /** Whether it is there; it is, where nothing else is said. */
  readonly state?: MemoryState;
}

interface Word {
  readonly word: string;
  readonly more?: readonly number[];
}

const MINUTE = 60_000;

/** This time, or up to so much less. */
const near = (ms: number, moment: number) => ({
  asymmetricMatch: (given: unknown) => typeof given === 'number' && given <= ms && given > ms - moment,
});

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
      const { mine, advance, moment } = await spaces();
      await mine.put('a', { word: 'one' }, MINUTE);
      await mine.putIfAbsent('b', { word: 'one' }, 2 * MINUTE);
      await advance(MINUTE - moment);
      expect(await mine.get('a')).toEqual({ word: 'one' });
      await advance(moment);
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
      await advance(2 * MINUTE - moment);
      expect(await mine.get('b')).toEqual({ word: 'two' });
      await advance(moment);
      expect(await mine.putIfAbsent('b', { word: 'three' }, MINUTE)).toEqual({ put: true });
    });

    it('gives an entry another time, longer or shorter, and leaves its value', async () => {
      const { mine, yours, advance } = await spaces();
      await mine.put('a', { word: 'one' }, MINUTE);
      await mine.put('b', { word: 'one' }, MINUTE);
      expect([await yours.expire('a', 2 * MINUTE), await yours.expire('b', 1_000)]).toEqual([true, true]);
      await advance(1_000);
      expect(await mine.get('b')).toBeUndefined();
      await advance(MINUTE);
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
      const { mine, yours, advance } = await spaces();
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
      await advance(MINUTE);
      expect(await yours.delete('k', now)).toBe(true);
      expect(await mine.replace('k', now, now, MINUTE)).toBe(false);
    });

    it('puts and replaces several at once, each by itself', async () => {
      const { mine, yours, advance } = await spaces();
      const word = (text: string) => ({ word: text });
      const put = (...keys: string[]) => keys.map((key) => ({ key, value: word(key) }));
      await mine.putAll(put('a', 'b', 'c'), MINUTE);
      await mine.putAll([], MINUTE);
      expect(await Promise.all(['a', 'b', 'c'].map((key) => yours.get(key)))).toEqual(['a', 'b', 'c'].map(word));
      await yours.put('b', word('other'), MINUTE);
      const change = (key: string) => ({ key, expected: word(key), value: word('new') });
      expect(await mine.replaceAll([change('a'), change('b'), change('none'), change('c')], 2 * MINUTE)).toEqual([
        true,
        false,
        false,
        true,
      ]);
      await advance(MINUTE);
      const after = await Promise.all(['a', 'b', 'c', 'none'].map((key) => yours.get(key)));
      expect(after).toEqual([word('new'), undefined, word('new'), undefined]);
    });

    it('where it is bounded, has the entry with the oldest news give way', async () => {
      const { mine, bounded, advance } = await spaces(2);
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
      await advance(MINUTE);
      await mine.putIfAbsent('d', { word: 'd' }, MINUTE);
      expect([await mine.get('c'), await mine.get('d')]).toEqual([{ word: 'news' }, { word: 'd' }]);
    });

    it('where it is bounded and nothing living may give way, takes no new ones until something has expired', async () => {
      const { mine, bounded, advance } = await spaces(2, 'new');
      if (!bounded) return;
      await mine.putIfAbsent('a', { word: 'a' }, MINUTE);
      await mine.putIfAbsent('b', { word: 'b' }, 2 * MINUTE);
      expect(await mine.putIfAbsent('c', { word: 'c' }, MINUTE)).toEqual({ put: false, there: undefined });
      expect(await mine.putIfAbsent('a', { word: 'x' }, MINUTE)).toEqual({ put: false, there: { word: 'a' } });
      await advance(MINUTE);
      expect(await mine.putIfAbsent('c', { word: 'c' }, MINUTE)).toEqual({ put: true });
    });

    it('counts uses within a window, of all together, and says when the next is free', async () => {
      const { here, there, advance, moment } = await spaces();
      const [mine, yours] = [here, there].map((one) => one.window({ name: 'hour', ms: 60 * MINUTE })) as [
        ReturnType<ProcessMemory['window']>,
        ReturnType<ProcessMemory['window']>,
      ];
      const takes = await Promise.all([mine.take(2), yours.take(2), mine.take(2), yours.take(2)]);
      expect(takes.filter(({ ok }) => ok)).toHaveLength(2);
      await advance(20 * MINUTE);
      expect(await yours.take(2)).toEqual({ ok: false, retryAfterMs: near(40 * MINUTE, moment) });
      expect((await here.window({ name: 'other', ms: MINUTE }).take(1)).ok).toBe(true);
      const [use] = takes.flatMap((taken) => (taken.ok ? [taken.use] : []));
      await yours.giveBack(use ?? '');
      await yours.giveBack(use ?? '');
      await mine.giveBack('unknown');
      expect([(await mine.take(2)).ok, (await mine.take(2)).ok]).toEqual([true, false]);
      await advance(40 * MINUTE);
      const last = { ok: false, retryAfterMs: near(20 * MINUTE, moment) };
      expect([(await yours.take(2)).ok, await yours.take(2)]).toEqual([true, last]);
    });

    it('has a use count again that was forgotten, for the time that is said, and leaves one that is known as it is', async () => {
      const { here, advance, moment } = await spaces();
      const hour = here.window({ name: 'hour', ms: 60 * MINUTE });
      const taken = await hour.take(1);
      if (!taken.ok) throw new Error('refused');
      await hour.putAgain(taken.use, MINUTE);
      await hour.putAgain('forgotten', 10 * MINUTE);
      expect(await hour.take(2)).toEqual({ ok: false, retryAfterMs: near(10 * MINUTE, moment) });
      await advance(11 * MINUTE);
      expect([(await hour.take(1)).ok, (await hour.take(2)).ok]).toEqual([false, true]);
      await hour.putAgain('other', 10 * MINUTE);
      await hour.giveBack('other');
      expect((await hour.take(3)).ok).toBe(true);
    });

    it('of none grants none, ever', async () => {
      const { here } = await spaces();
      expect(await here.window({ name: 'none', ms: 60_000 }).take(0)).toEqual({ ok: false, retryAfterMs: undefined });
    });

    const leases = async () => {
      const rig = await make();
      const [mine, yours] = [rig.here, rig.there].map((one) => one.leases<Word>({ name: 'lines' }));
      return { ...rig, mine, yours } as typeof rig & Record<'mine' | 'yours', MemoryLeases<Word>>;
    };
    const ids = async (from: MemoryLeases<Word>, group: string) =>
      (await from.members(group)).map(({ id }) => id).sort();

    it('takes in so many members of a group at once, of all together, and shows who they are', async () => {
      const { mine, yours, here } = await leases();
      const takes = await Promise.all(
        ['a', 'b', 'c', 'd'].map((id, n) => (n % 2 === 0 ? mine : yours).take('g', id, { word: id }, 2, MINUTE)),
      );
      expect(takes.filter((taken) => taken)).toHaveLength(2);
      const [first] = await ids(mine, 'g');
      // Who is one already is none more, and brings another value.
      expect(await yours.take('g', first ?? '', { word: 'news', more: [1] }, 2, MINUTE)).toBe(true);
      expect(await mine.members('g')).toContainEqual({ id: first, value: { word: 'news', more: [1] } });
      expect([await ids(yours, 'g'), await ids(yours, 'other')]).toEqual([expect.any(Array), []]);
      expect(await ids(here.leases<Word>({ name: 'others' }), 'g')).toEqual([]);
      expect([
        await yours.take('other', 'e', { word: 'e' }, 1, MINUTE),
        await mine.take('none', 'e', { word: 'e' }, 0, MINUTE),
      ]).toEqual([true, false]);
    });

    it('ends a member by itself after its time, one by one, and not before', async () => {
      const { mine, yours, advance, moment } = await leases();
      await mine.take('g', 'a', { word: 'a' }, 2, MINUTE);
      await mine.take('g', 'b', { word: 'b' }, 2, 3 * MINUTE);
      await advance(MINUTE - moment);
      expect(await yours.take('g', 'c', { word: 'c' }, 2, MINUTE)).toBe(false);
      await advance(moment);
      expect(await ids(yours, 'g')).toEqual(['b']);
      expect(await yours.take('g', 'c', { word: 'c' }, 2, MINUTE)).toBe(true);
      await advance(2 * MINUTE);
      expect(await ids(mine, 'g')).toEqual([]);
    });

    it('renews what lives, and puts what had ended again, however full its group is', async () => {
      const { mine, yours, advance } = await leases();
      await mine.take('g', 'a', { word: 'a' }, 1, MINUTE);
      await advance(MINUTE / 2);
      await mine.renew('g', 'a', { word: 'news' }, MINUTE);
      await advance(MINUTE / 2);
      expect(await yours.members('g')).toEqual([{ id: 'a', value: { word: 'news' } }]);
      await advance(MINUTE);
      expect(await yours.take('g', 'b', { word: 'b' }, 1, MINUTE)).toBe(true);
      await mine.renewAll(
        [
          { group: 'g', id: 'a', value: { word: 'a' } },
          { group: 'h', id: 'a', value: { word: 'h' } },
        ],
        MINUTE,
      );
      expect([await ids(yours, 'g'), await ids(yours, 'h')]).toEqual([['a', 'b'], ['a']]);
      expect(await yours.take('g', 'c', { word: 'c' }, 2, MINUTE)).toBe(false);
    });

    it('frees what is over, at once, and never what is unknown', async () => {
      const { mine, yours } = await leases();
      await mine.take('g', 'a', { word: 'a' }, 1, MINUTE);
      await yours.free('g', 'unknown');
      await yours.free('unknown', 'a');
      expect(await ids(mine, 'g')).toEqual(['a']);
      await yours.free('g', 'a');
      await mine.free('g', 'a');
      expect(await yours.take('g', 'b', { word: 'b' }, 1, MINUTE)).toBe(true);
      await mine.take('h', 'c', { word: 'c' }, 1, MINUTE);
      await mine.freeAll([
        { group: 'g', id: 'b' },
        { group: 'h', id: 'c' },
      ]);
      expect([await ids(yours, 'g'), await ids(yours, 'h')]).toEqual([[], []]);
      await mine.freeAll([]);
      await mine.renewAll([], MINUTE);
    });

    it('takes a place in each of several groups, or in none of them, and says which is full', async () => {
      const { mine, yours } = await leases();
      const want = (id: string) => [
        { group: 'all', id, value: { word: id }, most: 3 },
        { group: 'number', id, value: { word: id }, most: 2 },
      ];
      const takes = await Promise.all(
        ['a', 'b', 'c', 'd'].map((id, n) => (n < 2 ? mine : yours).takeAll(want(id), MINUTE)),
      );
      expect(takes.filter(({ ok }) => ok)).toHaveLength(2);
      expect(takes.filter(({ ok }) => !ok)).toEqual([
        { ok: false, full: 'number' },
        { ok: false, full: 'number' },
      ]);
      expect([(await ids(mine, 'all')).length, (await ids(mine, 'number')).length]).toEqual([2, 2]);
      const [first] = await ids(mine, 'all');
      expect(await yours.takeAll(want(first ?? ''), MINUTE)).toEqual({ ok: true });
      // Places that one step takes are counted among each other.
      const two = ['x', 'y'].map((id) => ({ group: 'one', id, value: { word: id }, most: 1 }));
      expect([await mine.takeAll(two, MINUTE), await ids(mine, 'one'), await mine.takeAll([], MINUTE)]).toEqual([
        { ok: false, full: 'one' },
        [],
        { ok: true },
      ]);
    });

    it('takes any text for a group and a member', async () => {
      const { mine, yours } = await leases();
      const texts = ['', ' ', '__proto__', '{a}', 'a:b', '+15550100', 'Ä', 'x'.repeat(600)];
      for (const text of texts) await mine.take(text, text, { word: text }, 1, MINUTE);
      for (const text of texts) expect(await yours.members(text)).toEqual([{ id: text, value: { word: text } }]);
    });

    it('tells news to all who listen to the channel, in their order, until they do no more', async () => {
      const { here, there } = await make();
      const heard: string[] = [];
      const listen = (who: string, from: ProcessMemory, name = 'news') => {
        const end = from.channel({ name }).subscribe((text) => heard.push(`${who} ${text}`));
        return Object.assign(end, { who });
      };
      const tell = (text: string) => here.channel({ name: 'news' }).publish(text);
      const hears = (all: readonly string[]) =>
        vi.waitFor(() => expect([...heard].sort()).toEqual([...all].sort()), 20_000);
      const listeners = [listen('a', here), listen('b', there), listen('c', there)] as const;
      const other = listen('other', there, 'others');
      await reached(tell, heard, listeners);
      const texts = ['one', '', 'Ä "quoted"\n', 'x'.repeat(5_000)];
      texts.forEach(tell);
      await hears(listeners.flatMap(({ who }) => texts.map((text) => `${who} ${text}`)));
      for (const { who } of listeners) {
        const own = heard.filter((one) => one.startsWith(who));
        expect(own).toEqual(texts.map((text) => `${who} ${text}`));
      }
      heard.length = 0;
      listeners[1]();
      listeners[1]();
      there.channel({ name: 'news' }).publish('more');
      await hears(['a more', 'c more']);
      for (const end of [...listeners, other]) end();
      tell('nobody hears this');
      const last = listen('last', there);
      heard.length = 0;
      await reached(tell, heard, [last]);
      last();
    });

    it('says whether it is there', async () => {
      const { here, there, state = 'here' } = await make();
      expect([here.state, there.state]).toEqual([state, state]);
      here.onState(() => {})();
    });
  });
}

/** Resolves when all of them hear what is told, and have heard all that was told to find that out. */
async function reached(
  tell: (text: string) => void,
  heard: string[],
  listeners: ReadonlyArray<{ readonly who: string }>,
): Promise<void> {
  await vi.waitFor(() => {
    tell('probe');
    for (const { who } of listeners) expect(heard).toContain(`${who} probe`);
  }, 20_000);
  tell('the last probe');
  await vi.waitFor(() => {
    for (const { who } of listeners) expect(heard).toContain(`${who} the last probe`);
  }, 20_000);
  heard.length = 0;
}
