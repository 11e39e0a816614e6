import type { FastifyPluginCallback, FastifyReply } from 'fastify';

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

/** Whether new calls may come, and if not, why not. */
export type Readiness = 'ok' | 'draining' | 'overloaded' | 'memory-away' | 'model-refuses' | 'model-unreachable';

export interface HealthOptions {
  readonly health: () => HealthReport;
  /** Asked with each request: it must cost nothing. */
  readonly readiness: () => Readiness;
  /** Whether something is wrong that does not keep calls away yet: a file of an agent that cannot be read. */
  readonly degraded?: () => boolean;
  /** Whether what instances share cannot be reached; new calls may come all the same. */
  readonly memoryAway?: () => boolean;
}

/**
 * `GET /health`, `GET /health/live`: that the process lives; 200 also while it drains, since an orchestrator would otherwise cut the calls it
 * waits for. `GET /health/ready` (and `/ready`, its older name): whether new calls may come, 503 where not. It tells nothing but why; `degraded`, with 200, is what
 * an operator should look at.
 */
export const healthRoutes: FastifyPluginCallback<HealthOptions> = (
  app,
  { health, readiness, degraded, memoryAway },
  done,
) => {
  const config = { limit: 'health' } as const;
  const ready = async (_request: unknown, reply: FastifyReply) => {
    const status = readiness();
    return reply
      .code(status === 'ok' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({
        status: status === 'ok' && degraded?.() === true ? 'degraded' : status,
        ...(memoryAway?.() === true ? { memory: 'away' } : {}),
      });
  };
  app.get('/health', { config }, async (_request, reply) => reply.header('cache-control', 'no-store').send(health()));
  app.get('/health/live', { config }, async (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ status: 'ok' }),
  );
  app.get('/health/ready', { config }, ready);
  app.get('/ready', { config }, ready);
  done();
};
