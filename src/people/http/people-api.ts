import type { FastifyPluginAsync } from 'fastify';
import { type AdminOptions, adminGuard } from '../../http/admin.ts';
import { ApiError, answerErrors } from '../../http/api-error.ts';
import { checked } from '../../http/checked.ts';
import { ADMIN } from '../../http/operators.ts';
import type { Audit } from '../audit.ts';
import { asked, type People } from '../people.ts';
import type { Person } from '../person.ts';
import type { PeopleStore } from '../store.ts';
import { type PersonView, peopleRoutes } from './people-api-routes.ts';

export interface PeopleApiOptions {
  readonly admin: AdminOptions;
  readonly people: People;
  readonly audit: Pick<Audit, 'flush'>;
  readonly store: Pick<PeopleStore, 'audit'>;
}

const iso = (ms: number) => new Date(ms).toISOString();

const viewOf = ({ id, name, role, createdAt, createdBy, revokedAt }: Person): PersonView => ({
  id,
  name,
  role,
  createdAt: iso(createdAt),
  createdBy,
  revokedAt: revokedAt === null ? null : iso(revokedAt),
});

/** `/people`, `/audit` and `/me`. */
export const peopleApi: FastifyPluginAsync<PeopleApiOptions> = async (app, { admin, people, audit, store }) => {
  answerErrors(app);
  app.addHook('onRequest', adminGuard(admin));
  app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));
  const { me, list, add, revoke, audit: read } = peopleRoutes;

  app.get(me.url, { config: { describes: me } }, async ({ operator = ADMIN }) => operator);

  app.get(list.url, { config: { describes: list } }, async () => ({ people: (await people.list()).map(viewOf) }));

  app.post(add.url, { config: { describes: add } }, async (request, reply) => {
    const made = await people.add(checked(add.body, request.body, 'body'), request.operator ?? ADMIN);
    if (made === 'too-many') throw new ApiError(409, 'PEOPLE_TOO_MANY', 'too many people have a token');
    if (made === 'name-taken')
      throw new ApiError(
        409,
        'PERSON_NAME_TAKEN',
        'somebody has a token by this name: give another, or revoke that one',
      );
    const { person, token } = made;
    request.log.info({ person: person.id, role: person.role }, 'a token was made for somebody');
    reply.code(add.success.status).header('location', `/people/${person.id}`);
    return { person: viewOf(person), token };
  });

  app.delete(revoke.url, { config: { describes: revoke } }, async (request, reply) => {
    const { id } = checked(revoke.params, request.params, 'path');
    if (!(await people.revoke(id))) throw new ApiError(404, 'PERSON_UNKNOWN', 'nobody of this id has a good token');
    request.log.info({ person: id }, 'a token was revoked');
    return reply.code(204).send();
  });

  app.get(read.url, { config: { describes: read } }, async (request) => {
    const { person: personId, since, until, limit, ...query } = checked(read.query, request.query, 'query');
    // Whoever asks right after he did something finds it.
    await audit.flush();
    const entries = await asked(
      store.audit({
        ...query,
        personId,
        since: since === undefined ? undefined : Date.parse(since),
        until: until === undefined ? undefined : Date.parse(until),
        // One more tells whether there is another page.
        limit: limit + 1,
      }),
    );
    const page = entries.slice(0, limit);
    return {
      entries: page.map(({ at, ...entry }) => ({ ...entry, at: iso(at) })),
      next: entries.length > limit ? (page.at(-1)?.id ?? null) : null,
    };
  });
};
