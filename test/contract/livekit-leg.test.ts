import { LivekitLeg } from '../../src/callers/livekit/leg.ts';
import { FakeClock } from '../fakes/clock.ts';
import { fakeLog } from '../fakes/legs.ts';
import { FakeRoom } from '../fakes/room.ts';
import { type CallerLegHarness, describeCallerLeg } from './caller-leg.ts';

/** The leg of a room that the agent is in. */
function harness(): CallerLegHarness {
  const clock = new FakeClock();
  let room: FakeRoom | undefined;
  const leg = new LivekitLeg({
    join: async (handlers) => {
      room = new FakeRoom({ rate: 24_000 }, handlers, clock);
      return room;
    },
    clock,
    log: fakeLog(),
    tellSpeaker: true,
    joinMs: 300_000,
    leaveMs: 20_000,
    idleMs: 1_800_000,
  });
  return {
    leg,
    clock,
    say: (samples) => room?.says(samples),
    hangUp() {
      room?.ends('room-deleted');
      return true;
    },
    lose: () => room?.ends('server-gone'),
    reached: () => room?.heard ?? 0,
    received: () => room?.orders ?? 0,
  };
}

describeCallerLeg('a room', harness);
