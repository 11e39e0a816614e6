import type { FastifyPluginCallback } from 'fastify';
import { type AdminOptions, adminGuard } from '../http/admin.ts';
import { answerErrors } from '../http/api-error.ts';
import type { RouteDefinition } from '../http/route.ts';

const described = {
  method: 'GET',
  url: '/metrics',
  operationId: 'getMetrics',
  summary: 'What is counted and measured, in the text format of Prometheus.',
  success: { status: 200, types: ['text/plain'] },
  errors: {},
} as const satisfies RouteDefinition;

export interface MetricsRouteOptions {
  readonly exposition: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Who may read it; everybody when left out. */
  readonly admin?: AdminOptions;
}

/** `GET /metrics`, in the text format of Prometheus. */
export const metricsRoute: FastifyPluginCallback<MetricsRouteOptions> = (app, { exposition, admin }, done) => {
  answerErrors(app);
  const describes: RouteDefinition = { ...described, access: admin === undefined ? 'anybody' : 'admin' };
  app.get(
    described.url,
    { config: { limit: 'metrics', describes }, ...(admin === undefined ? {} : { onRequest: adminGuard(admin) }) },
    async (_request, reply) => {
      const { contentType, text } = await exposition();
      return reply.type(contentType).header('cache-control', 'no-store').send(text);
    },
  );
  done();
};
