import { termination } from '../../src/call/termination.ts';
import { External } from '../../src/callers/test/external.ts';
import { TestLeg } from '../../src/callers/test/leg.ts';
import { Effects } from '../../src/media/effects/chain.ts';
import { FakeClock } from '../fakes/clock.ts';
import { type CallerLegHarness, describeCallerLeg } from './caller-leg.ts';

/** A test caller's leg whose party is a test agent of somebody else's. */
function harness(rate: number): CallerLegHarness {
  const clock = new FakeClock();
  let samples = 0;
  let received = 0;
  const party = new External(rate, {
    audio(bytes) {
      received++;
      // Silence between words is no audio of the agent's.
      for (const sample of new Int16Array(bytes.buffer)) if (sample !== 0) samples++;
    },
    cleared: () => void received++,
    over: () => void received++,
  });
  const effects = new Effects({}, { sampleRate: 24_000, seed: 1, speechDbfs: -20 });
  const leg = new TestLeg({ party, effects });
  return {
    leg,
    clock,
    say(said) {
      party.say(new Uint8Array(said.buffer, said.byteOffset, said.byteLength));
      // It has no wire: what it says goes at the next tick of the call's clock.
      clock.advance(20);
    },
    hangUp() {
      leg.end(termination('caller-hangup'));
      return true;
    },
    lose: () => leg.end(termination('media-lost')),
    reached: () => samples,
    received: () => received,
  };
}

describeCallerLeg('a test agent', () => harness(24_000));
