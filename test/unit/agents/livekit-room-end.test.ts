import { expect, it } from 'vitest';
import { livekitLeg } from '../../../src/agents/livekit/leg.ts';
import { Ticker } from '../../../src/call/ticker.ts';
import type { Rooms } from '../../../src/rooms/room.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';
import { FakeRoom, person } from '../../fakes/room.ts';

/** A call with an agent in a room that is left, or not joined any more, when the test says so. */
function rig({ comes }: { comes: boolean }) {
  const clock = new FakeClock();
  const happened: string[] = [];
  const gate = Promise.withResolvers<void>();
  const pool: Pick<Rooms, 'join'> = {
    async join(options, handlers) {
      if (!comes) {
        await gate.promise;
        throw options.signal.reason;
      }
      const room = new FakeRoom(options, handlers, clock);
      room.close = async () => {
        await gate.promise;
        happened.push('left');
      };
      queueMicrotask(() => handlers.participant('joined', person('agent-1', { kind: 'agent' })));
      return room;
    },
  };
  const leg = livekitLeg({
    url: 'ws://127.0.0.1:9',
    server: {
      token: async () => 'token',
      remove: async () => {
        happened.push('removed');
      },
    },
    agentName: 'reception',
    metadata: '',
    pool: async () => pool,
  });
  const abort = new AbortController();
  const starting = leg.start({
    callId: 'c-1',
    clock,
    ticker: new Ticker(clock),
    signal: abort.signal,
    peer: { sampleRate: 24_000, write: () => {}, clear: () => {} },
    emit: () => {},
    count: () => {},
    log: fakeLog(),
  } as unknown as Parameters<typeof leg.start>[0]);
  starting.catch(() => {});
  const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
  return { leg, abort, happened, gate, starting, settle };
}

it('the agent’s room is removed when we have left it: one that is deleted around somebody leaves a thread behind', async () => {
  const { leg, happened, gate, starting, settle } = rig({ comes: true });
  await starting;
  void leg.close({ result: 'success', reason: 'caller-hangup' });
  await settle();
  expect(happened).toEqual([]);
  gate.resolve();
  await settle();
  expect(happened).toEqual(['left', 'removed']);
});

it('and where the call is over before we were in it, when nothing is on its way in any more', async () => {
  const { leg, abort, happened, gate, settle } = rig({ comes: false });
  await settle();
  abort.abort(new Error('over'));
  void leg.close({ result: 'success', reason: 'caller-hangup' });
  await settle();
  expect(happened).toEqual([]);
  gate.resolve();
  await settle();
  expect(happened).toEqual(['removed']);
});
