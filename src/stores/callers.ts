import type { DatabaseSync } from 'node:sqlite';
import { BridgeError } from '../errors.ts';
import { canBeRemembered } from '../numbering/party.ts';

/** What is known about a caller. */
export interface CallerRecord {
  /** The key: a number (E.164), or an identity that was proven, as `memoryKey` gives it. */
  readonly number: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly language: string | null;
  readonly notes: string | null;
}

export type CallerChanges = {
  readonly [K in Exclude<keyof CallerRecord, 'number'>]?: CallerRecord[K] | undefined;
};

/** The people who call, by key. What is no key is nobody: nothing is found under it, and nothing kept. */
export function callerQueries(db: DatabaseSync) {
  const byKey = db.prepare('SELECT number, name, email, language, notes FROM callers WHERE number = ?');
  const upsert = db.prepare(`
    INSERT INTO callers (number, name, email, language, notes, created_at, updated_at)
    VALUES (:key, :name, :email, :language, :notes, :now, :now)
    ON CONFLICT (number) DO UPDATE SET
      name = coalesce(excluded.name, name),
      email = coalesce(excluded.email, email),
      language = coalesce(excluded.language, language),
      notes = coalesce(excluded.notes, notes),
      updated_at = excluded.updated_at`);

  const find = (key: string): CallerRecord | undefined => {
    const row = canBeRemembered(key) ? byKey.get(key) : undefined;
    return row === undefined ? undefined : ({ ...row } as unknown as CallerRecord);
  };

  return {
    /** The record of a caller, if there is one. */
    find,
    /** Makes or changes the record; fields that are not given, or null, stay as they are. `now` is epoch ms. Throws CALLER_UNKNOWN. */
    update(key: string, changes: CallerChanges, now: number): CallerRecord {
      if (!canBeRemembered(key))
        throw new BridgeError('CALLER_UNKNOWN', 'nothing is kept of a caller who is nobody for certain');
      const { name = null, email = null, language = null, notes = null } = changes;
      upsert.run({ key, name, email, language, notes, now });
      return find(key)!;
    },
  };
}
