import { Counter, Gauge, type Registry } from 'prom-client';

/** What is counted of the way of events to the store. */
export interface WriterMeters {
  written(events: number): void;
  /** `what`: a try of the store, a write to the spool; or events: refused by the store, lost, damaged on disk. */
  failed(what: WriterFailure, n?: number): void;
}

export const WRITER_FAILURES = ['store', 'spool', 'refused', 'lost', 'damaged'] as const;
export type WriterFailure = (typeof WRITER_FAILURES)[number];

export const noMeters: WriterMeters = { written() {}, failed() {} };

/** Events on their way, by where they are. */
export interface Waiting {
  /** Not stored yet. */
  readonly waiting: number;
  /** Of these, on disk. */
  readonly spooled: number;
}

export function writerMeters(registry: Registry, waiting: () => Waiting): WriterMeters {
  const registers = [registry];
  new Gauge({
    name: 'voicebridge_records_waiting',
    help: 'Events of calls that are not in the store of records yet.',
    registers,
    collect() {
      this.set(waiting().waiting);
    },
  });
  new Gauge({
    name: 'voicebridge_records_spooled',
    help: 'Of the events that are not in the store yet, those that are on disk and outlive this process.',
    registers,
    collect() {
      this.set(waiting().spooled);
    },
  });
  const written = new Counter({
    name: 'voicebridge_records_written_total',
    help: 'Events that the store of records took.',
    registers,
  });
  const failed = new Counter({
    name: 'voicebridge_records_failed_total',
    help: 'Failures on the way to the store: tries of the store, writes to the spool; and events refused, lost, damaged on disk.',
    labelNames: ['what'],
    registers,
  });
  for (const what of WRITER_FAILURES) failed.inc({ what }, 0);
  return { written: (events) => written.inc(events), failed: (what, n = 1) => failed.inc({ what }, n) };
}
