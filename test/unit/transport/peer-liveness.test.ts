import { describe, expect, it } from 'vitest';
import { watchLiveness, watchMedia } from '../../../src/transport/liveness.ts';
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

describe('watchMedia', () => {
  const PATIENCE = { firstMs: 20_000, nextMs: 30_000 };

  function watched() {
    const clock = new FakeClock();
    const far = { secured: true, all: 8, rtp: 0, answers: 0 };
    const lost: Array<{ came: boolean; at: number }> = [];
    const peer = {
      stats: async () => {
        far.answers++;
        return [
          { type: 'transport', packetsReceived: far.all, dtlsState: far.secured ? 'connected' : 'connecting' },
          { type: 'candidate-pair', responsesReceived: far.answers, packetsReceived: far.all },
          ...(far.rtp > 0 ? [{ type: 'inbound-rtp', packetsReceived: far.rtp }] : []),
        ];
      },
    };
    const stop = watchMedia(peer, clock, PATIENCE, (came) => lost.push({ came, at: clock.now() }));
    /** Lets so much time pass while `what` grows each second. */
    const pass = async (ms: number, ...what: ReadonlyArray<'all' | 'rtp'>) => {
      for (let t = 0; t < ms; t += 1_000) {
        for (const one of what) far[one]++;
        await clock.advanceAsync(1_000, 100);
      }
    };
    return { clock, far, lost, pass, stop };
  }

  it('tells after 20 s that none came, whatever checks are answered', async () => {
    const { clock, lost, pass } = watched();
    await pass(19_000);
    expect(lost).toEqual([]);
    await pass(2_000);
    expect(lost).toEqual([{ came: false, at: 20_000 }]);
    await pass(60_000);
    expect(lost).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('takes no packet for media by which the keys are agreed on', async () => {
    const { far, lost, pass } = watched();
    far.secured = false;
    await pass(10_000, 'all');
    far.secured = true;
    await pass(11_000);
    expect(lost).toEqual([{ came: false, at: 20_000 }]);
  });

  it('counts what came before the first look', async () => {
    const { far, lost, pass } = watched();
    far.rtp = 1;
    await pass(29_000);
    expect(lost).toEqual([]);
    await pass(6_000);
    expect(lost).toEqual([{ came: true, at: expect.closeTo(32_000, -3) }]);
  });

  it('is content with audio, and with reports alone', async () => {
    const { lost, pass } = watched();
    await pass(60_000, 'all', 'rtp');
    await pass(60_000, 'all');
    expect(lost).toEqual([]);
  });

  it('tells 30 s after the last packet that they stopped', async () => {
    const { lost, pass } = watched();
    await pass(40_000, 'all', 'rtp');
    await pass(29_000);
    expect(lost).toEqual([]);
    await pass(4_000);
    expect(lost).toHaveLength(1);
    expect(lost[0]?.came).toBe(true);
    expect(lost[0]?.at).toBeLessThanOrEqual(72_000);
  });

  it('takes a standstill of this process for none of the far end', async () => {
    const { clock, far, lost, pass } = watched();
    await pass(10_000, 'all', 'rtp');
    clock.advance(60_000);
    far.all += 3;
    await pass(10_000);
    expect(lost).toEqual([]);
  });

  it('stops at once, in a look too', async () => {
    const { clock, lost, stop, pass } = watched();
    clock.advance(2_000);
    stop();
    await pass(60_000);
    expect(lost).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
