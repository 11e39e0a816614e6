import { phoneAgentLeg } from '../../src/agents/phone/leg.ts';
import { termination } from '../../src/call/termination.ts';
import { BridgeError } from '../../src/errors.ts';
import { FakeClock } from '../fakes/clock.ts';
import { FakeCaller } from '../fakes/legs.ts';
import { describeAgentLeg } from './agent-leg.ts';
import { describeHeardAgent, farEnd, type HeardHarness, heardAgent } from './heard-agent.ts';

const RATE = 24_000;

function harness(): HeardHarness {
  const clock = new FakeClock();
  const state = farEnd();
  const line = new FakeCaller(RATE);
  const write = line.audio.write.bind(line.audio);
  line.audio.write = (frame) => {
    if (frame.samples.some((sample) => sample !== 0)) state.heardMs += (frame.samples.length * 1000) / RATE;
    write(frame);
  };
  const answered = Promise.withResolvers<void>();
  const leg = phoneAgentLeg({
    rate: RATE,
    target: { to: '+12025550100', ring_seconds: 30, on_machine: 'talk' },
    dialler: {
      carrier: 'some',
      carriers: ['some'],
      async dial({ signal }) {
        if (state.far === 'refuses') throw new BridgeError('DIAL_BUSY', 'the number is busy');
        if (state.far === 'opens') answered.resolve();
        const gone = Promise.withResolvers<never>();
        signal.addEventListener('abort', () => gone.reject(signal.reason), { once: true });
        await Promise.race([answered.promise, gone.promise]);
        state.open++;
        signal.addEventListener('abort', () => state.open--, { once: true });
        return { leg: line, carrierCallId: 'call-at-the-carrier' };
      },
    },
  });
  const speak = (ms: number, level = 4000) => {
    for (let at = 0; at < ms; at += 20) line.say(new Array((RATE * 20) / 1000).fill(level));
  };
  return {
    ...heardAgent({ leg, clock, state, confirm: () => answered.resolve(), speak }),
    heardMs: () => state.heardMs,
    lose: () => line.ctx?.emit({ type: 'ended', end: termination('media-lost') }),
  };
}

describeAgentLeg('of somebody at a telephone', harness);
describeHeardAgent('somebody at a telephone', harness);
