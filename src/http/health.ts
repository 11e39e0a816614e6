import type { FastifyPluginCallback } from 'fastify';

/** `GET /health` as existing callers read it. */
export interface HealthReport {
  /** "ok", or "draining" from the first signal to stop on. */
  readonly status: 'ok' | 'draining';
  readonly activeSessions: number;
  /** Seconds since the start. */
  readonly uptime: number;
  /** Bytes. */
  readonly memory: { readonly rss: number; readonly heapTotal: number; readonly heapUsed: number };
}

/**
 * `GET /health`: that the process lives; 200 also while it drains, since an orchestrator would otherwise cut the calls it waits for.
 * `GET /ready`: whether new calls may come; 503 while it drains. It tells nothing else.
 */
export const healthRoutes: FastifyPluginCallback<{ readonly health: () => HealthReport }> = (app, { health }, done) => {
  app.get('/health', async (_request, reply) => reply.header('cache-control', 'no-store').send(health()));
  app.get('/ready', async (_request, reply) => {
    const { status } = health();
    return reply
      .code(status === 'ok' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status });
  });
  done();
};
