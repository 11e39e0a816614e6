import type { Clock, Timer } from '../call/clock.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { serveEvents } from '../live/http/events-route.ts';
import { EventHub } from '../live/hub.ts';
import { LevelMeters } from '../live/levels.ts';
import { liveMetrics } from '../live/metrics.ts';
import type { EventPage, EventPeers, EventQuestion } from '../live/peers.ts';
import type { CallRecord } from '../records/call-record.ts';
import type { RecordedEvent } from '../records/event.ts';
import type { Base, Feature } from './feature.ts';

/** Characters of events that are kept for readers that come back, whatever their number. */
const KEEP_CHARACTERS = 32 * 1024 * 1024;

/** How the other instances are asked for their events. */
const ASKED_FOR = 'events';
/** How long an answer may take, ms: readers wait for the slowest. */
const ANSWER_MS = 1_000;

/** Refusals are told of together, at most this often, ms: a storm of callers must not become one of messages. */
const REFUSALS_MS = 1_000;

/** Tells of refused calls: of the first at once, of those within the time after it together. */
function refusalNotices(clock: Clock, tell: (reasons: Readonly<Record<string, number>>) => void) {
  let counted: Record<string, number> = {};
  let pause: Timer | undefined;
  const flush = () => {
    pause = undefined;
    if (Object.keys(counted).length === 0) return;
    const reasons = counted;
    counted = {};
    pause = clock.after(REFUSALS_MS, flush);
    tell(reasons);
  };
  return {
    add(reason: string): void {
      counted[reason] = (counted[reason] ?? 0) + 1;
      if (pause === undefined) flush();
    },
    close: () => pause?.cancel(),
  };
}

/** How readers learn that a call is over whose instance can tell them nothing any more. */
function lostCall(call: CallRecord, id: string, at: number): RecordedEvent {
  const { id: callId, events: seq, result, reason, durationMs, lastOffsetMs } = call;
  return {
    id,
    callId,
    seq,
    at,
    offsetMs: lastOffsetMs,
    type: 'call_ended',
    data: { end: { result, reason }, durationMs, counters: {} },
    transient: false,
  };
}

function peersOf(fleet: Fleet): EventPeers {
  return {
    others: async () => (await fleet.instances()).flatMap(({ id }) => (id === fleet.self ? [] : [id])),
    ask: (instance, question) =>
      fleet.ask<EventQuestion, EventPage>(instance, ASKED_FOR, question, { withinMs: ANSWER_MS }),
  };
}

/** The live stream of all calls' events. */
export function openLive({ config, clock, log, ids, fleet, metrics: { registry } }: Base): Feature {
  const metrics = liveMetrics(registry);
  const levels = new LevelMeters();
  const hub = new EventHub({
    levels,
    clock,
    ids,
    peers: fleet.isAlone ? undefined : peersOf(fleet),
    keep: { events: config.EVENTS_KEEP, characters: KEEP_CHARACTERS },
    watchers: config.EVENTS_MAX_WATCHERS,
    bufferBytes: config.EVENTS_BUFFER_KB * 1024,
    dropped: metrics.dropped,
    failed: (err) => log.warn({ err }, 'events could not be replayed to a reader'),
  });
  const refusals = refusalNotices(clock, (reasons) => hub.notice('calls.refused', { reasons }));
  return {
    sinks: [hub],
    tap: (info) => levels.tap(info),
    notice: ({ type, data }) => hub.notice(type, data),
    refused: (reason) => refusals.add(reason),
    lost(calls) {
      for (const call of calls) hub.onRecord(lostCall(call, ids.next(), clock.wall()));
    },
    forget: async (callIds) => hub.forget(callIds),
    install({ http, admin, people: { sessions }, replay }) {
      hub.replay = replay;
      if (!fleet.isAlone) fleet.serve<EventQuestion, EventPage>(ASKED_FOR, async (question) => hub.answer(question));
      const { watching } = metrics;
      serveEvents({ http, hub, admin, sessions, publicUrl: config.PUBLIC_URL, clock, log, watching });
    },
    async close() {
      refusals.close();
    },
  };
}
