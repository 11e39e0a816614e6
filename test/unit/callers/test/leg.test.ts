import { describe, expect, it } from 'vitest';
import { dtmfSamples } from '../../../../src/call/dtmf-tones.ts';
import { TestLeg } from '../../../../src/callers/test/leg.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { inTurn, legContext, spans } from '../../../fakes/quiet.ts';

/** What a caller hears of a live agent who says this at once, ms: loud, quiet, loud, and so on. */
async function hears(...frames: Array<{ samples: Int16Array; whole?: true }>) {
  const clock = new FakeClock();
  const heard: number[] = [];
  const leg = new TestLeg({ party: { begin() {}, frame: (agent) => heard.push(...agent), over() {} } });
  await leg.start(legContext(clock, 24_000));
  leg.setPace('live');
  for (const frame of frames) leg.audio.write({ ...frame, sampleRate: 24_000 });
  clock.advance(3_000);
  return spans(heard, 24);
}

describe('a test caller of a live agent', () => {
  it('hears keys with the pauses between them', async () => {
    const keys = [...'1ww2'].map((key) => ({ samples: dtmfSamples(key, 24_000), whole: true as const }));
    expect(await hears(...keys)).toEqual([120, 1_080, 120]);
  });

  it('hears of what comes at once each pause at least, and words with what is quiet inside them', async () => {
    const [first, pause, ...rest] = await hears({ samples: inTurn(24, 200, 300, 100, 60, 100, 400, 200) });
    expect([first, ...rest.slice(0, 3), rest.at(-1)]).toEqual([200, 100, 60, 100, 200]);
    for (const quiet of [pause!, rest[3]!]) expect(quiet).toBeGreaterThanOrEqual(60);
    expect(pause!).toBeLessThan(300);
  });
});
