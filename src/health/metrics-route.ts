import type { FastifyPluginCallback } from 'fastify';
import { type AdminOptions, adminGuard } from '../http/admin.ts';
import { answerErrors } from '../http/api-error.ts';

export interface MetricsRouteOptions {
  readonly exposition: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Who may read it; everybody when left out. */
  readonly admin?: AdminOptions;
}

/** `GET /metrics`, in the text format of Prometheus. */
export const metricsRoute: FastifyPluginCallback<MetricsRouteOptions> = (app, { exposition, admin }, done) => {
  answerErrors(app);
  app.get(
    '/metrics',
    { config: { limit: 'metrics' }, ...(admin === undefined ? {} : { onRequest: adminGuard(admin) }) },
    async (_request, reply) => {
      const { contentType, text } = await exposition();
      return reply.type(contentType).header('cache-control', 'no-store').send(text);
    },
  );
  done();
};
