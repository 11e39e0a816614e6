import type { Base, Feature } from './feature.ts';

const DEFAULT_ENDPOINT = 'http://localhost:4318';

/** Traces of calls, where they are wanted. */
export async function openTracing({ config, clock, log, instance }: Base): Promise<Feature> {
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (config.TRACING === 'off' || (config.TRACING === 'auto' && endpoint === undefined)) return {};
  const { openOtlp } = await import('../tracing/otlp.ts');
  const tracing = openOtlp({
    endpoint: endpoint ?? DEFAULT_ENDPOINT,
    headers: config.OTEL_EXPORTER_OTLP_HEADERS,
    service: config.OTEL_SERVICE_NAME,
    instance,
    clock,
    log,
  });
  return { observers: [tracing.observer], close: () => tracing.close() };
}
