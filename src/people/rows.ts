import type { Role } from '../http/operators.ts';
import { nameKey, type Person, type StoredPerson } from './person.ts';
import type { AuditEntry, AuditQuery } from './store.ts';

/** How people and audit entries are rows: the same statements for both databases, with `?` for a value. */

export type Row = Readonly<Record<string, unknown>>;

/** The step of the schema by which no two good tokens have one name, whichever process made them. Those that are there stay as they are: two may have one. */
export const goodNames = (text: string): string => `
ALTER TABLE bridge_people ADD COLUMN good_name ${text};
CREATE UNIQUE INDEX bridge_people_good_name ON bridge_people (good_name);
`;

export interface Statement {
  readonly sql: string;
  readonly values: ReadonlyArray<string | number | null>;
}

const PERSON = 'id, name, role, created_at, created_by, revoked_at';
const ENTRY = 'id, at, person_id, name, role, action, target, status, address';
const places = (columns: string) =>
  columns
    .split(', ')
    .map(() => '?')
    .join(', ');

/** Gives a row where it is there now, and none where the name is a good token's already. One that is sent again, since it was not known whether it had been, gives none either: `find` tells. */
export const addPerson = (one: StoredPerson): Statement => ({
  sql: `INSERT INTO bridge_people (${PERSON}, digest, good_name) VALUES (${places(PERSON)}, ?, ?) ON CONFLICT DO NOTHING RETURNING id`,
  values: [one.id, one.name, one.role, one.createdAt, one.createdBy, one.revokedAt, one.digest, nameKey(one.name)],
});

export const findPerson = (id: string): Statement => ({
  sql: `SELECT ${PERSON}, digest FROM bridge_people WHERE id = ?`,
  values: [id],
});

export const listPeople: Statement = {
  sql: `SELECT ${PERSON} FROM bridge_people ORDER BY created_at DESC, id`,
  values: [],
};

export const revokePerson = (id: string, at: number): Statement => ({
  sql: 'UPDATE bridge_people SET revoked_at = ?, good_name = NULL WHERE id = ? AND revoked_at IS NULL RETURNING id',
  values: [at, id],
});

/** An entry that is noted again, since it was not known whether it had been, is there once. */
export const noteEntry = (one: AuditEntry): Statement => ({
  sql: `INSERT INTO bridge_audit (${ENTRY}) VALUES (${places(ENTRY)}) ON CONFLICT (id) DO NOTHING`,
  values: [one.id, one.at, one.personId, one.name, one.role, one.action, one.target, one.status, one.address],
});

export function auditStatement({ personId, target, action, since, until, before, limit }: AuditQuery): Statement {
  const all: ReadonlyArray<readonly [string, string | number | undefined]> = [
    ['person_id = ?', personId],
    ['target = ?', target],
    ['action = ?', action],
    ['at >= ?', since],
    ['at < ?', until],
    ['id < ?', before],
  ];
  const asked = all.filter((one): one is readonly [string, string | number] => one[1] !== undefined);
  const where = asked.length === 0 ? '' : ` WHERE ${asked.map(([condition]) => condition).join(' AND ')}`;
  return {
    sql: `SELECT ${ENTRY} FROM bridge_audit${where} ORDER BY id DESC LIMIT ?`,
    values: [...asked.map(([, value]) => value), limit],
  };
}

export const forgetAudit = (before: number): Statement => ({
  sql: 'DELETE FROM bridge_audit WHERE at < ?',
  values: [before],
});

/** PostgreSQL gives a bigint as text. */
const number = (value: unknown) => Number(value);
const numberOrNull = (value: unknown) => (value === null ? null : Number(value));

export const personOf = (row: Row): Person => ({
  id: String(row['id']),
  name: String(row['name']),
  role: row['role'] as Role,
  createdAt: number(row['created_at']),
  createdBy: String(row['created_by']),
  revokedAt: numberOrNull(row['revoked_at']),
});

export const storedPersonOf = (row: Row): StoredPerson => ({ ...personOf(row), digest: String(row['digest']) });

export const entryOf = (row: Row): AuditEntry => ({
  id: String(row['id']),
  at: number(row['at']),
  personId: String(row['person_id']),
  name: String(row['name']),
  role: row['role'] as Role,
  action: String(row['action']),
  target: row['target'] === null ? null : String(row['target']),
  status: number(row['status']),
  address: String(row['address']),
});
