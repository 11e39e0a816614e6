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

/** SQL for the keys under which things of a person are found, `?1` being his own: that, and the numbers which were only ever his. */
export const KEYS_OF_PERSON = '(SELECT ?1 UNION ALL SELECT number FROM caller_numbers WHERE key = ?1)';

/** The people who call, by key. What is no key is nobody: nothing is found under it, and nothing kept. */
export function callerQueries(db: DatabaseSync) {
  const link = db.prepare(`
    INSERT INTO caller_numbers (number, key) VALUES (?, ?)
    ON CONFLICT (number) DO UPDATE SET key = '' WHERE key <> excluded.key`);
  // His own record comes first, and what it does not say is taken from those of his numbers.
  const byKey = db.prepare(`
    SELECT number, name, email, language, notes FROM callers
    WHERE number IN ${KEYS_OF_PERSON} ORDER BY number = ?1 DESC, updated_at DESC`);
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
    const rows = canBeRemembered(key) ? (byKey.all(key) as unknown as CallerRecord[]) : [];
    if (rows.length === 0) return undefined;
    const first = (field: Exclude<keyof CallerRecord, 'number'>) =>
      rows.find((row) => row[field] !== null)?.[field] ?? null;
    return {
      number: key,
      name: first('name'),
      email: first('email'),
      language: first('language'),
      notes: first('notes'),
    };
  };

  return {
    /** The record of a caller, if there is one. */
    find,
    /**
     * A network that knows this person by more than a number says that this number is his: from now on he is told what is kept under it, too. Never
     * the other way: a number can be forged. Nobody is told of a number that was said to be several people's, since it was handed on.
     */
    link(key: string, number: string): void {
      if (key !== number && canBeRemembered(key) && canBeRemembered(number)) link.run(number, key);
    },
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
