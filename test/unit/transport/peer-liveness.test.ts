import { describe, expect, it } from 'vitest';
import { watchLiveness } from '../../../src/transport/liveness.ts';
import { FakeClock } from '../../fakes/clock.ts';

function rig() {
  const clock = new FakeClock();
  const far = { packets: 0, answers: 0, report: true };
  let lost = 0;
  const peer = {
    stats: async () =>
      far.report
        ? [
            { type: 'transport', packetsReceived: far.packets },
            { type: 'candidate-pair', responsesReceived: far.answers },
            { type: 'codec' },
          ]
        : [],
  };
  const stop = watchLiveness(peer, clock, () => {
    lost++;
  });
  return { clock, far, stop, lost: () => lost };
}

describe('watchLiveness', () => {
  it.each(['packets', 'answers'] as const)('is content with %s alone', async (what) => {
    const { clock, far, lost } = rig();
    for (let i = 0; i < 60; i++) {
      far[what]++;
      await clock.advanceAsync(2_500, 100);
    }
    expect(lost()).toBe(0);
  });

  it('tells once, 6 to 8 s after the last sign of life', async () => {
    const { clock, far, lost } = rig();
    far.packets = 100;
    await clock.advanceAsync(4_100, 100);
    far.packets++;
    await clock.advanceAsync(5_800, 100);
    expect(lost()).toBe(0);
    await clock.advanceAsync(2_200, 100);
    expect(lost()).toBe(1);
    await clock.advanceAsync(60_000, 1_000);
    expect(lost()).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('does not judge without statistics', async () => {
    const { clock, far, lost } = rig();
    far.report = false;
    await clock.advanceAsync(60_000, 500);
    expect(lost()).toBe(0);
  });

  it('is quiet after stop, also when it stops during a look', async () => {
    const { clock, stop, lost } = rig();
    await clock.advanceAsync(7_900, 100);
    clock.advance(100);
    stop();
    await clock.advanceAsync(10_000, 100);
    expect(lost()).toBe(0);
    expect(clock.pending).toBe(0);
  });
});
