import { BrowserLeg } from '../../src/callers/browser/leg.ts';
import { FakeClock } from '../fakes/clock.ts';
import { fakeLog } from '../fakes/legs.ts';
import { FakePage } from '../fakes/page.ts';
import { type CallerLegHarness, describeCallerLeg } from './caller-leg.ts';

/** A browser leg with a connected page at the other end of its peer. */
function harness(): CallerLegHarness {
  const clock = new FakeClock();
  const page = new FakePage();
  const leg = new BrowserLeg({ peer: (handlers) => page.answer(handlers), clock, log: fakeLog() });
  page.connect();
  return {
    leg,
    clock,
    say: (samples) => page.say(samples),
    hangUp() {
      page.send({ type: 'hangup' });
      return true;
    },
    lose: () => page.handlers?.state?.('failed'),
    reached: () => page.samples,
    received: () => page.heard.length + page.messages.length,
  };
}

describeCallerLeg('a web page', harness);
