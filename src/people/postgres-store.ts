import { createPool } from '../records/postgres-client.ts';
import { numbered, postgresClients } from '../records/postgres-clients.ts';
import { migrate, type PostgresMigration } from '../records/postgres-schema.ts';
import {
  addPerson,
  auditStatement,
  entryOf,
  findPerson,
  forgetAudit,
  goodNames,
  listPeople,
  noteEntry,
  personOf,
  revokePerson,
  type Statement,
  storedPersonOf,
} from './rows.ts';
import type { PeopleStore } from './store.ts';

const people = `
CREATE TABLE bridge_people (
  id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  role text NOT NULL,
  created_at bigint NOT NULL,
  created_by text NOT NULL,
  revoked_at bigint,
  digest text NOT NULL
);

CREATE TABLE bridge_audit (
  id text COLLATE "C" PRIMARY KEY,
  at bigint NOT NULL,
  person_id text NOT NULL,
  name text NOT NULL,
  role text NOT NULL,
  action text NOT NULL,
  target text,
  status integer NOT NULL,
  address text NOT NULL
);
CREATE INDEX bridge_audit_by_target ON bridge_audit (target, id) WHERE target IS NOT NULL;
CREATE INDEX bridge_audit_by_person ON bridge_audit (person_id, id);
CREATE INDEX bridge_audit_by_time ON bridge_audit (at);
`;

const migrations: readonly PostgresMigration[] = [
  { id: '0001-people', sql: people },
  { id: '0002-good-names', sql: goodNames('text COLLATE "C"') },
];

/** A request waits for it: shorter than any client's patience, ms. */
const TIMEOUT_MS = 5_000;

/** People in PostgreSQL, shared by all instances, in the database of records. */
export function postgresPeopleStore({ url }: { readonly url: string }): PeopleStore {
  const pool = createPool({
    connectionString: url,
    max: 2,
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS + 1_000,
    statement_timeout: TIMEOUT_MS,
    idle_in_transaction_session_timeout: 2 * TIMEOUT_MS,
    application_name: 'voicebridge-people',
    keepAlive: true,
    allowExitOnIdle: true,
  });
  const { open, withClient, close } = postgresClients(pool, (client) =>
    migrate(client, migrations, 'bridge_people_migrations'),
  );

  async function run(...statements: Statement[]) {
    await open();
    return withClient(async (client) => {
      const results = [];
      // Each is whole in itself, and may be sent again.
      for (const { sql, values } of statements) results.push(await client.query(numbered(sql), values));
      return results.flatMap(({ rows }) => rows);
    });
  }

  const find = async (id: string) => (await run(findPerson(id))).map(storedPersonOf)[0];

  return {
    open,
    add: async (person) =>
      (await run(addPerson(person))).length > 0 || (await find(person.id))?.digest === person.digest,
    find,
    list: async () => (await run(listPeople)).map(personOf),
    revoke: async (id, at) => (await run(revokePerson(id, at))).length > 0,
    note: async (entries) => void (await run(...entries.map(noteEntry))),
    audit: async (query) => (await run(auditStatement(query))).map(entryOf),
    forget: async (before) => void (await run(forgetAudit(before))),
    close,
  };
}
