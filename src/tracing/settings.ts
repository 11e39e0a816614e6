import { z } from 'zod';
import { headerMap, webUrl } from '../settings.ts';

/** The settings of traces: entries of the daemon's one schema. The names are OpenTelemetry's own. */
export const tracingSettings = {
  TRACING: z
    .enum(['auto', 'off', 'otlp'])
    .default('auto')
    .describe('Traces of calls by OpenTelemetry: otlp, off, or auto: on when OTEL_EXPORTER_OTLP_ENDPOINT is set.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: webUrl
    .optional()
    .describe(
      'Where traces are sent by OTLP over HTTP, without /v1/traces, e.g. http://localhost:4318, which is also the default of TRACING=otlp.',
    ),
  OTEL_EXPORTER_OTLP_HEADERS: headerMap
    .default({})
    .describe('Headers of those requests, as a JSON object, e.g. {"authorization":"Bearer ..."}.'),
  OTEL_SERVICE_NAME: z.string().min(1).default('voicebridge').describe('Name under which the traces are kept.'),
};
