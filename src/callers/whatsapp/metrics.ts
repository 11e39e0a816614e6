import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { GRAPH_ACTIONS, type GraphAction } from './graph/client.ts';
import { GRAPH_ERRORS, type GraphErrorCode } from './graph/errors.ts';

/** What is counted of webhooks and calls by WhatsApp. The set is closed: each name is a metric label. */
export const WHATSAPP_COUNTERS = [
  // What webhooks brought.
  'verified',
  'verify_refused',
  'signature_invalid',
  'connect',
  'connect_outbound',
  'terminate',
  'status',
  'permission',
  'other_field',
  'other_event',
  'malformed',
  'number_unknown',
  // What became of it.
  'connect_repeated',
  'connect_stale',
  'connect_ended_first',
  'terminate_first',
  'not_admitted',
  'accepted',
  'pre_accept_failed',
  'accept_failed',
  'placed_accepted',
  'farewell_lost',
] as const;
export type WhatsappCounter = (typeof WHATSAPP_COUNTERS)[number];
export type CountWhatsapp = (name: WhatsappCounter) => void;

export interface WhatsappMetrics {
  readonly count: CountWhatsapp;
  /** Meta was asked, and answered, or did not. */
  asked(action: GraphAction, outcome: 'ok' | GraphErrorCode, ms: number): void;
  /** How long it took from the webhook to the request to accept, or until Meta took it, ms. */
  setUp(until: 'asked' | 'accepted', ms: number): void;
}

/** Bounds of the way from the webhook to the accept, s. */
const SETUP_BUCKETS = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 20];

/** `waiting`: how many calls Meta is still to be told of that they are over; read at scrape time. */
export function whatsappMetrics(registry: Registry, waiting: () => number): WhatsappMetrics {
  const registers = [registry];
  const events = new Counter({
    name: 'voicebridge_whatsapp_events_total',
    help: 'What webhooks of WhatsApp brought, and what became of it.',
    labelNames: ['event'],
    registers,
  });
  for (const event of WHATSAPP_COUNTERS) events.inc({ event }, 0);
  const requests = new Counter({
    name: 'voicebridge_graph_requests_total',
    help: "Requests to Meta's Graph API, each try, by how it went: ok, or a code of docs/errors.md.",
    labelNames: ['action', 'outcome'],
    registers,
  });
  for (const action of GRAPH_ACTIONS) requests.inc({ action, outcome: 'ok' }, 0);
  const seconds = new Histogram({
    name: 'voicebridge_graph_request_seconds',
    help: "How long Meta's Graph API took, each try.",
    labelNames: ['action'],
    buckets: SETUP_BUCKETS,
    registers,
  });
  const setUp = new Histogram({
    name: 'voicebridge_whatsapp_setup_seconds',
    help: 'From the webhook of a WhatsApp call to the request to accept it (asked), and until Meta has taken that (accepted).',
    labelNames: ['until'],
    buckets: SETUP_BUCKETS,
    registers,
  });
  new Gauge({
    name: 'voicebridge_whatsapp_farewells_waiting',
    help: 'Calls that are over here and of which Meta is still to be told.',
    registers,
    collect() {
      this.set(waiting());
    },
  });
  return {
    count: (event) => events.inc({ event }),
    asked(action, outcome, ms) {
      requests.inc({ action, outcome: outcome in GRAPH_ERRORS ? outcome : 'ok' });
      seconds.observe({ action }, ms / 1_000);
    },
    setUp: (until, ms) => setUp.observe({ until }, ms / 1_000),
  };
}
