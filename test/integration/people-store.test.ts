import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeToken } from '../../src/people/person.ts';
import { postgresPeopleStore } from '../../src/people/postgres-store.ts';
import { sqlitePeopleStore } from '../../src/people/sqlite-store.ts';
import type { AuditEntry, PeopleStore } from '../../src/people/store.ts';
import { type PostgresCluster, postgresCluster, postgresMissing } from './postgres.ts';

/** One suite over both databases; two stores on each stand for two processes. */

const entry = (n: number, over: Partial<AuditEntry> = {}): AuditEntry => ({
  ...{ id: `000${n}`, at: 1_000 + n, personId: 'p1', name: 'Anna', role: 'operator', action: 'say' },
  ...{ target: 'c1', status: 202, address: '192.0.2.1' },
  ...over,
});

function contract(open: () => Promise<PeopleStore>): void {
  it('a person is there for every process, until the token is revoked, and stays in the list', async () => {
    const [here, there] = [await open(), await open()];
    const { id, digest } = makeToken();
    const person = { id, name: 'Änna "A"', role: 'viewer', createdAt: 5, createdBy: 'admin', revokedAt: null } as const;
    expect(await here.add({ ...person, digest })).toBe(true);
    expect(await there.find(id)).toEqual({ ...person, digest });
    expect(await there.list()).toEqual([person]);
    expect(await there.revoke(id, 9)).toBe(true);
    expect(await here.find(id)).toMatchObject({ revokedAt: 9 });
    expect(await here.revoke(id, 10)).toBe(false);
    expect(await here.list()).toMatchObject([{ revokedAt: 9 }]);
    expect(await here.find('nobody')).toBeUndefined();
  });

  it('no two processes give good tokens of one name, and one that is sent again is the same', async () => {
    const [here, there] = [await open(), await open()];
    const one = (name: string) => {
      const { id, digest } = makeToken();
      return { id, digest, name, role: 'viewer', createdAt: 5, createdBy: 'admin', revokedAt: null } as const;
    };
    const olga = one('Olga Berg');
    const added = await Promise.all([here.add(olga), there.add(one('OLGA  berg')), here.add(one(' olga Berg'))]);
    expect(added.filter(Boolean)).toHaveLength(1);
    const [good] = (await here.list()).filter(({ name, revokedAt }) => /olga/i.test(name) && revokedAt === null);
    const kept = await there.find(good!.id);
    expect(await there.add(kept!), 'an answer that was lost').toBe(true);
    await there.revoke(good!.id, 9);
    expect(await here.add(one('Olga Berg'))).toBe(true);
    // Names of revoked tokens may be as many as there are.
    expect((await here.list()).filter(({ name }) => /olga/i.test(name))).toHaveLength(2);
  });

  it('entries are there once, the newest first, and are found by all that they have', async () => {
    const store = await open();
    await store.note([entry(1), entry(2, { personId: 'p2', target: null }), entry(3, { action: 'hangUpCall' })]);
    await store.note([entry(3), entry(4)]);
    const ids = async (query: object) => (await store.audit({ limit: 10, ...query })).map(({ id }) => id);
    expect(await ids({})).toEqual(['0004', '0003', '0002', '0001']);
    expect(await store.audit({ personId: 'p2', limit: 1 })).toEqual([entry(2, { personId: 'p2', target: null })]);
    expect(await ids({ target: 'c1', action: 'say' })).toEqual(['0004', '0001']);
    expect(await ids({ since: 1_002, until: 1_004 })).toEqual(['0003', '0002']);
    expect(await ids({ before: '0003', limit: 1 })).toEqual(['0002']);
    await store.forget(1_003);
    expect(await ids({})).toEqual(['0004', '0003']);
  });
}

describe('in SQLite', () => {
  let folder: string;
  const stores: PeopleStore[] = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'voicebridge-people-'));
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  contract(async () => {
    const store = sqlitePeopleStore({ path: join(folder, 'people.db') });
    stores.push(store);
    await store.open();
    return store;
  });

  it('no token is in the file, only what opens nothing', async () => {
    const path = join(folder, 'tokens.db');
    const store = sqlitePeopleStore({ path });
    const { id, token, digest } = makeToken();
    await store.open();
    await store.add({ id, digest, name: 'Anna', role: 'admin', createdAt: 1, createdBy: 'admin', revokedAt: null });
    await store.close();
    const kept = readFileSync(path).toString('latin1');
    expect(kept).toContain(digest);
    expect(kept).not.toContain(token.slice(-43));
  });
});

const missing = postgresMissing();

describe.skipIf(missing !== undefined)(`in PostgreSQL${missing === undefined ? '' : ` (${missing})`}`, () => {
  let cluster: PostgresCluster;
  let url: string;
  const stores: PeopleStore[] = [];
  beforeAll(async () => {
    cluster = await postgresCluster();
    url = cluster.database('people');
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    cluster?.remove();
  });
  contract(async () => {
    const store = postgresPeopleStore({ url });
    stores.push(store);
    await store.open();
    return store;
  });

  it('a server that is away is told as such, not as a wrong token', async () => {
    const store = postgresPeopleStore({ url: 'postgres://nobody:x@127.0.0.1:1/none' });
    await expect(store.find('x')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await store.close();
  });
});
