import { Counter, Gauge, type Registry } from 'prom-client';

/** What is counted of rooms. The set is closed: each name is a metric label. */
export const LIVEKIT_COUNTERS = [
  // Connections, by what brought them, and their ends.
  'created',
  'joined',
  'dispatched',
  'ended',
  'failed',
  // What was refused, or not needed.
  'already_there',
  'room_unknown',
  'room_over',
  'tenant_full',
  'not_admitted',
  // Webhooks.
  'webhook',
  'webhook_refused',
  'webhook_malformed',
  'webhook_not_ours',
  'webhook_own_room',
  'webhook_name_refused',
  'webhook_field_refused',
  'webhook_failed',
  'webhook_retried',
  // Telephones that were hung up since the agent could not come to them.
  'phone_stranded',
  // Rooms that could not be deleted at their end, each further try, and in the end: the server does so in its own time.
  'delete_retried',
  'delete_failed',
  // The same of people who are put out of a room at its end: a telephone is hung up by it.
  'put_out_retried',
  'put_out_failed',
] as const;
export type LivekitCounter = (typeof LIVEKIT_COUNTERS)[number];

export interface LivekitMetrics {
  count(name: LivekitCounter): void;
  /** How often it was counted. */
  total(name: LivekitCounter): number;
}

/** Rooms and people now, by whose they are. */
export interface RoomsNow {
  readonly tenantId: string | undefined;
  readonly people: number;
}

/** Tenants that have a label of their own over the life of a process. */
const TENANTS_MOST = 50;

export function livekitMetrics(registry: Registry, now: () => Iterable<RoomsNow>): LivekitMetrics {
  const registers = [registry];
  const totals = new Map<LivekitCounter, number>();
  const events = new Counter({
    name: 'voicebridge_livekit_events_total',
    help: 'Rooms that were created, joined and left, and what was refused.',
    labelNames: ['event'],
    registers,
  });
  for (const event of LIVEKIT_COUNTERS) events.inc({ event }, 0);
  const seen = new Set<string>();
  const labelOf = (tenantId: string | undefined) => {
    if (tenantId === undefined) return '(none)';
    if (!seen.has(tenantId) && seen.size >= TENANTS_MOST) return '(other)';
    seen.add(tenantId);
    return tenantId;
  };
  /** Sets a gauge to what there is now, by tenant. */
  const collect = (gauge: Gauge, of: (one: RoomsNow) => number) => {
    gauge.reset();
    gauge.set({ tenant: '(none)' }, 0);
    for (const one of now()) gauge.inc({ tenant: labelOf(one.tenantId) }, of(one));
  };
  new Gauge({
    name: 'voicebridge_livekit_rooms',
    help: 'Rooms that the agent is in, or on its way to, by tenant; those beyond the first 50 tenants together.',
    labelNames: ['tenant'],
    registers,
    collect() {
      collect(this, () => 1);
    },
  });
  new Gauge({
    name: 'voicebridge_livekit_people',
    help: 'People in these rooms, by tenant.',
    labelNames: ['tenant'],
    registers,
    collect() {
      collect(this, ({ people }) => people);
    },
  });
  return {
    count(event) {
      totals.set(event, (totals.get(event) ?? 0) + 1);
      events.inc({ event });
    },
    total: (event) => totals.get(event) ?? 0,
  };
}
