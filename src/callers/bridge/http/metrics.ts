import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * What became of a request to start a call: answered, answered again as before, refused for its offer, for want of room or since it was
 * stopped before, or not answered for another reason.
 */
export const START_OUTCOMES = ['answered', 'repeated', 'offer', 'room', 'stopped', 'failed'] as const;
export type StartOutcome = (typeof START_OUTCOMES)[number];
/** Why a socket was closed by us while its call went on. */
export type SocketEnd = 'slow' | 'flood';

export interface HandedCallMetrics {
  started(outcome: StartOutcome): void;
  /** A socket was opened, or is gone. */
  sockets(change: 1 | -1): void;
  dropped(why: SocketEnd): void;
}

export function handedCallMetrics(registry: Registry, calls: () => number): HandedCallMetrics {
  const registers = [registry];
  const starts = new Counter({
    name: 'voicebridge_bridge_starts_total',
    help: 'Calls that handlers handed on by /bridge/start, by what they were answered.',
    labelNames: ['outcome'],
    registers,
  });
  const sockets = new Gauge({
    name: 'voicebridge_bridge_sockets',
    help: 'Sockets of handlers, each at one call that they handed on.',
    registers,
  });
  const dropped = new Counter({
    name: 'voicebridge_bridge_sockets_dropped_total',
    help: 'Sockets of handlers that were closed in mid-call: they read too slowly, or sent messages without end.',
    labelNames: ['why'],
    registers,
  });
  new Gauge({
    name: 'voicebridge_bridge_calls',
    help: 'Calls that handlers handed on and that go on, those that wait for their media included.',
    registers,
    collect() {
      this.set(calls());
    },
  });
  for (const outcome of START_OUTCOMES) starts.inc({ outcome }, 0);
  for (const why of ['slow', 'flood'] satisfies SocketEnd[]) dropped.inc({ why }, 0);
  return {
    started: (outcome) => starts.inc({ outcome }),
    sockets: (change) => sockets.inc(change),
    dropped: (why) => dropped.inc({ why }),
  };
}
