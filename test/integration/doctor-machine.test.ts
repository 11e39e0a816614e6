import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Finding, Result } from '../../src/doctor/check.ts';
import type { Parts } from '../../src/doctor/deps.ts';
import { environmentChecks, type Machine } from '../../src/doctor/environment.ts';
import { partChecks } from '../../src/doctor/parts.ts';
import { serviceChecks } from '../../src/doctor/services.ts';
import { clockCheck, SkewWatch } from '../../src/doctor/time.ts';
import { postgresMigrations } from '../../src/records/postgres-schema.ts';
import { postgresRecordStore } from '../../src/records/postgres-store.ts';
import { NO_REDIS, redisProgram, startRedis } from '../redis-server.ts';
import {
  type Broken,
  type DoctorRig,
  doctorRig,
  freeTcpPort,
  listening,
  of,
  portOf,
  ran,
  wrong,
} from './doctor-rig.ts';
import { type PostgresCluster, postgresCluster, postgresMissing } from './postgres.ts';

/** The doctor's checks of the machine, of what is installed and configured on it, and of the services that calls are told to. */

let rig: DoctorRig;
beforeAll(async () => {
  rig = await doctorRig();
});
afterAll(() => rig.close());

let machine: Machine;
async function looked(broken: Broken = {}): Promise<Result[]> {
  const deps = rig.deps(broken);
  machine = { mediaPorts: true, webrtc: true };
  return ran(deps, [...environmentChecks(deps, machine), ...partChecks(deps, machine), ...serviceChecks(deps)]);
}

const failure = (detail: string, advice: string): Partial<Finding> => ({
  status: 'fail',
  detail: expect.stringContaining(detail),
  advice: expect.stringContaining(advice),
});

it('all is well', async () => {
  const results = await looked();
  expect(results.map(({ status, name }) => `${status} ${name}`)).toEqual([
    'pass disk',
    'pass file limit',
    'pass port range',
    'pass optional parts',
    'pass agent files',
    'skip records database',
    'skip shared memory',
    'skip webhook receivers',
  ]);
});

describe('the disk', () => {
  const disk = async (broken: Broken) => of(await looked(broken), 'disk');

  it.each([
    [50e9, 'pass'],
    [500e6, 'warn'],
    [5e6, 'fail'],
  ])('has %d bytes: %s', async (bytes, status) => {
    const found = await disk({ deps: { freeBytes: async () => bytes } });
    expect(found.status).toBe(status);
    expect(found.detail).toContain(`${Math.floor(bytes / 2 ** 20)} MB free`);
    if (status !== 'pass') expect(found.advice).toContain('Free disk space');
  });

  it('DATA_DIR is a file, may not be written to, or does not exist yet', async () => {
    const file = join(rig.dataDir, 'a-file');
    writeFileSync(file, '');
    expect(await disk({ settings: { DATA_DIR: file } })).toMatchObject(failure('is no folder', 'Set DATA_DIR'));
    expect(await disk({ settings: { DATA_DIR: join(rig.dataDir, 'not/yet') } })).toMatchObject({ status: 'pass' });
    // Nobody, root included, may write below a process's own entries.
    expect(await disk({ settings: { DATA_DIR: '/proc/self/fdinfo' } })).toMatchObject(
      failure('/proc/self/fdinfo cannot be written to', 'Set DATA_DIR'),
    );
  });
});

describe('open files', () => {
  const limit = async (text: string) =>
    of(await looked({ deps: { limits: async () => `Max open files   ${text}   4096   files\n` } }), 'file limit');

  it.each([
    ['4096', 'pass'],
    ['unlimited', 'pass'],
    ['128', 'warn'],
  ])('%s: %s', async (soft, status) => {
    const found = await limit(soft);
    expect(found.status).toBe(status);
    if (status === 'warn') expect(found.advice).toContain('ulimit -n');
  });

  it('are not told by this system', async () => {
    const limits = () => Promise.reject(new Error('ENOENT'));
    expect(of(await looked({ deps: { limits } }), 'file limit').status).toBe('skip');
  });
});

describe('the range of ports', () => {
  it('is not set, or too small for MAX_CALLS', async () => {
    expect(of(await looked({ settings: { RTC_PORT_RANGE: '' } }), 'port range').status).toBe('skip');
    const small = of(await looked({ settings: { MAX_CALLS: '500' } }), 'port range');
    expect(small).toMatchObject({ status: 'warn', advice: expect.stringContaining('Widen RTC_PORT_RANGE') });
  });
});

describe('optional parts', () => {
  const all: Parts = { webrtc: undefined, opus: undefined, relay: undefined };
  const parts = async (missing: Partial<Parts>, settings: Record<string, string> = {}) =>
    of(await looked({ settings, deps: { parts: () => ({ ...all, ...missing }) } }), 'optional parts');

  it('WebRTC is missing: calls take the WebSocket, and what needs it is skipped', async () => {
    const found = await parts({ webrtc: 'no binary for linux-musl' });
    expect(found).toMatchObject({
      status: 'warn',
      detail: 'PEER_UNAVAILABLE: no binary for linux-musl',
      advice: expect.stringContaining('calls take the WebSocket'),
    });
    expect(machine.webrtc).toBe(false);
    expect((await parts({ webrtc: 'none' }, { USE_WEBRTC: 'false' })).advice).toContain('pages cannot call');
    const whole = await rig.examined({ deps: { parts: () => ({ ...all, webrtc: 'none' }) } });
    expect(wrong(whole)).toEqual(['warn optional parts']);
    expect(of(whole, 'sdp exchange')).toMatchObject({ status: 'skip', detail: 'needs the WebRTC library' });
  });

  it.each<[Partial<Parts>, Record<string, string>, string, string]>([
    [
      { opus: 'it is not built' },
      { RECORDING: 'opus', RECORDING_CONSENT: 'operator' },
      'RECORDING=opus',
      'npm rebuild @discordjs/opus',
    ],
    [
      { relay: 'it is not installed' },
      { SIGNALWIRE_CONTROL: 'relay' },
      'CONTROL_DEPENDENCY_MISSING',
      'SIGNALWIRE_CONTROL=rest',
    ],
  ])('%j is missing: a failure where %j asks for it, else not', async (missing, settings, detail, advice) => {
    expect(await parts(missing, settings)).toMatchObject(failure(detail, advice));
    expect(await parts(missing)).toMatchObject({ status: 'pass', detail: expect.stringContaining('not needed') });
    expect(await parts({}, settings)).toMatchObject({ status: 'pass' });
  });
});

it('agent files: a prompt that asks for a tool which there is not', async () => {
  const prompts = join(rig.dataDir, 'prompts');
  mkdirSync(prompts, { recursive: true });
  writeFileSync(join(prompts, 'default.md'), '---\ntools: [no_such_tool]\n---\nYou answer the phone.\n');
  writeFileSync(join(prompts, 'routes.yaml'), 'routes:\n  - prompt: default\n');
  const settings = { PROMPTS_DIR: prompts, ROUTES_FILE: join(prompts, 'routes.yaml') };
  expect(of(await looked({ settings }), 'agent files')).toMatchObject(failure('no_such_tool', 'npm run check'));
});

describe('the receivers of webhooks', () => {
  const receivers = async (...urls: string[]) =>
    of(await looked({ settings: { WEBHOOK_URL: urls.join(',') } }), 'webhook receivers');
  async function receiver(status: number) {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    await listening(server);
    onTestFinished(() => void server.close());
    return { origin: `http://127.0.0.1:${portOf(server)}`, asked };
  }

  it('answer, whatever they say to a question that is no event; no path is printed', async () => {
    const { origin, asked } = await receiver(405);
    expect(await receivers(`${origin}/hook/secret-path`)).toMatchObject({
      status: 'pass',
      detail: `${origin} answers`,
    });
    expect(asked).toEqual(['HEAD /hook/secret-path']);
  });

  it('redirect, fail, or are not there: the worst is told', async () => {
    const [well, moved, broken] = [await receiver(200), await receiver(308), await receiver(503)];
    expect(await receivers(well.origin, moved.origin)).toMatchObject({
      status: 'warn',
      detail: `${moved.origin} redirects`,
    });
    expect(await receivers(broken.origin)).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('HTTP 503'),
    });
    const dead = `http://127.0.0.1:${await freeTcpPort()}`;
    expect(await receivers(moved.origin, `${dead}/x`)).toMatchObject(failure(`${dead}: `, 'Start the receiver'));
  });
});

describe('the shared memory', () => {
  const memory = async (REDIS_URL: string) =>
    of(
      await looked({ settings: { REDIS_URL, FLEET_SECRET: 'a secret that the instances would share' } }),
      'shared memory',
    );

  it('is not there', async () => {
    const found = await memory(`redis://bridge:secret-of-redis@127.0.0.1:${await freeTcpPort()}`);
    expect(found).toMatchObject(failure('ECONNREFUSED', 'Start Redis'));
    expect(JSON.stringify(found)).not.toContain('secret-of-redis');
  });

  it('is there, with the right password, and forgets nothing when it is full', async ({ skip }) => {
    skip(redisProgram === undefined, NO_REDIS);
    const redis = await startRedis('--requirepass', 'secret-of-redis');
    try {
      const right = redis.url.replace('//', '//:secret-of-redis@');
      expect(await memory(redis.url)).toMatchObject(failure('NOAUTH', 'user and password'));
      expect(await memory(redis.url.replace('//', '//:wrong-secret@'))).toMatchObject(
        failure('WRONGPASS', 'user and password'),
      );
      expect(await memory(right)).toMatchObject({
        status: 'pass',
        detail: expect.stringMatching(/runs scripts, in [\d.]+ ms/),
      });
      const direct = new Redis(right);
      await direct.config('SET', 'maxmemory-policy', 'allkeys-lru');
      expect(await memory(right)).toMatchObject({ status: 'warn', advice: expect.stringContaining('noeviction') });
      expect(await direct.keys('*')).toEqual([]);
      direct.disconnect();
    } finally {
      await redis.close();
    }
  });
});

describe('the database of records', () => {
  const database = async (DATABASE_URL: string) => of(await looked({ settings: { DATABASE_URL } }), 'records database');

  it('is not there', async () => {
    const found = await database(`postgres://bridge:secret-of-bridge@127.0.0.1:${await freeTcpPort()}/voice`);
    expect(found).toMatchObject(failure('STORE_UNAVAILABLE: ', 'what happens waits on disk'));
    expect(JSON.stringify(found)).not.toContain('secret-of-bridge');
    expect(await database('postgres://a:b@voice.invalid/x')).toMatchObject(failure('voice.invalid', 'check host'));
  });

  describe('is there', () => {
    const missing = postgresMissing();
    let cluster: PostgresCluster | undefined;
    beforeAll(async () => {
      if (missing === undefined) cluster = await postgresCluster();
    });
    afterAll(() => cluster?.remove());

    it('empty, made by us, made by a newer version, closed to us, or of another name', async (context) => {
      if (cluster === undefined) return context.skip(`PostgreSQL: ${missing}`);
      const url = cluster.database('doctor');
      expect(await database(url)).toMatchObject({
        status: 'pass',
        detail: expect.stringContaining('are made at the first start'),
      });
      expect(cluster.sql('doctor', "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).toBe('0');

      const store = postgresRecordStore({ url, prices: { currency: 'USD', models: {} } as never });
      await store.open();
      await store.close();
      expect(await database(url)).toMatchObject({
        status: 'pass',
        detail: expect.stringContaining('the tables are there'),
      });

      cluster.sql('doctor', `INSERT INTO record_migrations (id) VALUES ('9999-later')`);
      expect(postgresMigrations.some(({ id }) => id === '9999-later')).toBe(false);
      expect(await database(url)).toMatchObject(failure('STORE_SCHEMA_NEWER: ', 'Run that version'));

      cluster.sql('postgres', 'CREATE ROLE stranger LOGIN');
      const strange = new URL(url);
      strange.username = 'stranger';
      expect(await database(strange.href)).toMatchObject(failure('CONFIG_INVALID: ', 'right to the tables'));
      cluster.database('empty');
      strange.pathname = '/empty';
      expect(await database(strange.href)).toMatchObject(failure('may make none', 'GRANT CREATE'));
      strange.username = 'nobody-there';
      expect(await database(strange.href)).toMatchObject(failure('CONFIG_INVALID: ', 'user and password'));
      const other = new URL(url);
      other.pathname = '/no_such_database';
      expect(await database(other.href)).toMatchObject(failure('CONFIG_INVALID: ', 'Make the database'));
    });
  });
});

it('the clock: nobody outside answered, or who answered tells no time', async () => {
  const { clock } = rig.deps();
  const watch = new SkewWatch(clock);
  expect(await clockCheck(watch).run(new AbortController().signal)).toMatchObject({ status: 'skip' });
  await watch.watching(async () => new Response(''))('https://example.com');
  expect(watch.samples).toEqual([]);
  const now = async () => new Response('', { headers: { date: new Date().toUTCString() } });
  await watch.watching(now)('https://example.com');
  expect(await clockCheck(watch).run(new AbortController().signal)).toMatchObject({
    status: 'pass',
    detail: expect.stringContaining('of example.com'),
  });
});
