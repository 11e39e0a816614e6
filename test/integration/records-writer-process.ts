/**
 * A process that tells of calls as fast as it can and is killed in the middle: it prints the id of the last event of each batch that it waited
 * for longer than a flush takes. Arguments: folder of data, instance, URL of PostgreSQL or "-".
 */
import { join } from 'node:path';
import { systemClock } from '../../src/call/clock.ts';
import { createLog } from '../../src/log.ts';
import { takeFolder } from '../../src/records/owner.ts';
import { postgresRecordStore } from '../../src/records/postgres-store.ts';
import { sqliteRecordStore } from '../../src/records/sqlite-store.ts';
import { RecordWriter } from '../../src/records/writer.ts';
import { noMeters } from '../../src/records/writer-meters.ts';
import { PRICES, Telling } from '../fakes/record-events.ts';

const [data = '', instance = '', url = '-'] = process.argv.slice(2);
const store =
  url === '-'
    ? sqliteRecordStore({ path: join(data, 'records.db'), prices: PRICES })
    : postgresRecordStore({ url, prices: PRICES, timeoutMs: 2_000 });
const folder = takeFolder(join(data, 'spool'), instance);
if (folder === undefined) throw new Error('the folder is taken');
const writer = new RecordWriter({
  store,
  folder,
  abandoned: [],
  clock: systemClock,
  log: createLog({ level: 'silent' }) as never,
  meters: noMeters,
  flushMs: 50,
});
writer.start();

const telling = new Telling(instance, Date.now());
const tell = (events: ReturnType<Telling['start']>) => {
  for (const event of events) writer.onRecord(event);
};
for (const id of ['k1', 'k2', 'k3']) tell(telling.start(id));
tell(telling.start('done'));
tell(telling.end('done'));
for (let i = 0; ; i++) {
  const last = telling.told.at(-1)?.id ?? '';
  for (let n = 0; n < 20; n++) tell(telling.turn(`k${1 + (n % 3)}`, `question ${i} ${n}`, `answer ${i} ${n}`));
  await new Promise((resolve) => setTimeout(resolve, 40));
  // What was told before this round has had 40 ms and more: said only when nothing of it is in memory alone.
  const { waiting, spooled } = writer.waiting;
  if (waiting === spooled) process.stdout.write(`${telling.told.at(-1)?.id}\n`);
  else process.stdout.write(`~${last}\n`);
}
