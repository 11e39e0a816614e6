import type { FastifyPluginAsync } from 'fastify';
import type { Clock } from '../../call/clock.ts';
import { type AdminOptions, adminGuard } from '../../http/admin.ts';
import { ApiError, answerErrors } from '../../http/api-error.ts';
import { checked } from '../../http/checked.ts';
import type { ReadableRecords } from '../fleet-records.ts';
import { overviewOf } from '../overview.ts';
import { asked } from './asked.ts';
import { overviewRoutes } from './overview-api-routes.ts';
import { SLOTS_MOST, slotsOf } from './slots.ts';

export interface OverviewApiOptions {
  readonly admin: AdminOptions;
  readonly store: Pick<ReadableRecords, 'overview' | 'refusedCallers'>;
  readonly clock: Pick<Clock, 'wall'>;
}

const DAY_MS = 86_400_000;
const iso = (ms: number) => new Date(ms).toISOString();

/** `/records/overview` and `/records/refused`: what calls come to, for operators. */
export const overviewApi: FastifyPluginAsync<OverviewApiOptions> = async (app, { admin, store, clock }) => {
  answerErrors(app);
  app.addHook('onRequest', adminGuard(admin));
  app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));
  const { getOverview, listRefused } = overviewRoutes;

  /** The time that is asked for; the last day where nothing is said. Throws REQUEST_INVALID (400). */
  const spanOf = (query: { readonly since?: string | undefined; readonly until?: string | undefined }) => {
    const until = query.until === undefined ? clock.wall() : Date.parse(query.until);
    const since = query.since === undefined ? until - DAY_MS : Date.parse(query.since);
    if (since >= until) throw new ApiError(400, 'REQUEST_INVALID', 'since must be before until');
    return { since, until };
  };

  app.get(getOverview.url, { config: { describes: getOverview } }, async (request) => {
    const { zone, step, prompt, route, carrier, ...query } = checked(getOverview.query, request.query, 'query');
    const { since, until } = spanOf(query);
    const slots = slotsOf(since, until, step ?? (until - since > 3 * DAY_MS ? 'day' : 'hour'), zone);
    if (slots === undefined)
      throw new ApiError(
        400,
        'REQUEST_INVALID',
        `so long a time has more than ${SLOTS_MOST} parts: ask by day, or for less`,
      );
    const { edges } = slots;
    const view = overviewOf(await asked(store.overview({ edges, prompt, route, carrier })), edges);
    return {
      ...{ since: iso(since), until: iso(until), step: slots.step, zone },
      ...view,
      slots: view.slots.map(({ from, to, ...rest }) => ({ from: iso(from), to: iso(to), ...rest })),
    };
  });

  app.get(listRefused.url, { config: { describes: listRefused } }, async (request) => {
    const { limit, reason, carrier, before, ...query } = checked(listRefused.query, request.query, 'query');
    const found = await asked(store.refusedCallers({ ...spanOf(query), reason, carrier, before, limit: limit + 1 }));
    const refused = found.slice(0, limit);
    return {
      refused: refused.map(({ at, ...rest }) => ({ ...rest, at: iso(at) })),
      next: found.length > limit ? (refused.at(-1)?.id ?? null) : null,
    };
  });
};
