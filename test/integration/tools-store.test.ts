import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, vi } from 'vitest';
import { openStore, type Store } from '../../src/stores/store.ts';
import type { BusinessPort } from '../../src/tools/ports.ts';
import { MONDAY, ZONE } from '../unit/stores/support.ts';
import { judgedAtLast } from './measured-again.ts';
import { rigTest as it } from './rig-test.ts';

const root = resolve(import.meta.dirname, '../..');
let folder: string;
let path: string;
const open: Store[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-store-'));
  path = join(folder, 'data', 'voicebridge.db');
});
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
  rmSync(folder, { recursive: true });
});
async function start(more: Partial<Parameters<typeof openStore>[0]> = {}): Promise<Store> {
  const store = await openStore({ path, zone: ZONE, knowledge: join(root, 'knowledge'), ...more });
  open.push(store);
  return store;
}

describe('the store on its own thread', () => {
  it('is the port that tools ask', async () => {
    const port: BusinessPort = await start();
    expect(await port.callers.find('+12025550143')).toMatchObject({ name: 'Maria Santos' });
    expect(await port.callers.find('+1')).toBeUndefined();
    expect(await port.knowledge.search('parking')).not.toHaveLength(0);
  });

  it('says what went wrong in a query, and goes on', async () => {
    const store = await start();
    const message = { callId: 'c', body: null as unknown as string, urgent: false };
    await expect(store.messages.leave(message, 0)).rejects.toThrow(/NOT NULL/);
    await expect((store.callers as unknown as { drop(): Promise<void> }).drop()).rejects.toThrow(/no query/);
    await expect((store.callers as unknown as { constructor: () => Promise<void> }).constructor()).rejects.toThrow(
      /no query/,
    );
    expect(await store.appointments.services()).toHaveLength(4);
  });

  it('rejects when the file cannot be used', async () => {
    await expect(start({ path: '/dev/null/x.db' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('that dies answers what was asked with an error, and the next question starts it again', async () => {
    const failures: Error[] = [];
    const posted = vi.spyOn(Worker.prototype, 'postMessage');
    const store = await start({ onFailure: (error) => failures.push(error) });
    await store.callers.find('+1');
    const thread = posted.mock.contexts[0] as Worker;
    posted.mockRestore();
    const ended = thread.terminate();
    await expect(store.callers.find('+12025550143')).rejects.toMatchObject({ code: 'ABORTED' });
    await ended;
    expect(failures).toHaveLength(1);
    expect(await store.callers.find('+12025550143')).toMatchObject({ name: 'Maria Santos' });
  });

  it('rejects what cannot be sent to it, and goes on', async () => {
    const store = await start();
    await expect(store.callers.find((() => 1) as unknown as string)).rejects.toThrow(/could not be cloned/);
    expect(await store.callers.find('+12025550143')).toBeDefined();
  });

  it('answers what was asked before it closes, and nothing after', async () => {
    const store = await start();
    const asked = store.callers.update('+12025550000', { name: 'Late' }, MONDAY);
    await store.close();
    expect(await asked).toMatchObject({ name: 'Late' });
    await store.close();
    await expect(store.callers.find('+12025550000')).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await (await start()).callers.find('+12025550000')).toMatchObject({ name: 'Late' });
  });

  it('lets the event loop run while another process holds the write lock', ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (_own, skip) => {
      const store = await start();
      await store.callers.find('+1');
      const other = new DatabaseSync(path);
      other.exec('BEGIN IMMEDIATE');
      let late = 0;
      let last = performance.now();
      const beat = setInterval(() => {
        late = Math.max(late, performance.now() - last - 20);
        last = performance.now();
      }, 20);
      const write = store.callers.update('+12025550143', { notes: 'x' }, MONDAY);
      let done = false;
      void write.then(() => {
        done = true;
      });
      await sleep(600);
      expect(done).toBe(false);
      other.exec('COMMIT');
      other.close();
      expect(await write).toMatchObject({ notes: 'x' });
      clearInterval(beat);
      // On the main thread this wait would have been a gap of 600 ms in every call's audio.
      skip(late >= 200, `the event loop stood still for ${Math.round(late)} ms`);
      expect(late).toBeLessThan(200);
    }));
});

describe('two who want the same', () => {
  const wish = (name: string, start: string) => ({ service: 'cleaning', start, name, callId: `${name} ${start}` });

  it('at the same moment on two connections: one gets it', async () => {
    const [a, b] = [await start(), await start()];
    for (const time of ['09:00', '09:45', '10:30', '11:15', '13:00', '14:00', '15:00', '16:00']) {
      const at = `2025-11-24T${time}`;
      const results = await Promise.all([
        a.appointments.book(wish('a', at), MONDAY),
        b.appointments.book(wish('b', at), MONDAY),
      ]);
      expect(results.filter(({ booked }) => booked)).toHaveLength(1);
      expect(results.find(({ booked }) => !booked)).toMatchObject({ reason: 'taken' });
    }
  });

  it('in two processes, each trying for every slot of four days: every slot goes to one', async () => {
    await (await start()).close();
    const script = `
      import { openDatabase } from '${pathToFileURL(join(root, 'src/stores/sqlite.ts')).href}';
      import { migrations } from '${pathToFileURL(join(root, 'src/stores/schema.ts')).href}';
      import { businessQueries } from '${pathToFileURL(join(root, 'src/stores/business.ts')).href}';
      const { appointments } = businessQueries(openDatabase(process.argv[1], migrations), { zone: '${ZONE}' });
      const slots = appointments.available({ service: 'cleaning', from: '2025-11-24', days: 4, limit: 500 }, ${MONDAY});
      process.stdout.write('ready');
      process.stdin.once('data', () => {
        let won = 0;
        for (const { start } of slots)
          if (appointments.book({ service: 'cleaning', start, name: 'x', callId: process.pid + start }, ${MONDAY}).booked) won++;
        process.stdout.write(JSON.stringify({ tried: slots.length, won }));
        process.exit(0);
      });`;
    const racers = [0, 1].map(() => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += chunk;
      });
      return { child, text: () => text, done: new Promise((resolve) => child.once('close', resolve)) };
    });
    for (let i = 0; i < 1_000 && !racers.every(({ text }) => text() === 'ready'); i++) await sleep(10);
    for (const { child } of racers) child.stdin.write('go');
    await Promise.all(racers.map(({ done }) => done));
    const results = racers.map(
      ({ text }) => JSON.parse(text().slice('ready'.length)) as { tried: number; won: number },
    );
    expect(results[0]?.tried).toBeGreaterThan(50);

    const db = new DatabaseSync(path);
    const { n } = db.prepare('SELECT count(*) AS n FROM appointments').get() as { n: number };
    expect((results[0]?.won ?? 0) + (results[1]?.won ?? 0)).toBe(n);
    expect(n).toBeGreaterThan(15);
    // No two appointments of one member of staff touch the same quarter of an hour.
    const overlaps = db
      .prepare(
        `SELECT count(*) AS n FROM appointments a JOIN appointments b
         ON a.staff_id = b.staff_id AND a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at`,
      )
      .get();
    expect(overlaps).toMatchObject({ n: 0 });
    db.close();
  });
});
