import { Gauge } from 'prom-client';
import { Reach } from '../admission/reach.ts';
import { healthRoutes, type Readiness } from '../health/health-route.ts';
import { metricsRoute } from '../health/metrics-route.ts';
import type { Base, Feature } from './feature.ts';

/** What orchestrators and Prometheus ask: liveness, readiness, metrics. */
export function openHealth({ config, clock, log, metrics }: Base): Feature {
  let reach: Reach | undefined;
  return {
    install({ http, calls, dispatch, admin, admission, isDraining }) {
      const { model, probe } = dispatch.standard;
      if (probe !== undefined)
        reach = new Reach({
          clock,
          probe,
          changed: (reachable, why) => {
            if (reachable) log.info({}, 'the model can be reached again');
            else log.error({ why }, 'the model cannot be reached; no new calls should come here');
          },
        });
      const readiness = (): Readiness => {
        if (isDraining()) return 'draining';
        if (admission.overloaded) return 'overloaded';
        if (admission.refusesModel(model)) return 'model-refuses';
        return reach?.reachable === false ? 'model-unreachable' : 'ok';
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
      reach?.close();
    },
  };
}
