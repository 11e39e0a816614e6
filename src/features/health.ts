import { Gauge } from 'prom-client';
import { Reach } from '../admission/reach.ts';
import type { OpenedAgent } from '../agents/kind.ts';
import { healthRoutes, type Readiness } from '../health/health-route.ts';
import { metricsRoute } from '../health/metrics-route.ts';
import type { Base, Feature } from './feature.ts';

/** What orchestrators and Prometheus ask: liveness, readiness, metrics. */
export function openHealth({ config, clock, log, metrics }: Base): Feature {
  /** Of each kind of agent that is open and has a far end. */
  const reaches = new Map<OpenedAgent, Reach>();
  return {
    install({ http, calls, dispatch, agents, admin, admission, isDraining }) {
      const { standard } = dispatch;
      agents.watch(({ kind: { name }, agent }) => {
        const { probe } = agent;
        if (probe === undefined) return;
        const isStandard = agent === standard;
        const changed = (reachable: boolean, why: string | undefined) => {
          if (isStandard && reachable) log.info({}, 'the model can be reached again');
          else if (isStandard) log.error({ why }, 'the model cannot be reached; no new calls should come here');
          else if (reachable) log.info({ agent: name }, 'agents of a kind can be reached again');
          else
            log.error(
              { agent: name, why },
              'agents of a kind cannot be reached; calls for them are tried all the same',
            );
        };
        reaches.set(agent, new Reach({ clock, probe, changed }));
      });
      const readiness = (): Readiness => {
        if (isDraining()) return 'draining';
        if (admission.overloaded) return 'overloaded';
        if (admission.refusesModel(standard.model)) return 'model-refuses';
        return reaches.get(standard)?.reachable === false ? 'model-unreachable' : 'ok';
      };
      const ready = new Gauge({
        name: 'voicebridge_ready',
        help: 'Whether new calls may come: 1, or 0 with why.',
        labelNames: ['status'],
        registers: [metrics.registry],
        collect() {
          ready.reset();
          const status = readiness();
          ready.set({ status }, status === 'ok' ? 1 : 0);
        },
      });
      http.app.register(healthRoutes, {
        readiness,
        health: () => {
          const { rss, heapTotal, heapUsed } = process.memoryUsage();
          return {
            status: isDraining() ? 'draining' : 'ok',
            activeSessions: calls.size,
            uptime: process.uptime(),
            memory: { rss, heapTotal, heapUsed },
          };
        },
      });
      http.app.register(metricsRoute, {
        exposition: metrics.exposition,
        ...(config.METRICS_ACCESS === 'public' ? {} : { admin }),
      });
    },
    async close() {
      for (const reach of reaches.values()) reach.close();
    },
  };
}
