import { Counter, Gauge, Registry } from 'prom-client';
import type { Clock } from '../call/clock.ts';
import { COUNTERS, type Count, type Counter as CounterName } from '../call/counters.ts';
import type { CallObserver } from '../call/events.ts';
import { callMetrics } from './call-metrics.ts';
import type { MetricJson } from './json.ts';
import type { AgentLabels } from './labels.ts';
import { processMetrics } from './process.ts';

/** What the process counts, for Prometheus. Labels come from closed sets. */
export interface Metrics extends CallObserver {
  /** The daemon's own metrics; a part that has some of its own registers them here. */
  readonly registry: Registry;
  /** Adds to what all calls count, while they go on. On the audio path: it adds to a number and does nothing else. */
  readonly count: Count;
  /** Adds one to an event of the HTTP face; `name` is from its closed list. */
  countHttp(name: string): void;
  /** Adds one call that was refused; `reason` is from admission's closed list. */
  countRefusal(reason: string): void;
  /** All of it with the process's own, in the text format of Prometheus. */
  exposition(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** The same as values, to be joined with other processes'. */
  json(): Promise<MetricJson[]>;
}

export interface MetricsOptions {
  readonly clock: Pick<Clock, 'now' | 'wall'>;
  /** Calls in progress; read at scrape time. */
  readonly activeCalls: () => number;
  /** How late the event loop was in the last second, and smoothed, ms. */
  readonly loopDelay: () => {
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
    readonly smoothed: number;
  };
  /** Whether there is a tool of this name. */
  readonly isTool: (name: string) => boolean;
  /** What the kinds of agents that there are may name on labels. */
  readonly agents: AgentLabels;
  /** The closed lists of reasons and events whose series are there from the start, at zero. */
  readonly refusals?: readonly string[];
  readonly httpEvents?: readonly string[];
}

/** Makes a registry of its own, so that two apps in one process (tests) do not share numbers. */
export function createMetrics(options: MetricsOptions): Metrics {
  const { clock, activeCalls, loopDelay, isTool, agents } = options;
  const registry = new Registry();
  const registers = [registry];
  new Gauge({
    name: 'voicebridge_calls_active',
    help: 'Calls in progress, prepared ones included.',
    registers,
    collect() {
      this.set(activeCalls());
    },
  });
  new Gauge({
    name: 'voicebridge_event_loop_delay_seconds',
    help: 'How late the event loop was in the last second (p50, p99, max), and the median of ten p99: what admission goes by.',
    labelNames: ['stat'],
    registers,
    aggregator: 'max',
    collect() {
      for (const [stat, ms] of Object.entries(loopDelay())) this.set({ stat }, ms / 1_000);
    },
  });
  const totals: Record<CounterName, number> = Object.create(null);
  for (const counter of COUNTERS) totals[counter] = 0;
  new Counter({
    name: 'voicebridge_call_count_total',
    help: 'What calls count about themselves, those that run included: frames, milliseconds of audio, messages; see the counter label.',
    labelNames: ['counter'],
    registers,
    collect() {
      this.reset();
      for (const counter of COUNTERS) this.inc({ counter }, totals[counter]);
    },
  });
  const http = new Counter({
    name: 'voicebridge_http_events_total',
    help: 'Events of the HTTP face.',
    labelNames: ['event'],
    registers,
  });
  for (const event of options.httpEvents ?? []) http.inc({ event }, 0);
  const refused = new Counter({
    name: 'voicebridge_calls_refused_total',
    help: 'New calls refused by admission, by why.',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of options.refusals ?? []) refused.inc({ reason }, 0);
  const refusedAt = new Gauge({
    name: 'voicebridge_call_refused_timestamp_seconds',
    help: 'When admission refused a call last, by why: seconds since 1970.',
    labelNames: ['reason'],
    registers,
    aggregator: 'max',
  });
  const observer = callMetrics({ registry, clock, isTool, agents });

  return {
    registry,
    count: (counter, n = 1) => {
      const before = totals[counter];
      if (before !== undefined) totals[counter] = before + n;
    },
    countHttp: (event) => http.inc({ event }),
    countRefusal(reason) {
      refused.inc({ reason });
      refusedAt.set({ reason }, clock.wall() / 1_000);
    },
    onEvent: (callId, event) => observer.onEvent(callId, event),
    json: async () =>
      (await Registry.merge([registry, processMetrics()]).getMetricsAsJSON()) as unknown as MetricJson[],
    async exposition() {
      const all = Registry.merge([registry, processMetrics()]);
      return { contentType: registry.contentType, text: await all.metrics() };
    },
  };
}
