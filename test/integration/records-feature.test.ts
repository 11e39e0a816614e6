import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAgents } from '../../src/agents/index.ts';
import type { AgentKind, Agents } from '../../src/agents/kind.ts';
import { systemClock } from '../../src/call/clock.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { loadConfig } from '../../src/config.ts';
import type { Base, Feature, Parts } from '../../src/features/feature.ts';
import { openRecords } from '../../src/features/records.ts';
import { createLog } from '../../src/log.ts';
import type { RecordedEvent } from '../../src/records/event.ts';
import { sqliteRecordStore } from '../../src/records/sqlite-store.ts';
import { PRICES, Telling } from '../fakes/record-events.ts';
import { buoyAgent } from '../fixtures/kinds/agent/kind.ts';
import { TABLES } from '../fixtures/kinds/tables.ts';

/** The part of the daemon that records calls: how it starts, what it says, how it ends. */

let dataDir: string;
let lines: Array<Record<string, unknown>>;
const open: Feature[] = [];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-records-'));
  lines = [];
});
afterEach(async () => {
  for (const feature of open.splice(0)) await feature.close?.();
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(instance: string, settings: Record<string, string> = {}) {
  const log = createLog({ level: 'info', destination: { write: (line: string) => void lines.push(JSON.parse(line)) } });
  const registry = new Registry();
  const base = {
    config: loadConfig({ DATA_DIR: dataDir, ...settings }),
    log,
    logger: log,
    clock: systemClock,
    instance,
    fleet: { isAlone: true },
    metrics: { registry },
  } as unknown as Base;
  const feature = await openRecords(base);
  open.push(feature);
  return {
    feature,
    install: async (agents: Agents) =>
      feature.install?.({
        http: { app: { register: () => {} } },
        admin: {},
        agents,
        calls: { size: 0 },
        forget() {},
      } as unknown as Parts),
    tell(events: readonly RecordedEvent[]) {
      for (const event of events) for (const sink of feature.sinks ?? []) sink.onRecord(event);
    },
    async close() {
      const began = performance.now();
      await feature.close?.();
      return performance.now() - began;
    },
  };
}

/** A table of a kind, open. */
const opened = async (kind: AgentKind) => {
  const agents = openAgents(
    loadConfig({}, TABLES),
    { clock: systemClock, ticker: new Ticker(systemClock), log: createLog({ level: 'silent' }) },
    [kind],
  );
  await agents.get(kind.name);
  return agents;
};
/** The made-up kind, as it is or otherwise billed. */
const buoys = (bills: NonNullable<AgentKind['bills']> = 'minutes') => opened({ ...buoyAgent, bills });
const unbilled = () => {
  const { bills: _, ...kind } = buoyAgent;
  return opened(kind);
};

const rowsOf = (sql: string) => {
  const db = new DatabaseSync(join(dataDir, 'records.db'), { readOnly: true });
  const rows = db.prepare(sql).all();
  db.close();
  return rows;
};

/** A port of loopback on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('the records of a daemon', () => {
  it('stores all at its end, and says once that a model has no price', async () => {
    const records = await start('aaaaaa');
    const telling = new Telling('aaaaaa', Date.now());
    for (const id of ['c1', 'c2']) {
      telling.start(id, { model: 'somebody-elses' });
      telling.turn(id, 'hello', 'hi');
      telling.end(id);
    }
    records.tell(telling.told);
    await records.close();
    expect(rowsOf('SELECT id, cost, reason FROM call_records ORDER BY id')).toMatchObject([
      { id: 'c1', cost: null, reason: 'caller-hangup' },
      { id: 'c2', cost: null, reason: 'caller-hangup' },
    ]);
    expect(lines.filter(({ msg }) => String(msg).includes('no price'))).toMatchObject([{ model: 'somebody-elses' }]);
    expect(readdirSync(join(dataDir, 'spool'))).toEqual([]);
  });

  it('says at the start that a price has another form than the model is billed by, and goes by the price', async () => {
    const prices = join(dataDir, 'p.json');
    writeFileSync(prices, JSON.stringify({ ...PRICES, models: { 'buoy-1': { minute: 1 } } }));
    for (const bills of ['minutes', 'tokens'] as const) {
      const records = await start(bills, { PRICES_FILE: prices });
      await records.install(await buoys(bills));
      const telling = new Telling(bills, Date.now());
      telling.start(bills, { model: 'buoy-1' });
      telling.end(bills, 'caller-hangup', 60_100);
      records.tell(telling.told);
      await records.close();
    }
    expect(rowsOf('SELECT id, cost FROM call_records ORDER BY id')).toMatchObject([
      { id: 'minutes', cost: 1 },
      { id: 'tokens', cost: 1 },
    ]);
    expect(lines).toMatchObject([
      {
        agent: 'buoy',
        model: 'buoy-1',
        bills: 'tokens',
        msg: 'PRICES_FILE has a price by minutes of a model that is billed by tokens: its cost is recorded as the file has it',
      },
    ]);
  });

  it('misses the price of a model that is billed by the minute, and none of one that is not billed', async () => {
    for (const bills of ['minutes', undefined] as const) {
      const records = await start(bills ?? 'nothing');
      await records.install(bills === undefined ? await unbilled() : await buoys(bills));
      records.tell(new Telling(bills ?? 'nothing', Date.now()).start(bills ?? 'nothing', { model: 'buoy-1' }));
      await records.close();
    }
    expect(lines).toMatchObject([{ model: 'buoy-1', msg: 'the model has no price: no cost is recorded' }]);
  });

  it('has its process forget what another removed while it was away', async () => {
    const records = await start('aaaaaa');
    const telling = new Telling('aaaaaa', Date.now());
    for (const id of ['c1', 'c2']) {
      telling.start(id);
      telling.end(id);
    }
    records.tell(telling.told);
    await records.close();
    const other = sqliteRecordStore({ path: join(dataDir, 'records.db'), prices: PRICES });
    expect(await other.remove('c1')).toBe(true);
    await other.close();
    const forgotten: string[] = [];
    const again = await start('bbbbbb');
    await again.feature.install?.({
      http: { app: { register: () => {} } },
      admin: {},
      agents: await buoys(),
      calls: { size: 0 },
      forget: async (callIds: readonly string[]) => void forgotten.push(...callIds),
    } as unknown as Parts);
    await expect.poll(() => forgotten).toEqual(['c1']);
    await again.close();
    expect(rowsOf('SELECT id FROM call_records')).toMatchObject([{ id: 'c2' }]);
  });

  it('closes what the process before left open, though it could store it', async () => {
    const first = await start('first1');
    first.tell(new Telling('first1', Date.now()).start('c1'));
    await first.close();
    // A call without an end in a store that is tidy: the process before did not come to its end, its folder says.
    mkdirSync(join(dataDir, 'spool', 'first1'), { recursive: true });
    const second = await start('second');
    await second.close();
    expect(rowsOf('SELECT reason FROM call_records')).toMatchObject([{ reason: 'process-lost' }]);
  });

  it('does not start with prices that are wrong, a schema that is newer, or a folder that cannot be had', async () => {
    const prices = join(dataDir, 'p.json');
    writeFileSync(prices, '{}');
    await expect(start('aaaaaa', { PRICES_FILE: prices })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await (await start('aaaaaa')).close();
    const db = new DatabaseSync(join(dataDir, 'records.db'));
    db.exec("INSERT INTO migrations (id, applied_at) VALUES ('9999-later', 1)");
    db.close();
    await expect(start('aaaaaa')).rejects.toMatchObject({ code: 'STORE_SCHEMA_NEWER' });
    await expect(start('aaaaaa', { DATA_DIR: '/dev/null/x' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('starts and ends with a PostgreSQL that cannot be reached; what happens waits on disk', async () => {
    const port = await closedPort();
    const records = await start('aaaaaa', { DATABASE_URL: `postgres://u:canary-secret@127.0.0.1:${port}/x` });
    records.tell(new Telling('aaaaaa', Date.now()).start('c1'));
    // The daemon gives each of its parts 5 s.
    expect(await records.close()).toBeLessThan(5_000);
    expect(readdirSync(join(dataDir, 'spool', 'aaaaaa'))).toContain('00000000.jsonl');
    expect(lines.map(({ code }) => code)).toContain('STORE_UNAVAILABLE');
    expect(JSON.stringify(lines)).not.toContain('canary');
  });
});
