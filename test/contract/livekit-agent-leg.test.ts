import { livekitLeg } from '../../src/agents/livekit/leg.ts';
import { BridgeError } from '../../src/errors.ts';
import type { Rooms } from '../../src/rooms/room.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeRoom, person } from '../fakes/room.ts';
import { describeAgentLeg } from './agent-leg.ts';
import { describeHeardAgent, farEnd, type HeardHarness, heardAgent } from './heard-agent.ts';

const RATE = 24_000;

function harness(): HeardHarness {
  const clock = new FakeClock();
  const state = farEnd();
  let joined: FakeRoom | undefined;
  const pool: Pick<Rooms, 'join'> = {
    async join(options, handlers) {
      await options.token();
      joined = new FakeRoom(options, handlers, clock);
      state.open++;
      const write = joined.write.bind(joined);
      let isOpen = true;
      joined.write = (samples) => {
        if (samples.some((sample) => sample !== 0)) state.heardMs += (samples.length * 1000) / RATE;
        write(samples);
      };
      joined.close = async () => {
        if (isOpen) state.open--;
        isOpen = false;
      };
      if (state.far === 'opens') queueMicrotask(confirm);
      return joined;
    },
  };
  const confirm = () => joined?.handlers.participant('joined', person('agent-1', { kind: 'agent' }));
  const leg = livekitLeg({
    url: 'ws://127.0.0.1:9',
    server: { token: async () => 'token', remove: async () => {} },
    agentName: 'reception',
    metadata: '',
    pool: async () => {
      if (state.far === 'refuses') throw new BridgeError('LIVEKIT_UNREACHABLE', 'no way', { retryable: true });
      return pool;
    },
  });
  const speak = (ms: number, level = 4000) => {
    for (let at = 0; at < ms; at += 20) joined?.handlers.audio(new Int16Array(480).fill(level), []);
  };
  return {
    ...heardAgent({ leg, clock, state, confirm: () => confirm(), speak }),
    heardMs: () => state.heardMs,
    lose: () => joined?.handlers.ended({ reason: 'server-gone', detail: 'gone' }),
  };
}

describeAgentLeg("of LiveKit's, in a room", harness);
describeHeardAgent("LiveKit's, in a room", harness);
