import { Counter, Gauge, Registry } from 'prom-client';
import { COUNTERS, type Count } from '../call/counters.ts';
import type { CallEvent, CallObserver } from '../call/events.ts';

/** What the process counts, for Prometheus. Labels come from closed sets. */
export interface Metrics extends CallObserver {
  readonly registry: Registry;
  /** Adds to a counter outside of any call: streams that never became one. */
  readonly count: Count;
  /** Adds one to an event of the HTTP face; `name` is from its closed list. */
  countHttp(name: string): void;
}

/** Makes a registry of its own, so that two apps in one process (tests) do not share numbers. `activeCalls` is read at scrape time. */
export function createMetrics(activeCalls: () => number): Metrics {
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
  const started = new Counter({
    name: 'voicebridge_calls_started_total',
    help: 'Calls begun.',
    labelNames: ['direction'],
    registers,
  });
  const ended = new Counter({
    name: 'voicebridge_calls_ended_total',
    help: 'Calls ended, by how.',
    labelNames: ['result', 'reason'],
    registers,
  });
  const counted = new Counter({
    name: 'voicebridge_call_count_total',
    help: 'What ended calls counted about themselves: frames, milliseconds of audio, messages; see the counter label.',
    labelNames: ['counter'],
    registers,
  });
  for (const counter of COUNTERS) counted.inc({ counter }, 0);
  const http = new Counter({
    name: 'voicebridge_http_events_total',
    help: 'Events of the HTTP face.',
    labelNames: ['event'],
    registers,
  });

  return {
    registry,
    count: (counter, n = 1) => counted.inc({ counter }, n),
    countHttp: (event) => http.inc({ event }),
    onEvent(_callId: string, event: CallEvent) {
      if (event.type === 'call_started') started.inc({ direction: event.direction });
      if (event.type !== 'call_ended') return;
      ended.inc({ result: event.end.result, reason: event.end.reason });
      for (const [counter, n] of Object.entries(event.counters)) counted.inc({ counter }, n ?? 0);
    },
  };
}
