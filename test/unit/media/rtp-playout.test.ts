import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RTP_FRAME, RtpPlayout } from '../../../src/media/rtp-playout.ts';
import { inTurn, spans } from '../../fakes/quiet.ts';

function playout(maxQueueMs = 60_000, held = false) {
  const pushed: Int16Array[] = [];
  let dropped = 0;
  const out = new RtpPlayout({
    push: (samples, offset) => pushed.push(samples.slice(offset, offset + RTP_FRAME)),
    dropped: (ms) => {
      dropped += ms;
    },
    maxQueueMs,
    held,
  });
  return { out, pushed, dropped: () => dropped, ms: () => pushed.length * 10 };
}

/** Samples that count up from 1, so that every one can be told. */
const counted = (ms: number, from = 1) => Int16Array.from({ length: ms * 48 }, (_, i) => 1_000 + ((from + i) % 20_000));
const audible = (frames: readonly Int16Array[]) =>
  frames.flatMap((frame) => [...frame].filter((sample) => sample !== 0));

describe('RtpPlayout', () => {
  it('sends silence in real time while there is nothing to say', () => {
    const { out, ms, pushed } = playout();
    for (let now = 0; now <= 1_000; now += 20) out.tick(now);
    expect(ms()).toBeGreaterThanOrEqual(980);
    expect(ms()).toBeLessThanOrEqual(1_000);
    expect(audible(pushed)).toEqual([]);
    expect(out.writtenMs()).toBe(0);
  });

  it('plays a burst at the pace of speech, never more than a tick ahead', () => {
    const { out, ms } = playout();
    out.tick(0);
    out.write(counted(2_000), 5);
    for (let now = 20; now <= 2_100; now += 20) {
      out.tick(now);
      expect(ms()).toBeLessThanOrEqual(now + 20);
    }
    expect(out.playedMs()).toBe(2_000);
  });

  it.each([20, 40, 60, 80, 100, 120])(
    'begins at the pace of speech when it may send after %d ms of waiting more',
    (more) => {
      const { out, ms } = playout(60_000, true);
      const from = 1_000 + more;
      for (let now = 0; now <= from; now += 20) out.write(counted(20), now);
      expect(ms()).toBe(0);
      out.release();
      for (let now = from; now <= from + 200; now += 20) {
        out.tick(now);
        expect(ms()).toBeLessThanOrEqual(now - from + 20);
      }
      expect(out.playedMs()).toBeGreaterThanOrEqual(200);
    },
  );

  it('loses and reorders nothing, however the audio is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1, maxLength: 30 }), (lengths) => {
        const { out, pushed } = playout();
        const all = counted(lengths.reduce((sum, length) => sum + length, 0) / 48 + 1);
        let at = 0;
        let now = 0;
        for (const length of lengths) {
          out.write(all.subarray(at, at + length), now);
          at += length;
          now += 20;
          out.tick(now);
        }
        for (let i = 0; i < 300; i++) {
          now += 20;
          out.tick(now);
        }
        expect(audible(pushed)).toEqual([...all.subarray(0, at)]);
        expect(out.playedMs()).toBeCloseTo(at / 48, 6);
        expect(out.writtenMs()).toBeCloseTo(at / 48, 6);
      }),
      { numRuns: 60 },
    );
  });

  it('pads the last, begun frame when nothing follows', () => {
    const { out, pushed } = playout();
    out.tick(0);
    out.write(counted(25), 0);
    for (let now = 20; now <= 200; now += 20) out.tick(now);
    expect(audible(pushed)).toHaveLength(25 * 48);
    expect(out.playedMs()).toBe(25);
  });

  it('discards on clear what was not sent', () => {
    const { out, pushed } = playout();
    out.write(counted(1_000), 0);
    for (let now = 20; now <= 200; now += 20) out.tick(now);
    const played = out.playedMs();
    out.clear();
    expect(out.writtenMs()).toBe(played);
    const sent = audible(pushed).length;
    for (let now = 220; now <= 600; now += 20) out.tick(now);
    expect(audible(pushed)).toHaveLength(sent);
  });

  it('plays on after a standstill of the process, later and whole, without a burst', () => {
    const { out, ms, pushed } = playout();
    out.write(counted(1_000), 0);
    for (let now = 20; now <= 200; now += 20) out.tick(now);
    const before = ms();
    out.tick(900);
    expect(ms() - before).toBeLessThanOrEqual(40);
    for (let now = 920; now <= 2_000; now += 20) out.tick(now);
    expect(audible(pushed)).toHaveLength(48_000);
  });

  it('lets live audio pass at once, and wins back in its silence what it was delayed', () => {
    const { out, pushed } = playout();
    out.live = true;
    const speech = counted(10);
    const silence = new Int16Array(480);
    let now = 0;
    const run = (ms: number, frame: Int16Array) => {
      for (let i = 0; i < ms / 10; i++) {
        now += 10;
        out.write(frame, now);
        if (now % 20 === 0) out.tick(now);
      }
    };
    run(500, speech);
    expect(out.writtenMs() - out.playedMs()).toBeLessThanOrEqual(20);
    // A stall of 400 ms, after which all that came meanwhile is there at once.
    for (let i = 0; i < 40; i++) out.write(speech, now + 400);
    now += 400;
    expect(out.writtenMs() - out.playedMs()).toBeGreaterThan(200);
    run(300, silence);
    run(400, silence);
    expect(out.writtenMs() - out.playedMs()).toBeLessThanOrEqual(70);
    expect(audible(pushed)).toHaveLength(90 * 480);
  });

  it('of what comes at once behind live audio keeps each pause, shorter, and what is quiet inside words', () => {
    const { out, pushed } = playout();
    out.live = true;
    out.tick(0);
    out.write(inTurn(48, 200, 300, 100, 60, 100, 400, 200), 5);
    for (let now = 20; now <= 2_000; now += 20) out.tick(now);
    const heard = spans(
      pushed.flatMap((frame) => [...frame]),
      48,
    );
    expect(heard).toEqual([200, 60, 100, 60, 100, 60, 200]);
  });

  it('keeps the silence of a source that sends ahead: it belongs to the speech', () => {
    const { out, ms } = playout();
    out.write(new Int16Array(48_000), 0);
    for (let now = 20; now <= 500; now += 20) out.tick(now);
    expect(out.playedMs()).toBeLessThanOrEqual(520);
    expect(ms()).toBe(out.playedMs());
  });

  it('gives up the newest beyond its bound, and says how much', () => {
    const { out, dropped } = playout(100);
    out.write(counted(500), 0);
    // The queue's hundred; what was sent at once came out of it.
    expect(dropped()).toBe(400);
    expect(out.writtenMs()).toBe(100);
  });
});
