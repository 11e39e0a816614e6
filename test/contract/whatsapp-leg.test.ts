import { termination } from '../../src/call/termination.ts';
import { WhatsAppLeg } from '../../src/callers/whatsapp/leg.ts';
import { FakeClock } from '../fakes/clock.ts';
import { fakeLog } from '../fakes/legs.ts';
import { FakeRtcCaller } from '../fakes/rtc-caller.ts';
import { type CallerLegHarness, describeCallerLeg } from './caller-leg.ts';

/** A WhatsApp user whose call was accepted, and of whose end a webhook tells. */
function harness(kind: 'whatsapp' | 'bridge'): CallerLegHarness {
  const clock = new FakeClock();
  const caller = new FakeRtcCaller();
  const leg = new WhatsAppLeg({ kind, peer: (handlers) => caller.answer(handlers), clock, log: fakeLog() });
  leg.release();
  caller.connect();
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

describeCallerLeg('a WhatsApp user', () => harness('whatsapp'));
describeCallerLeg("a WhatsApp user of somebody else's webhook", () => harness('bridge'));
