import { notOpenedAgain } from '../stores/opened-again.ts';
import type { Query } from '../stores/queries.ts';
import { WorkerThread } from '../thread/worker-thread.ts';
import {
  addPerson,
  auditStatement,
  entryOf,
  findPerson,
  forgetAudit,
  listPeople,
  noteEntry,
  personOf,
  type Row,
  revokePerson,
  type Statement,
  storedPersonOf,
} from './rows.ts';
import type { PeopleStore } from './store.ts';

export interface SqlitePeopleOptions {
  /** Path of the database file, which all processes of this machine share. */
  readonly path: string;
  /** Told what the operator should see to. */
  readonly onNotice?: (notice: string) => void;
}

/** Longer than operators' requests, and looks at who watches, are apart: where nobody operates there is no thread for it, ms. */
const IDLE_MS = 20_000;

/** People in a file, on a thread of its own while anybody operates. `open` rejects with CONFIG_INVALID where the file cannot be used. */
export function sqlitePeopleStore({ path, onNotice }: SqlitePeopleOptions): PeopleStore {
  const thread = new WorkerThread({
    module: new URL('./sqlite-worker.ts', import.meta.url),
    name: 'people',
    workerData: { path },
    what: `the database ${path}`,
    told: (notice) => onNotice?.(String(notice)),
    idleMs: IDLE_MS,
  });
  let wasOpen = false;
  const ask = async (name: string, given: unknown) => {
    try {
      return (await thread.ask({ area: 'people', name, args: [given] } satisfies Query)) as Row[];
    } catch (error) {
      throw wasOpen ? notOpenedAgain(error, 'the people') : error;
    }
  };
  const all = (statement: Statement) => ask('all', statement);
  const find = async (id: string) => (await all(findPerson(id))).map(storedPersonOf)[0];
  const run = async (...statements: Statement[]) => void (await ask('run', statements));
  return {
    open: async () => {
      await thread.start();
      wasOpen = true;
    },
    add: async (person) =>
      (await all(addPerson(person))).length > 0 || (await find(person.id))?.digest === person.digest,
    find,
    list: async () => (await all(listPeople)).map(personOf),
    revoke: async (id, at) => (await all(revokePerson(id, at))).length > 0,
    note: (entries) => run(...entries.map(noteEntry)),
    audit: async (query) => (await all(auditStatement(query))).map(entryOf),
    forget: (before) => run(forgetAudit(before)),
    close: () => thread.close(),
  };
}
