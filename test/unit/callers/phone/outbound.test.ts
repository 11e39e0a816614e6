import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SteadyFrames } from '../../../../src/agents/stream/steady-frames.ts';
import { dtmfSamples } from '../../../../src/call/dtmf-tones.ts';
import { l16, pcma, pcmu } from '../../../../src/media/codecs.ts';
import { Random } from '../../../../src/media/random.ts';
import { OutboundRig, quiet, speech } from './carrier.ts';

function encoded(samples: Int16Array, codec = pcmu): number[] {
  const bytes = new Uint8Array(samples.length * codec.bytesPerSample);
  codec.encode(samples, bytes);
  return [...bytes];
}

/** Writes `total` ms in pieces of `pieceMs`, `factor` times as fast as it is spoken. */
function answer(rig: OutboundRig, total: number, pieceMs: number, factor: number, rate = 8000): (t: number) => void {
  let written = 0;
  return (t) => {
    while (written < total && written <= t * factor) {
      const ms = Math.min(pieceMs, total - written);
      rig.write(speech(ms, rate, (written * rate) / 1000));
      written += ms;
    }
  };
}

describe('a bursty agent', () => {
  it('is heard exactly, at once, without a gap, and never more than the lead is unplayed', () => {
    const rig = new OutboundRig({ oneWayMs: 20 });
    rig.carrier.talking = () => rig.carrier.played.length > 0 && rig.carrier.played.length < 5_005 * 8;
    rig.run(6_000, answer(rig, 5_005, 130, 4));
    expect(rig.carrier.played).toEqual(encoded(speech(5_005)));
    expect(rig.carrier.underruns).toBe(0);
    expect(rig.carrier.maxUnplayedMs).toBeLessThanOrEqual(300);
    expect(rig.carrier.maxUnplayedMs).toBeGreaterThanOrEqual(260);
    // One way, and at most one frame of the carrier's grid.
    expect(rig.carrier.frames[0]!.at).toBeLessThanOrEqual(20 + 23);
    expect(rig.outbound.live).toBe(false);
  });

  it('does not hold back the end of an utterance, however short', () => {
    for (const ms of [1, 15, 39, 41, 95]) {
      const rig = new OutboundRig();
      rig.write(speech(ms));
      rig.run(60);
      const received = rig.carrier.received.filter((r) => r.event === 'media').reduce((sum, r) => sum + r.bytes, 0);
      expect(received).toBe(ms * 8);
      expect(rig.carrier.received.at(-1)?.event).toBe('mark');
      rig.run(400);
      expect(rig.outbound.playedMs()).toBe(ms);
    }
  });

  it('survives a stall of 200 ms at any moment', () => {
    for (let at = 600; at < 700; at += 7) {
      const rig = new OutboundRig({ oneWayMs: 10 });
      rig.carrier.talking = () => rig.carrier.played.length > 0 && rig.carrier.played.length < 3_000 * 8;
      const speak = answer(rig, 3_000, 100, 3);
      rig.run(3_500, (t) => {
        speak(t);
        if (t === at) rig.stall(200);
      });
      expect(rig.carrier.underruns).toBe(0);
      expect(rig.carrier.played.length).toBe(3_000 * 8);
    }
  });

  it('sends the same bytes however its audio is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 20 }), (lengths) => {
        const rig = new OutboundRig();
        const all: number[] = [];
        for (const n of lengths) {
          const samples = Int16Array.from({ length: n }, (_, i) => all.length + 100 + i);
          all.push(...samples);
          rig.write(samples);
        }
        rig.run(all.length / 8 + 500);
        expect(rig.carrier.played).toEqual(encoded(Int16Array.from(all)));
        expect(rig.outbound.playedMs()).toBe(all.length / 8);
      }),
      { numRuns: 25 },
    );
  });

  it('works for L16 in both byte orders, and A-law', () => {
    for (const codec of [l16(24_000, 'le'), l16(16_000, 'be'), pcma]) {
      const rig = new OutboundRig({ codec });
      rig.run(1_500, answer(rig, 1_000, 70, 5, codec.sampleRate));
      expect(rig.carrier.played).toEqual(encoded(speech(1_000, codec.sampleRate), codec));
      expect(rig.outbound.playedMs()).toBe(1_000);
    }
  });

  it('sets a mark with the first chunk, with each that makes 200 ms full, and one at the end', () => {
    const rig = new OutboundRig();
    rig.run(2_000, answer(rig, 1_500, 200, 5));
    // Chunks of audio that comes ahead hold 80 ms, so a mark stands behind every third; the third is the end of what was given first.
    const events = rig.carrier.received.map((r) => r.event);
    const before = events.flatMap((event, i) =>
      event === 'mark' ? [events.slice(0, i).filter((e) => e === 'media').length] : [],
    );
    expect(before).toEqual([1, 3, 6, 9, 12, 15, 18, 20]);
  });

  it('queues ten minutes at most', () => {
    const rig = new OutboundRig({ options: { maxQueueMs: 10_000 } });
    rig.write(speech(9_000));
    rig.write(speech(2_000));
    expect(rig.counts.of('ms_dropped_backpressure')).toBe(2_000);
    expect(rig.outbound.writtenMs()).toBe(9_000);
  });
});

describe('a live agent', () => {
  /** 10 ms of silence or speech every 10 ms: speech in the given ranges. */
  function live(rig: OutboundRig, spurts: Array<[number, number]>): (t: number) => void {
    return (t) => {
      if (t % 10 !== 0) return;
      const talking = spurts.some(([from, to]) => t >= from && t < to);
      rig.write(talking ? speech(10) : quiet(10));
    };
  }

  it('is found out by itself, and its silence is not sent', () => {
    const rig = new OutboundRig();
    rig.run(10_000, live(rig, []));
    expect(rig.outbound.live).toBe(true);
    const sent = rig.carrier.received.filter((r) => r.event === 'media');
    // The undecided first moments, then one message in five seconds that keeps the path awake.
    expect(sent.filter((r) => r.at > 1_000).length).toBeLessThanOrEqual(2);
    expect(sent.reduce((sum, r) => sum + r.bytes, 0) / 8).toBeLessThan(500);
    expect(rig.outbound.playedMs()).toBeCloseTo(rig.outbound.writtenMs(), 6);
  });

  it('has its keys heard with the pauses between them, each of which comes by itself', () => {
    const rig = new OutboundRig();
    rig.outbound.live = true;
    for (const key of '1ww2') rig.outbound.write(dtmfSamples(key, 8_000), true);
    rig.run(2_000);
    const { played } = rig.carrier;
    const [silence] = encoded(new Int16Array(1));
    const loud = played.flatMap((byte, at) => (byte === silence ? [] : [at]));
    // The gap behind the first key, and twice half a second.
    expect(Math.max(...loud.slice(1).map((at, i) => at - loud[i]!)) / 8).toBeCloseTo(1_080, 0);
  });

  it('is heard whole behind a cushion, and a stall of 200 ms at any moment is not', () => {
    for (let at = 1_300; at < 1_360; at += 3) {
      const rig = new OutboundRig({ oneWayMs: 10, options: { cushionLeastMs: 200 } });
      const speak = live(rig, [[1_000, 3_000]]);
      // From the cushion's first frame to the last word.
      rig.carrier.talking = () => rig.clock.now() > 1_040 && rig.clock.now() < 3_250;
      rig.run(4_500, (t) => {
        speak(t);
        if (t === at) rig.stall(200);
      });
      expect(rig.carrier.underruns).toBe(0);
      const words = rig.carrier.played.filter((byte) => byte !== 0xff).length;
      expect(words).toBe(2_000 * 8);
    }
  });

  it('reaches the ear within the cushion, a chunk and a frame', () => {
    const rig = new OutboundRig();
    rig.run(3_000, live(rig, [[1_000, 2_000]]));
    const word = rig.carrier.played.findIndex((byte) => byte !== 0xff);
    const frame = rig.carrier.frames.findLast((f) => f.before <= word)!;
    const at = frame.at + (word - frame.before) / 8;
    expect(at - 1_000).toBeGreaterThanOrEqual(20);
    expect(at - 1_000).toBeLessThanOrEqual(20 + 20 + 20 + 1);
  });

  it('keeps pauses between words, and stops sending 400 ms after the last', () => {
    const rig = new OutboundRig();
    rig.run(
      5_000,
      live(rig, [
        [1_000, 1_500],
        [1_700, 2_000],
      ]),
    );
    const wire = rig.carrier.played;
    const from = wire.findIndex((byte) => byte !== 0xff);
    const to = wire.findLastIndex((byte) => byte !== 0xff);
    // Speech 500, pause 200, speech 300.
    expect((to + 1 - from) / 8).toBe(1_000);
    const last = rig.carrier.received.filter((r) => r.event === 'media' && r.bytes >= 160).at(-1)!;
    expect(last.at).toBeGreaterThan(2_350);
    expect(last.at).toBeLessThan(2_460);
  });

  it('returns to its cushion in the pauses after a long stall', () => {
    const rig = new OutboundRig();
    const speak = live(rig, [
      [1_000, 2_200],
      [2_700, 4_000],
    ]);
    const ahead = { during: 0, after: 0 };
    rig.run(5_000, (t) => {
      speak(t);
      if (t === 1_400) rig.stall(700);
      if (t === 2_150) ahead.during = rig.outbound.unplayedMs + rig.outbound.queuedMs;
      if (t === 3_500) ahead.after = rig.outbound.unplayedMs + rig.outbound.queuedMs;
    });
    expect(rig.carrier.played.filter((byte) => byte !== 0xff).length).toBe(2_500 * 8);
    // The stall went beyond the cushion, so the rest of the talkspurt runs late; the pause brings it back.
    expect(ahead.during).toBeGreaterThan(500);
    expect(ahead.after).toBeGreaterThan(240);
    expect(ahead.after).toBeLessThan(320);
  });

  it.for([
    ['as it comes', false],
    ['with its gaps filled', true],
  ] as const)(
    'that is never silent, as a line to a person, is not later and later for what was late, %s',
    ([_, filled]) => {
      const rig = new OutboundRig();
      rig.outbound.live = true;
      const source = new SteadyFrames({
        sampleRate: 8_000,
        frameMs: 20,
        clock: rig.clock,
        count: () => {},
        push: (frame) => rig.write(frame),
      });
      const random = new Random(1);
      // About -46 dBFS of an office behind him.
      const noise = () => Int16Array.from({ length: 160 }, () => Math.round((random.next() - 0.5) * 400));
      let waiting: Int16Array[] = [];
      let words = 0;
      const ahead: number[] = [];
      rig.run(60_000, (t) => {
        if (t % 20 !== 0) return;
        // A second and a half of words, a pause of one; every five seconds his network stands still for 300 ms.
        const talks = t % 2_500 < 1_500;
        if (talks) words += 20;
        waiting.push(talks ? speech(20) : noise());
        if (t % 5_000 >= 1_000 && t % 5_000 < 1_300) {
          if (filled) source.tick(rig.clock.now());
          return;
        }
        for (const samples of waiting) source.write(samples);
        waiting = [];
        if (filled) source.tick(rig.clock.now());
        // Before the next words.
        if (t % 2_500 === 2_480) ahead.push(rig.outbound.unplayedMs + rig.outbound.queuedMs);
      });
      // The cushion, which grew by what was late, and its slack; what his noise is takes some seconds to learn.
      for (const ms of ahead.slice(4)) expect(ms).toBeLessThanOrEqual(rig.outbound.cushionMs + 60);
      // No word was left out for it.
      const pcm = new Int16Array(rig.carrier.played.length);
      pcmu.decode(Uint8Array.from(rig.carrier.played), pcm);
      expect(pcm.filter((sample) => sample > 2_000).length / 8).toBe(words);
    },
  );

  it('tells the position within 40 ms, cushions and left-out silence included', () => {
    const rig = new OutboundRig({ oneWayMs: 25 });
    const speak = live(rig, [
      [1_000, 2_000],
      [3_500, 5_000],
    ]);
    let checked = 0;
    rig.run(5_500, (t) => {
      speak(t);
      if (t % 20 !== 0 || t < 3_500 || t > 4_900) return;
      // Words heard so far at the time a clear would arrive: known only later, so it is looked up by the fake's future below.
      const { playedMs, about } = { playedMs: rig.outbound.playedMs(), about: rig.clock.now() + 25 };
      rig.clock.after(26, () => {
        const wire = rig.carrier.playedAt(about);
        const heardWords = rig.carrier.played.slice(0, wire).filter((byte) => byte !== 0xff).length / 8;
        if (heardWords <= 1_000) return;
        // The second talkspurt begins at 3500 of what was written.
        expect(Math.abs(playedMs - 3_500 - (heardWords - 1_000))).toBeLessThanOrEqual(40);
        checked++;
      });
    });
    expect(checked).toBeGreaterThan(40);
  });
});

describe('the played position', () => {
  for (const oneWayMs of [0, 30, 80]) {
    it(`is right within 40 ms at ${2 * oneWayMs} ms round trip, over pauses too`, () => {
      const rig = new OutboundRig({ oneWayMs });
      rig.run(3_000, answer(rig, 1_700, 110, 4));
      rig.run(2_000, answer(rig, 1_130, 60, 3));
      rig.run(1_500, answer(rig, 500, 500, 9));
      expect(rig.told.length).toBeGreaterThan(300);
      expect(rig.worstError()).toBeLessThanOrEqual(40);
    });
  }

  it('is right without a single echo', () => {
    const rig = new OutboundRig({ oneWayMs: 30 });
    rig.carrier.echoes = false;
    rig.run(100, answer(rig, 1_000, 110, 4));
    expect(rig.worstError()).toBeLessThanOrEqual(40);
  });

  it('learns of a carrier that buffers first by its echoes', () => {
    const rig = new OutboundRig({ oneWayMs: 30 });
    rig.carrier.prebufferMs = 120;
    rig.run(3_000, answer(rig, 2_500, 110, 4));
    // The first mark is 80 ms into the audio.
    expect(rig.worstError(30 + 120 + 80 + 30 + 20)).toBeLessThanOrEqual(40);
  });

  it('falls back to the clock when marks never come back', () => {
    const rig = new OutboundRig();
    rig.carrier.echoes = false;
    rig.run(9_000, answer(rig, 8_000, 200, 8));
    expect(rig.counts.of('mark_expired')).toBeGreaterThan(5);
    rig.run(5_500);
    expect(rig.outbound.playedMs()).toBe(8_000);
  });

  it('never falls and never passes what was written', () => {
    const rig = new OutboundRig({ oneWayMs: 40 });
    rig.carrier.prebufferMs = 60;
    rig.run(2_000, answer(rig, 1_700, 110, 4));
    let last = 0;
    for (const { playedMs, writtenMs } of rig.told) {
      expect(playedMs).toBeGreaterThanOrEqual(last);
      expect(playedMs).toBeLessThanOrEqual(writtenMs);
      last = playedMs;
    }
  });
});

describe('clear', () => {
  it('leaves at once, nothing from before follows it, and its marks are not heard', () => {
    const rig = new OutboundRig({ oneWayMs: 20 });
    rig.run(1_000, answer(rig, 5_000, 200, 8));
    const playedMs = rig.outbound.playedMs();
    rig.outbound.clear();
    expect(rig.outbound.queuedMs).toBe(0);
    expect(rig.outbound.writtenMs()).toBeCloseTo(playedMs, 6);
    rig.run(500);
    const { received, played } = rig.carrier;
    expect(received.at(-1)?.event).toBe('clear');
    expect(Math.abs(played.length / 8 - playedMs)).toBeLessThanOrEqual(40);
    expect(rig.outbound.playedMs()).toBeCloseTo(playedMs, 6);
    expect(rig.counts.of('mark_unknown')).toBe(0);
    expect(rig.counts.of('ms_cleared')).toBeGreaterThan(3_800);
    // What is said next is heard from its beginning, and counted on from there.
    const before = played.length;
    rig.run(800, answer(rig, 300, 300, 9));
    expect(played.slice(before)).toEqual(encoded(speech(300)));
    expect(rig.outbound.playedMs()).toBeCloseTo(playedMs + 300, 6);
  });

  it('sends nothing when nothing was ever sent', () => {
    const rig = new OutboundRig();
    rig.outbound.clear();
    rig.outbound.clear();
    rig.run(50);
    expect(rig.carrier.received).toEqual([]);
  });
});

describe('a carrier that does not read', () => {
  it('has everything dropped at five seconds, and is given up after ten', () => {
    const rig = new OutboundRig();
    rig.run(100, answer(rig, 30_000, 1_000, 400));
    rig.bufferedBytes = 5_100 * 17;
    rig.run(40);
    expect(rig.counts.of('ms_dropped_backpressure')).toBeGreaterThan(29_000);
    expect(rig.carrier.received.at(-1)?.event).toBe('clear');
    rig.write(speech(100));
    expect(rig.outbound.queuedMs).toBe(0);
    expect(rig.stuck).toBe(0);
    rig.run(5_000);
    expect(rig.stuck).toBeGreaterThan(0);
  });

  it('is served again when it reads again', () => {
    const rig = new OutboundRig();
    rig.bufferedBytes = 5_100 * 17;
    rig.run(40);
    rig.bufferedBytes = 0;
    rig.run(40);
    rig.run(500, answer(rig, 200, 200, 9));
    expect(rig.carrier.played).toEqual(encoded(speech(200)));
    expect(rig.stuck).toBe(0);
  });
});

describe('a stream that begins anew', () => {
  it('counts from zero, and old marks say nothing', () => {
    const rig = new OutboundRig();
    rig.run(500, answer(rig, 3_000, 200, 8));
    rig.outbound.restart(pcma);
    expect(rig.outbound.writtenMs()).toBe(0);
    expect(rig.outbound.playedMs()).toBe(0);
    expect(rig.outbound.queuedMs).toBe(0);
    rig.run(400);
    expect(rig.outbound.playedMs()).toBe(0);
    expect(rig.counts.of('mark_unknown')).toBe(0);
    const before = rig.carrier.played.length;
    rig.run(600, answer(rig, 200, 200, 9));
    expect(rig.carrier.played.slice(before)).toEqual(encoded(speech(200), pcma));
    expect(rig.outbound.playedMs()).toBe(200);
  });
});
