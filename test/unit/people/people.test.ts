import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/errors.ts';
import { type NotAdded, PEOPLE_MOST, People } from '../../../src/people/people.ts';
import {
  idOfToken,
  isTokenOf,
  makeToken,
  nameKey,
  type Person,
  type StoredPerson,
} from '../../../src/people/person.ts';

const BOSS = { name: 'admin' };

/** `quicker`: names that another process gives at the same moment. */
function peopleOf(all: StoredPerson[] = [], { away = false, quicker = new Set<string>() } = {}) {
  const told: string[] = [];
  const here = <T>(value: T) =>
    away ? Promise.reject(new BridgeError('STORE_UNAVAILABLE', 'away')) : Promise.resolve(value);
  const people = new People({
    clock: { wall: () => 1_000 },
    revoked: (id) => told.push(id),
    store: {
      add: async (person) => {
        const taken = quicker.has(nameKey(person.name));
        if (!taken) all.push(person);
        return !taken;
      },
      find: (id) => here(all.find((one) => one.id === id)),
      list: () => here(all),
      revoke: async (id, at) => {
        const index = all.findIndex((one) => one.id === id && one.revokedAt === null);
        if (index >= 0) all[index] = { ...all[index]!, revokedAt: at };
        return index >= 0;
      },
    },
  });
  return { people, told, all };
}

type Made = { readonly person: Person; readonly token: string };
const madeOf = (added: Made | NotAdded): Made => {
  if (typeof added === 'string') throw new Error(`not added: ${added}`);
  return added;
};

/** What nobody else knows of a token, in which there may be an underscore as well. */
const secretOf = (token: string) => token.slice('vbp_0123456789ab_'.length);

describe('a token', () => {
  it('is its person’s alone, and what is kept of it opens nothing', async () => {
    const { people, all } = peopleOf();
    const anna = madeOf(await people.add({ name: 'Anna', role: 'operator' }, BOSS));
    const ben = madeOf(await people.add({ name: 'Ben', role: 'viewer' }, BOSS));
    expect(anna.token).toMatch(/^vbp_[0-9a-f]{12}_[\w-]{43}$/);
    expect(await people.find(anna.token)).toEqual({ id: anna.person.id, name: 'Anna', role: 'operator' });
    expect(await people.find(ben.token)).toMatchObject({ name: 'Ben', role: 'viewer' });
    expect(JSON.stringify(all)).not.toContain(secretOf(anna.token));
    // The id is no secret, and another's secret with it opens nothing.
    const mixed = `vbp_${anna.person.id}_${secretOf(ben.token)}`;
    for (const wrong of [mixed, all[0]!.digest, `vbp_${anna.person.id}_${all[0]!.digest.slice(0, 43)}`, ''])
      expect(await people.find(wrong), wrong).toBeUndefined();
  });

  it('that was revoked is good for nothing from then on, which all are told once', async () => {
    const { people, told } = peopleOf();
    const made = madeOf(await people.add({ name: 'Anna', role: 'admin' }, BOSS));
    const { id } = made.person;
    expect(await people.isGood(id)).toBe(true);
    expect(await people.revoke(id)).toBe(true);
    expect(await people.find(made.token)).toBeUndefined();
    expect(await people.isGood(id)).toBe(false);
    expect(await people.revoke(id)).toBe(false);
    expect(told).toEqual([id]);
  });

  it('cannot be judged while the store is away: nobody is taken, and nobody is told that the token is wrong', async () => {
    const { people } = peopleOf([], { away: true });
    const { token } = makeToken();
    await expect(people.find(token)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503 });
    // What is none of ours needs no look.
    expect(await people.find('the-token-of-nobody')).toBeUndefined();
  });

  it('is given to so many people, and not to one more', async () => {
    const { id: _, ...rest } = makeToken();
    const all = Array.from({ length: PEOPLE_MOST }, (_, n) => ({
      ...{ id: `${n}`, name: 'x', role: 'viewer' as const, createdAt: 0, createdBy: 'admin', revokedAt: null },
      digest: rest.digest,
    }));
    const { people } = peopleOf(all);
    expect(await people.add({ name: 'Anna', role: 'admin' }, BOSS)).toBe('too-many');
    await people.revoke('7');
    expect(madeOf(await people.add({ name: 'Anna', role: 'admin' }, BOSS)).person.name).toBe('Anna');
  });

  it('is the only good one of its name, so that the audit log says who it was', async () => {
    const { people, all } = peopleOf();
    const add = (name: string) => people.add({ name, role: 'viewer' }, BOSS);
    const anna = madeOf(await add('Anna Berg'));
    for (const taken of ['Anna Berg', 'anna  berg', 'ＡＮＮＡ Berg', 'admin', 'Admin', ' ADMIN'])
      expect(await add(taken), taken).toBe('name-taken');
    // Two at once, too.
    expect(await Promise.all([add('Ben'), add('Ben')])).toEqual([expect.anything(), 'name-taken']);
    const { people: slower } = peopleOf([], { quicker: new Set(['carla']) });
    expect(await slower.add({ name: 'Carla', role: 'viewer' }, BOSS)).toBe('name-taken');
    await people.revoke(anna.person.id);
    expect(madeOf(await add('Anna Berg')).person.id).not.toBe(anna.person.id);
    expect(all).toHaveLength(3);
  });

  it('tells its id only in its own form', () => {
    const { id, token, digest } = makeToken();
    expect(idOfToken(token)).toBe(id);
    expect(isTokenOf(token, { digest })).toBe(true);
    for (const wrong of [`${token}x`, ` ${token}`, token.toUpperCase(), token.slice(0, -1)]) {
      expect(idOfToken(wrong), wrong).toBeUndefined();
      expect(isTokenOf(wrong, { digest })).toBe(false);
    }
  });
});
