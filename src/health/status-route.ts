import type { FastifyPluginCallback, FastifyRequest } from 'fastify';
import { type AdminOptions, adminGuard } from '../http/admin.ts';
import { answerErrors } from '../http/api-error.ts';
import { namedSchemas, type RouteDefinition } from '../http/route.ts';
import { type StatusView, statusView } from './status-view.ts';

namedSchemas.add(statusView, { id: 'Status' });

const described = {
  method: 'GET',
  url: '/status',
  operationId: 'getStatus',
  summary: 'How the daemon is set up, what it can do, and what stands in its way.',
  success: { status: 200, body: statusView },
  errors: {},
} as const satisfies RouteDefinition;

export interface StatusRouteOptions {
  readonly admin: AdminOptions;
  readonly status: (request: FastifyRequest) => Promise<StatusView>;
}

/** `GET /status`. */
export const statusRoute: FastifyPluginCallback<StatusRouteOptions> = (app, { admin, status }, done) => {
  answerErrors(app);
  app.get(
    described.url,
    { config: { limit: 'api', describes: described }, onRequest: adminGuard(admin) },
    async (request, reply) => reply.header('cache-control', 'no-store').send(await status(request)),
  );
  done();
};
