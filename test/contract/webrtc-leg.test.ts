import { termination } from '../../src/call/termination.ts';
import { WebRtcLeg } from '../../src/callers/webrtc/leg.ts';
import { FakeClock } from '../fakes/clock.ts';
import { fakeLog } from '../fakes/legs.ts';
import { FakeRtcCaller } from '../fakes/rtc-caller.ts';
import { type CallerLegHarness, describeCallerLeg } from './caller-leg.ts';

/** A leg of audio alone, of whose end its signalling tells; `held`: which was let send only after media was up. */
function harness(held: boolean): CallerLegHarness {
  const clock = new FakeClock();
  const caller = new FakeRtcCaller();
  const leg = new WebRtcLeg({
    kind: 'audio-alone',
    far: 'the caller',
    lineClosed: "the caller's line closed",
    peer: (handlers) => caller.answer(handlers),
    clock,
    log: fakeLog(),
    held,
  });
  caller.connect();
  leg.release();
  return {
    leg,
    clock,
    say: (samples) => caller.say(samples),
    hangUp() {
      leg.end(termination('caller-hangup'));
      return true;
    },
    lose: () => caller.handlers?.state?.('failed'),
    reached: () => caller.samples,
    received: () => caller.heard.length,
  };
}

describeCallerLeg('WebRTC without a data channel', () => harness(false));
describeCallerLeg('WebRTC that may send at a word', () => harness(true));
