import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { describe, expect, it } from 'vitest';
import { ADMIN } from '../../../src/http/operators.ts';
import { OperatorSessions } from '../../../src/http/sessions.ts';
import type { EventsRouteOptions } from '../../../src/live/http/events-route-query.ts';
import { eventStream } from '../../../src/live/http/events-route-sse.ts';
import { EventHub } from '../../../src/live/hub.ts';
import { EventIds } from '../../../src/records/event.ts';
import { FakeClock } from '../../fakes/clock.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

function rig() {
  const clock = new FakeClock();
  const sessions = new OperatorSessions();
  const hub = new EventHub({
    clock,
    keep: { events: 10, characters: 10_000 },
    watchers: 5,
    bufferBytes: 10_000,
    failed: () => {},
    levels: { watch: () => () => {} },
    ids: new EventIds(() => clock.wall(), 'a'),
  });
  let watching = 0;
  const count = (change: number) => {
    watching += change;
  };
  const options = { hub, clock, sessions, watching: (_via: string, change: number) => count(change) };
  const raw = Object.assign(new PassThrough(), { writeHead: () => raw });
  raw.resume();
  const open = () =>
    eventStream(options as unknown as EventsRouteOptions, ADMIN, { transient: true, levels: false }, {
      hijack: () => {},
      getHeaders: () => ({}),
      raw,
    } as unknown as FastifyReply);
  return { raw, open, left: () => ({ readers: hub.size, watching, sessions: sessions.open, timers: clock.pending }) };
}

const NOTHING = { readers: 0, watching: 0, sessions: [], timers: 0 };

describe('a reader of server-sent events', () => {
  it('leaves nothing behind when it goes', async () => {
    const { raw, open, left } = rig();
    open();
    expect(left()).toEqual({ readers: 1, watching: 1, sessions: ['admin'], timers: 1 });
    raw.destroy();
    await turn();
    expect(left()).toEqual(NOTHING);
  });

  it('leaves nothing behind when it went while it was looked up who it is', async () => {
    const { raw, open, left } = rig();
    raw.destroy();
    await turn();
    open();
    await turn();
    expect(left()).toEqual(NOTHING);
  });
});
