import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { forgetDeleted, transaction } from '../stores/sqlite.ts';
import { addEvent, type CallRecord, closeAsLost, newRecord, spokenText } from './call-record.ts';
import type { PriceList } from './costs.ts';
import type { RecordedEvent } from './event.ts';
import {
  figureColumns,
  figureValues,
  type OverviewQuery,
  type OverviewRows,
  overviewRows,
  overviewStatements,
  slotsByJoin,
} from './figures.ts';
import { refusedColumns, refusedOf, refusedStatement, refusedValues } from './refused-callers.ts';
import {
  eventColumns,
  eventOf,
  eventValues,
  listStatement,
  rangeStatement,
  recordColumns,
  recordOf,
  recordValues,
  spokenStatement,
  toolOf,
} from './rows.ts';
import type { Statement } from './statement.ts';
import type { EventRange, Interrupted, RecordQuery, RefusedCaller, RefusedQuery, Removed } from './store.ts';
import { wordsOf } from './words.ts';

/** The store of records on SQLite, synchronously: it runs on the database's thread. */

const places = (n: number) => Array.from({ length: n }, () => '?').join(', ');

const search = {
  condition: `id IN (SELECT w.call_id FROM call_words_index i JOIN call_words w ON w.id = i.rowid
    WHERE i.call_words_index MATCH ?)`,
  // A word has letters and digits alone, so that nothing in it can end the quotes.
  value: (word: string) => `"${word}"*`,
};

export function recordQueries(db: DatabaseSync, prices: PriceList) {
  const addedEvent = db.prepare(
    `INSERT INTO call_events (${eventColumns.join(', ')}) VALUES (${places(eventColumns.length)})
     ON CONFLICT (call_id, id) DO NOTHING`,
  );
  const addWords = db.prepare('INSERT INTO call_words (call_id, words) VALUES (?, ?)');
  const find = db.prepare('SELECT * FROM call_records WHERE id = ?');
  const replace = (table: string, columns: readonly string[]) =>
    db.prepare(`INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${places(columns.length)})`);
  const putRecord = replace('call_records', recordColumns);
  const putFigures = replace('call_figures', figureColumns);
  const put = (record: CallRecord) => {
    putRecord.run(...recordValues(record));
    putFigures.run(...figureValues(record));
  };
  const addTool = db.prepare('INSERT OR IGNORE INTO call_tools (name, call_id) VALUES (?, ?)');
  const addRefused = db.prepare(
    `INSERT OR IGNORE INTO call_refused (${refusedColumns.join(', ')}) VALUES (${places(refusedColumns.length)})`,
  );
  const forgetRefused = db.prepare('DELETE FROM call_refused WHERE at < ?');
  const all = ({ sql, values }: Statement) => db.prepare(sql).all(...(values as SQLInputValue[]));
  const eventsOf = db.prepare('SELECT * FROM call_events WHERE call_id = ? AND id > ? ORDER BY id LIMIT ?');
  const beat = db.prepare('INSERT OR REPLACE INTO bridge_instances (id, seen_at) VALUES (?, ?)');
  const silent = db.prepare('SELECT id FROM bridge_instances WHERE seen_at < ?');
  const another = db.prepare('SELECT 1 FROM bridge_instances WHERE id <> ? LIMIT 1');
  const forget = db.prepare('DELETE FROM bridge_instances WHERE id = ?');
  const open = db.prepare('SELECT * FROM call_records WHERE instance = ? AND ended_at IS NULL');
  const old = db.prepare(
    'SELECT id FROM call_records WHERE started_at < ? AND ended_at IS NOT NULL ORDER BY started_at LIMIT ?',
  );
  const removals = [
    ...['call_words', 'call_events', 'call_tools', 'call_figures'].map((table) => `${table} WHERE call_id`),
    'call_records WHERE id',
  ].map((what) => db.prepare(`DELETE FROM ${what} = ?`));
  const noteRemoved = db.prepare('INSERT OR REPLACE INTO removed_calls (id, removed_at) VALUES (?, ?)');
  const isRemoved = db.prepare('SELECT 1 FROM removed_calls WHERE id = ?');
  const removedAfter = db.prepare(
    'SELECT id, removed_at FROM removed_calls WHERE (removed_at, id) > (?, ?) ORDER BY removed_at, id LIMIT ?',
  );
  const forgetRemoved = db.prepare('DELETE FROM removed_calls WHERE removed_at < ?');
  const get = (callId: string): CallRecord | undefined => {
    const row = find.get(callId);
    return row === undefined ? undefined : recordOf(row);
  };
  const removeAll = (callId: string) => {
    for (const removal of removals) removal.run(callId);
    noteRemoved.run(callId, Date.now());
  };

  /** Whether the log may still have what was removed: another process was reading. */
  let holdsRemoved = false;

  return {
    append(instance: string, events: readonly RecordedEvent[]): void {
      transaction(db, () => {
        const changed = new Map<string, CallRecord>();
        const calls = [...new Set(events.map((event) => event.callId))];
        const gone = new Set(calls.filter((callId) => isRemoved.get(callId) !== undefined));
        for (const event of events) {
          const { callId } = event;
          if (gone.has(callId) || addedEvent.run(...eventValues(event)).changes === 0) continue;
          const record = changed.get(callId) ?? get(callId) ?? newRecord(callId, instance, event);
          addEvent(record, event, prices, instance);
          changed.set(callId, record);
          const words = wordsOf(spokenText(event) ?? '');
          if (words.length > 0) addWords.run(callId, words.join(' '));
          const tool = toolOf(event);
          if (tool !== undefined) addTool.run(tool, callId);
        }
        for (const record of changed.values()) put(record);
      });
    },
    list: (query: RecordQuery): CallRecord[] => all(listStatement(query, search)).map(recordOf),
    get,
    events: (callId: string, after: string | undefined, limit: number): RecordedEvent[] =>
      eventsOf.all(callId, after ?? '', limit).map(eventOf),
    between: (range: EventRange): RecordedEvent[] => all(rangeStatement(range)).map(eventOf),
    spoken: (callIds: readonly string[], limit: number): RecordedEvent[] =>
      all(spokenStatement(callIds, limit)).map(eventOf),
    overview(query: OverviewQuery): OverviewRows {
      const { slots, groups, refused } = overviewStatements(query, slotsByJoin);
      return overviewRows({ slots: all(slots), groups: all(groups), refused: all(refused) });
    },
    addRefused(callers: readonly RefusedCaller[]): void {
      transaction(db, () => {
        for (const caller of callers) addRefused.run(...refusedValues(caller));
      });
    },
    refusedCallers: (query: RefusedQuery): RefusedCaller[] => all(refusedStatement(query)).map(refusedOf),
    heartbeat(instance: string): boolean {
      beat.run(instance, Date.now());
      if (holdsRemoved) holdsRemoved = !forgetDeleted(db);
      return holdsRemoved || another.get(instance) !== undefined;
    },
    silent: (silentMs: number): string[] => silent.all(Date.now() - silentMs).map((row) => String(row['id'])),
    closeInterrupted({ instances = [], silentMs, except = [] }: Interrupted): CallRecord[] {
      return transaction(db, () => {
        const gone = new Set(instances);
        if (silentMs !== undefined) for (const row of silent.all(Date.now() - silentMs)) gone.add(String(row['id']));
        for (const instance of except) gone.delete(instance);
        const closed: CallRecord[] = [];
        for (const instance of gone) {
          for (const row of open.all(instance)) {
            const record = recordOf(row);
            closeAsLost(record);
            put(record);
            closed.push(record);
          }
          forget.run(instance);
        }
        return closed;
      });
    },
    removeOlder(before: number, limit: number): number {
      const removed = transaction(db, () => {
        const rows = old.all(before, limit);
        for (const row of rows) removeAll(String(row['id']));
        forgetRefused.run(before);
        return rows.length;
      });
      if (removed > 0) holdsRemoved = !forgetDeleted(db);
      return removed;
    },
    remove(callId: string): boolean {
      const removed = transaction(db, () => {
        const record = get(callId);
        if (record === undefined || record.endedAt === null) return false;
        removeAll(callId);
        return true;
      });
      if (removed) holdsRemoved = !forgetDeleted(db);
      return removed;
    },
    removed: (after: Removed, limit: number): Removed[] =>
      removedAfter
        .all(after.at, after.callId, limit)
        .map((row) => ({ callId: String(row['id']), at: Number(row['removed_at']) })),
    forgetRemoved: (before: number): void => void forgetRemoved.run(before),
  };
}

export type RecordQueries = ReturnType<typeof recordQueries>;
