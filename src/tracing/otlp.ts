import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace-node';
import type { Clock } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import { scrub } from '../log.ts';
import { CallTracer } from './spans.ts';

/** Traces by OTLP over HTTP. This file is loaded only where traces are wanted: its libraries take their time and memory. */

export interface OtlpOptions {
  /** Without /v1/traces. https://opentelemetry.io/docs/specs/otlp/#otlphttp-request */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly service: string;
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  /** Wait before what was gathered is sent, ms. */
  readonly delayMs?: number;
}

export interface Tracing {
  readonly observer: CallTracer;
  /** Sends what is left, within a bound. Never rejects. */
  close(): Promise<void>;
}

/** Limit of one request, ms. */
const EXPORT_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 3_000;
/** Spans that wait to be sent; more are dropped, for memory is the calls'. */
const QUEUE_MOST = 4_096;
/** How often a collector that cannot be had is told of, ms. */
const WARN_EVERY_MS = 60_000;

export function openOtlp(options: OtlpOptions): Tracing {
  const { endpoint, headers, service, instance, clock } = options;
  const exporter = new OTLPTraceExporter({
    url: tracesUrl(endpoint),
    headers: { ...headers },
    timeoutMillis: EXPORT_TIMEOUT_MS,
  });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.instance.id': instance }),
    spanProcessors: [
      new BatchSpanProcessor(heedful(exporter, options), {
        maxQueueSize: QUEUE_MOST,
        maxExportBatchSize: 512,
        scheduledDelayMillis: options.delayMs ?? 2_000,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
  return {
    observer: new CallTracer(provider.getTracer('voicebridge'), clock),
    async close() {
      const bound = new Promise<void>((resolve) => void clock.after(CLOSE_TIMEOUT_MS, resolve));
      await Promise.race([provider.shutdown().catch(() => {}), bound]);
    },
  };
}

/** Says at most once a minute that spans are lost; whatever fails here ends here. */
function heedful(exporter: SpanExporter, { clock, log }: OtlpOptions): SpanExporter {
  let warnedAt = Number.NEGATIVE_INFINITY;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== 0 && clock.now() - warnedAt >= WARN_EVERY_MS) {
          warnedAt = clock.now();
          log.warn({ spans: spans.length, why: scrub(result.error?.message ?? '') }, 'traces could not be delivered');
        }
        // Told as done in any case: the library would report the failure a second time, past the log.
        done({ code: 0 });
      });
    },
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush === undefined ? {} : { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() }),
  };
}

function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/traces`;
  return url.href;
}
