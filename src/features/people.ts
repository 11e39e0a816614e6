import { join } from 'node:path';
import type { Timer } from '../call/clock.ts';
import { OperatorSessions } from '../http/sessions.ts';
import { Audit } from '../people/audit.ts';
import { auditRoutes } from '../people/http/audited.ts';
import { peopleApi } from '../people/http/people-api.ts';
import { People } from '../people/people.ts';
import { postgresPeopleStore } from '../people/postgres-store.ts';
import { sqlitePeopleStore } from '../people/sqlite-store.ts';
import type { PeopleStore } from '../people/store.ts';
import { openWithin } from '../records/open-within.ts';
import type { Base, Feature } from './feature.ts';

const DAY_MS = 86_400_000;
/** How often it is looked whether those may still watch who do, ms: news of a revocation can be lost on the way. */
const LOOK_MS = 15_000;

/**
 * People who operate the daemon, each with a token and a role, and the log of what they did. Where their store is away nobody is known but whoever has the
 * token of the settings, and calls go on.
 */
export async function openPeople({ config, clock, log, ids, memory }: Base): Promise<Feature> {
  const store: PeopleStore =
    config.DATABASE_URL === undefined
      ? sqlitePeopleStore({
          path: join(config.DATA_DIR, 'people.db'),
          onNotice: (problem) => log.error({ problem }, 'the database of people is not as it should be'),
        })
      : postgresPeopleStore({ url: config.DATABASE_URL });
  await openWithin(store, clock, (why) =>
    log.error(why, 'the store of people cannot be reached: only the admin token is taken'),
  );

  const sessions = new OperatorSessions();
  const channel = memory.channel({ name: 'revoked' });
  const unwatch = channel.subscribe((id) => sessions.end(id));
  const people = new People({ store, clock, revoked: (id) => channel.publish(id) });
  const days = config.AUDIT_RETENTION_DAYS;
  const retentionMs = days === 0 ? undefined : days * DAY_MS;
  const audit = new Audit({ store, clock, log, newId: () => ids.next(), retentionMs });
  let looking: Timer | undefined;
  const look = () => {
    for (const id of sessions.open) {
      if (id === 'admin') continue;
      // Whoever cannot be looked up now is not shut out for that.
      people.isGood(id).then(
        (good) => {
          if (!good) sessions.end(id);
        },
        () => {},
      );
    }
    looking = clock.after(LOOK_MS, look);
  };
  looking = clock.after(LOOK_MS, look);

  return {
    people: { find: people.find, sessions, note: (done) => audit.note(done) },
    install({ http, admin }) {
      auditRoutes(http.app, audit);
      http.app.register(peopleApi, { admin, people, audit, store });
    },
    async close() {
      looking?.cancel();
      unwatch();
      await audit.close();
      await store.close();
    },
  };
}
