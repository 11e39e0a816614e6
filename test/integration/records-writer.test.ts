import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { createLog } from '../../src/log.ts';
import type { RecordedEvent } from '../../src/records/event.ts';
import { takeAbandoned, takeFolder } from '../../src/records/owner.ts';
import { postgresRecordStore } from '../../src/records/postgres-store.ts';
import { sqliteRecordStore } from '../../src/records/sqlite-store.ts';
import type { RecordStore } from '../../src/records/store.ts';
import { RecordWriter } from '../../src/records/writer.ts';
import { noMeters } from '../../src/records/writer-meters.ts';
import { PRICES, Telling } from '../fakes/record-events.ts';
import { type PostgresCluster, postgresCluster, postgresMissing } from './postgres.ts';
import { sleep, until } from './rig.ts';

/** The way of events to real databases over their deaths and the process's own. */

let data: string;
const ends: Array<() => Promise<unknown> | unknown> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function folder(): string {
  data = mkdtempSync(join(tmpdir(), 'voicebridge-writer-'));
  ends.push(() => rmSync(data, { recursive: true, force: true }));
  return data;
}

/** A writer as a start of the daemon makes it, after whoever had this folder of data before. */
function start(store: RecordStore, instance: string): RecordWriter {
  const root = join(data, 'spool');
  const own = takeFolder(root, instance)!;
  const writer = new RecordWriter({
    store,
    folder: own,
    abandoned: takeAbandoned(root, instance),
    clock: systemClock,
    log: createLog({ level: 'silent' }) as never,
    meters: noMeters,
    flushMs: 50,
    retryMs: [100, 400],
  });
  ends.push(async () => {
    await writer.close(100);
    await store.close();
  });
  writer.start();
  return writer;
}

const kept = (events: readonly RecordedEvent[]) => events.filter(({ transient }) => !transient);

async function killed(instance: string, url: string): Promise<{ written: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'records-writer-process.ts'), data, instance, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  ends.push(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  const safe = () =>
    text
      .split('\n')
      .slice(0, -1)
      .filter((line) => line !== '' && !line.startsWith('~'));
  await until(() => safe().length >= 8, 'the process has stored a while', 20_000);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  return { written: safe().at(-1) ?? '', child };
}

/** What must be there after a kill: every event up to the last that was on disk, without a gap, each once; and the calls closed. */
async function checkAfterKill(store: RecordStore, written: string): Promise<void> {
  await until(() => readdirSync(join(data, 'spool')).length === 1, 'the folder of the dead process is done');
  let seen = '';
  for (const id of ['k1', 'k2', 'k3', 'done']) {
    const events = await store.events(id, undefined, 100_000);
    const seqs = events.map(({ seq }) => seq);
    // A transient piece has a number too and is never stored: those of one turn in five.
    const gaps = seqs.filter((seq, i) => i > 0 && seq - seqs[i - 1]! > 2);
    expect(gaps).toEqual([]);
    expect(new Set(seqs).size).toBe(seqs.length);
    const record = await store.get(id);
    expect(record?.events).toBe(events.length);
    expect(record?.turns).toBe(events.filter(({ type }) => type === 'agent.speech_stopped').length);
    expect(record).toMatchObject(
      id === 'done'
        ? { result: 'success', reason: 'caller-hangup' }
        : { result: 'indeterminate', reason: 'process-lost', endedAt: events.at(-1)?.at },
    );
    if ((events.at(-1)?.id ?? '') > seen) seen = events.at(-1)?.id ?? '';
  }
  expect(seen >= written).toBe(true);
}

describe('kill -9 in the middle, and a restart, with SQLite', () => {
  it('loses nothing that was on disk, keeps nothing twice, and closes the calls', async () => {
    folder();
    const { written } = await killed('dead01', '-');
    const store = sqliteRecordStore({ path: join(data, 'records.db'), prices: PRICES });
    start(store, 'next01');
    await checkAfterKill(store, written);
  });
});

describe('a folder of spool files', () => {
  it('of a living process is not touched by another', async () => {
    folder();
    const store = sqliteRecordStore({ path: join(data, 'records.db'), prices: PRICES });
    const writer = start(store, 'alive1');
    writer.onRecord(new Telling('alive1').start('a1')[0]!);
    expect(takeAbandoned(join(data, 'spool'), 'other1')).toEqual([]);
    expect(takeFolder(join(data, 'spool'), 'alive1')).toBeUndefined();
    await until(() => writer.waiting.waiting === 0, 'it is stored');
    expect(await store.get('a1')).toMatchObject({ endedAt: null });
  });

  it('goes at the end when nothing is left in it', async () => {
    folder();
    const store = sqliteRecordStore({ path: join(data, 'records.db'), prices: PRICES });
    const writer = start(store, 'tidy01');
    for (const event of new Telling('tidy01').start('t1')) writer.onRecord(event);
    await writer.close(5_000);
    expect(existsSync(join(data, 'spool', 'tidy01'))).toBe(false);
    expect(await store.events('t1', undefined, 10)).toHaveLength(3);
  });
});

const missing = postgresMissing();

if (missing !== undefined) {
  describe('PostgreSQL that dies and comes back', () => {
    it('gets everything once', ({ skip }) => skip(missing));
  });
} else {
  describe('PostgreSQL that dies and comes back', () => {
    let cluster: PostgresCluster;
    let n = 0;
    beforeAll(async () => {
      cluster = await postgresCluster();
    }, 60_000);
    afterAll(() => cluster?.remove());

    it('gets every event once and in order, while who tells them never waits', async () => {
      folder();
      const store = postgresRecordStore({ url: cluster.database(`writer_${n++}`), prices: PRICES, timeoutMs: 2_000 });
      const writer = start(store, 'aaaaaa');
      const telling = new Telling('aaaaaa', Date.now());
      let slowest = 0;
      const tell = (events: readonly RecordedEvent[]) => {
        for (const event of events) {
          const began = performance.now();
          writer.onRecord(event);
          slowest = Math.max(slowest, performance.now() - began);
        }
      };
      const talk = async (rounds: number) => {
        for (let i = 0; i < rounds; i++) {
          tell(telling.turn('c1', `question ${i}`, `answer ${i}`));
          tell(telling.turn('c2', `question ${i}`, `answer ${i}`));
          await sleep(20);
        }
      };
      tell(telling.start('c1'));
      tell(telling.start('c2'));
      await talk(20);
      await until(() => writer.waiting.waiting === 0, 'all is stored while the database works');
      // In the middle of writing.
      await talk(3);
      cluster.stopAtOnce();
      await talk(40);
      await until(() => !writer.healthy, 'the writer notices');
      tell(telling.end('c1'));
      await until(() => writer.waiting.spooled === writer.waiting.waiting, 'all that waits is on disk');
      expect(writer.waiting.waiting).toBeGreaterThan(300);
      cluster.start();
      await talk(5);
      tell(telling.end('c2'));
      await until(() => writer.waiting.waiting === 0, 'all is stored after the break');
      for (const id of ['c1', 'c2']) {
        const told = kept(telling.told).filter(({ callId }) => callId === id);
        expect(await store.events(id, undefined, 10_000)).toEqual(told);
        expect(await store.get(id)).toMatchObject({ events: told.length, reason: 'caller-hangup' });
      }
      // Told on the audio path: a frame is 20 ms.
      expect(slowest).toBeLessThan(10);
    });

    it('that is down from the start on gets it all once it is there, also over a restart of ours', async () => {
      folder();
      const url = cluster.database(`writer_${n++}`);
      cluster.stopAtOnce();
      const telling = new Telling('first1', Date.now());
      const first = postgresRecordStore({ url, prices: PRICES, timeoutMs: 2_000 });
      const writer = start(first, 'first1');
      for (const event of [...telling.start('c1'), ...telling.turn('c1', 'a', 'b'), ...telling.end('c1')]) {
        writer.onRecord(event);
      }
      await sleep(300);
      await writer.close(300);
      await first.close();
      expect(readdirSync(join(data, 'spool', 'first1'))).toContain('00000000.jsonl');

      const second = postgresRecordStore({ url, prices: PRICES, timeoutMs: 2_000 });
      const next = start(second, 'second');
      for (const event of new Telling('second', Date.now()).start('c2')) next.onRecord(event);
      await sleep(300);
      cluster.start();
      await until(() => next.waiting.waiting === 0 && !existsSync(join(data, 'spool', 'first1')), 'all is stored');
      expect(await second.events('c1', undefined, 100)).toEqual(kept(telling.told));
      expect(await second.get('c1')).toMatchObject({ reason: 'caller-hangup' });
      expect(await second.get('c2')).toMatchObject({ endedAt: null, events: 3 });
    });

    it('kill -9 of ours in the middle: nothing that was on disk is lost, nothing is twice, calls are closed', async () => {
      folder();
      const url = cluster.database(`writer_${n++}`);
      const other = postgresRecordStore({ url, prices: PRICES });
      ends.push(() => other.close());
      await other.append('other1', new Telling('other1').start('living'));
      await other.heartbeat('other1');
      const { written } = await killed('dead01', url);
      const store = postgresRecordStore({ url, prices: PRICES });
      start(store, 'next01');
      await checkAfterKill(store, written);
      expect(await store.get('living')).toMatchObject({ endedAt: null });
    });
  });
}
