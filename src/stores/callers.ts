import type { DatabaseSync } from 'node:sqlite';

/** What is known about a caller. */
export interface CallerRecord {
  /** E.164. */
  readonly number: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly language: string | null;
  readonly notes: string | null;
}

export type CallerChanges = {
  readonly [K in Exclude<keyof CallerRecord, 'number'>]?: CallerRecord[K] | undefined;
};

/** The people who call, by number. */
export function callerQueries(db: DatabaseSync) {
  const byNumber = db.prepare('SELECT number, name, email, language, notes FROM callers WHERE number = ?');
  const upsert = db.prepare(`
    INSERT INTO callers (number, name, email, language, notes, created_at, updated_at)
    VALUES (:number, :name, :email, :language, :notes, :now, :now)
    ON CONFLICT (number) DO UPDATE SET
      name = coalesce(excluded.name, name),
      email = coalesce(excluded.email, email),
      language = coalesce(excluded.language, language),
      notes = coalesce(excluded.notes, notes),
      updated_at = excluded.updated_at`);

  const find = (number: string): CallerRecord | undefined => {
    const row = byNumber.get(number);
    return row === undefined ? undefined : ({ ...row } as unknown as CallerRecord);
  };

  return {
    /** The record of a number (E.164), if there is one. */
    find,
    /** Makes or changes the record; fields that are not given, or null, stay as they are. `now` is epoch ms. */
    update(number: string, changes: CallerChanges, now: number): CallerRecord {
      const { name = null, email = null, language = null, notes = null } = changes;
      upsert.run({ number, name, email, language, notes, now });
      return find(number)!;
    },
  };
}
