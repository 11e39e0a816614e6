import type { StreamLeg } from '../../../src/agents/stream/leg.ts';
import type { Counter } from '../../../src/call/counters.ts';
import type { AgentEvent } from '../../../src/call/events.ts';
import type { LegContext } from '../../../src/call/leg.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import type { FakeClock } from '../../fakes/clock.ts';
import { FakeSink, fakeLog } from '../../fakes/legs.ts';

/** Starts a leg as a call would, and keeps what it tells. The far end is a `StreamFar`. `listens`: somebody is on the line from the beginning. */
export function startStream(leg: StreamLeg, clock: FakeClock, listens = true) {
  const events: AgentEvent[] = [];
  const counted = new Map<Counter, number>();
  const peer = new FakeSink(leg.rate);
  const log = fakeLog();
  const abort = new AbortController();
  const ctx: LegContext<AgentEvent> = {
    callId: 'call-7',
    peer,
    emit: (event) => events.push(event),
    count: (counter, n = 1) => counted.set(counter, (counted.get(counter) ?? 0) + n),
    log,
    clock,
    ticker: new Ticker(clock),
    signal: abort.signal,
  };
  if (listens) leg.listened(true);
  const started = leg.start(ctx);
  started.catch(() => {});
  const of = <T extends AgentEvent['type']>(type: T) =>
    events.filter((event): event is Extract<AgentEvent, { type: T }> => event.type === type);
  return { events, counted, peer, log, abort, started, of };
}
