import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timeline } from '../../../src/recording/timeline.ts';

/** A call in which both sides make short bursts at known times, on a line whose delays are scripted. */

const RATE = 8_000;
const TICK = 20;
const LOUD = 8_000;

/** Collects what a timeline writes. */
function recorder(sampleRate = RATE, windowMs?: number) {
  const left: number[] = [];
  const right: number[] = [];
  const timeline = new Timeline({
    sampleRate,
    ...(windowMs === undefined ? {} : { windowMs }),
    write: (stereo) => {
      for (let i = 0; i < stereo.length; i += 2) {
        left.push(stereo[i] as number);
        right.push(stereo[i + 1] as number);
      }
    },
  });
  return { timeline, left, right };
}

/** Beginnings and ends, ms, of what is loud; pauses below 15 ms do not part. */
function bursts(samples: number[], rate = RATE): Array<[number, number]> {
  const found: Array<[number, number]> = [];
  for (let i = 0; i < samples.length; i++) {
    if (Math.abs(samples[i] as number) < LOUD / 2) continue;
    const ms = (i * 1000) / rate;
    const last = found.at(-1);
    if (last !== undefined && ms - last[1] < 15) last[1] = ms;
    else found.push([ms, ms]);
  }
  return found;
}

function expectNear(found: Array<[number, number]>, wanted: Array<readonly [number, number]>, withinMs: number): void {
  expect(found.map((f) => f.map(Math.round))).toHaveLength(wanted.length);
  for (const [i, [from, to]] of wanted.entries()) {
    expect(Math.abs(found[i]![0] - from), `beginning of ${from} at ${found[i]![0]}`).toBeLessThanOrEqual(withinMs);
    expect(Math.abs(found[i]![1] - to), `end of ${to} at ${found[i]![1]}`).toBeLessThanOrEqual(withinMs);
  }
}

/** `ms` of a stream that is loud within the spans, from stream position `fromMs` on. */
function audio(fromMs: number, ms: number, spans: ReadonlyArray<readonly [number, number]>, rate = RATE) {
  const samples = new Int16Array((ms * rate) / 1000);
  for (let i = 0; i < samples.length; i++) {
    const at = fromMs + (i * 1000) / rate;
    if (spans.some(([from, to]) => at >= from && at < to)) samples[i] = i % 2 === 0 ? LOUD : -LOUD;
  }
  return { samples, sampleRate: rate };
}

/** Plays what was written in real time from the moment it is there, like a carrier that can be stopped. */
class Player {
  written = 0;
  played = 0;
  frozen = false;

  run(ms: number): void {
    if (!this.frozen) this.played = Math.min(this.written, this.played + ms);
  }
}

/** Runs a call in steps of 1 ms. `caller` says which frames of 20 ms come in at which time. */
function run(
  timeline: Timeline,
  lengthMs: number,
  options: {
    arrivals?: ReadonlyArray<{ at: number; fromMs: number }>;
    callerSpans?: ReadonlyArray<readonly [number, number]>;
    step?: (ms: number, player: Player) => void;
    /** What of the true position is known at this time. */
    told?: (played: number, ms: number) => number;
    tick?: (ms: number) => boolean;
  },
): void {
  const player = new Player();
  const arrivals = [...(options.arrivals ?? [])].sort((a, b) => a.at - b.at || a.fromMs - b.fromMs);
  let next = 0;
  let told = 0;
  timeline.start(0);
  for (let ms = 1; ms <= lengthMs; ms++) {
    player.run(1);
    options.step?.(ms, player);
    while (next < arrivals.length && arrivals[next]!.at <= ms) {
      timeline.caller(audio(arrivals[next]!.fromMs, 20, options.callerSpans ?? []), ms);
      next++;
    }
    if (ms % TICK !== 0 || options.tick?.(ms) === false) continue;
    told = Math.max(told, options.told?.(player.played, ms) ?? player.played);
    timeline.tick(told, ms);
  }
  timeline.finish(lengthMs);
}

/** Frames that come at once when they were spoken, each late by `delay(i)`, in order. */
function stream(lengthMs: number, delay: (frame: number) => number = () => 0) {
  let last = 0;
  return Array.from({ length: Math.floor(lengthMs / 20) }, (_, i) => {
    last = Math.max(last, (i + 1) * 20 + delay(i));
    return { at: last, fromMs: i * 20 };
  });
}

const SPANS = [
  [400, 500],
  [1_300, 1_700],
  [2_500, 2_560],
  [3_700, 3_900],
] as const;

describe('the caller’s side', () => {
  it('lies where it came in, from the first sample to the last', () => {
    const { timeline, left, right } = recorder();
    run(timeline, 4_000, { arrivals: stream(4_000), callerSpans: SPANS });
    expect(left).toHaveLength(4 * RATE);
    expectNear(bursts(left), [...SPANS], 1);
    expect(bursts(right)).toEqual([]);
  });

  it('is not moved by bursts, jitter and stalls of the network', () => {
    const { timeline, left } = recorder();
    // Up to 45 ms of jitter, and everything between 1.2 and 1.6 s in one burst.
    const late = (i: number) => (i >= 60 && i < 80 ? 1_600 - (i + 1) * 20 : (i * 37) % 45);
    run(timeline, 4_000, { arrivals: stream(4_000, late), callerSpans: SPANS });
    expectNear(bursts(left), [...SPANS], 10);
  });

  it('has silence where nothing came, and goes on in time', () => {
    const { timeline, left } = recorder();
    // The carrier sent nothing for 700 ms, and stamps no gap: what comes next was spoken later.
    const arrivals = stream(4_000).map(({ at, fromMs }) =>
      fromMs < 1_000 ? { at, fromMs } : { at: at + 700, fromMs },
    );
    run(timeline, 5_000, { arrivals, callerSpans: SPANS });
    expectNear(
      bursts(left),
      SPANS.map(([from, to]) => (from < 1_000 ? [from, to] : ([from + 700, to + 700] as const))),
      1,
    );
  });

  it('does not drift in an hour with a carrier whose clock is 100 ppm off', () => {
    for (const ppm of [100, -100]) {
      let ends = 0;
      let count = 0;
      const spans: number[] = [];
      let wasLoud = false;
      const timeline = new Timeline({
        sampleRate: RATE,
        write: (stereo) => {
          for (let i = 0; i < stereo.length; i += 2, count++) {
            const loud = stereo[i] !== 0;
            if (loud && !wasLoud) spans.push((count * 1000) / RATE);
            wasLoud = loud;
          }
        },
      });
      const hour = 3_600_000;
      const loud = { samples: new Int16Array(160).fill(LOUD), sampleRate: RATE };
      const quiet = { samples: new Int16Array(160), sampleRate: RATE };
      const real: number[] = [];
      timeline.start(0);
      for (let frame = 0, at = 0; at < hour; frame++) {
        at = (frame + 1) * 20 * (1 + ppm / 1e6);
        const speaks = frame % 500 === 250;
        if (speaks) real.push(at - 20);
        timeline.caller(speaks ? loud : quiet, at);
        timeline.tick(0, at);
        ends = at;
      }
      timeline.finish(ends);
      expect(spans).toHaveLength(real.length);
      expect(Math.max(...spans.map((ms, i) => Math.abs(ms - real[i]!)))).toBeLessThanOrEqual(10);
      expect(timeline.durationMs).toBeCloseTo(ends, 0);
    }
  });
});

describe('the agent’s side', () => {
  /** Writes a whole answer of `ms` at once, loud within the spans (in the answer's own time). */
  const say = (timeline: Timeline, player: Player, ms: number, spans: ReadonlyArray<readonly [number, number]>) => {
    timeline.agent(audio(0, ms, spans), player.written);
    player.written += ms;
  };

  it('lies where it was played, not where it was written', () => {
    const { timeline, right, left } = recorder();
    run(timeline, 4_000, {
      step: (ms, player) => {
        if (ms === 613)
          say(timeline, player, 1_500, [
            [0, 300],
            [1_000, 1_500],
          ]);
        // Behind the first, before it is played.
        if (ms === 700) say(timeline, player, 500, [[200, 400]]);
        if (ms === 3_007) say(timeline, player, 400, [[0, 400]]);
      },
    });
    expectNear(
      bursts(right),
      [
        [613, 913],
        [1_613, 2_113],
        [2_313, 2_513],
        [3_007, 3_407],
      ],
      2,
    );
    expect(bursts(left)).toEqual([]);
  });

  it('ends where playing stopped when it is cut, and begins anew behind it', () => {
    const { timeline, right } = recorder();
    run(timeline, 4_000, {
      step: (ms, player) => {
        if (ms === 500) say(timeline, player, 3_000, [[0, 3_000]]);
        if (ms === 1_330) {
          player.written = player.played;
          timeline.cleared(player.played, ms);
        }
        if (ms === 2_000) say(timeline, player, 300, [[0, 300]]);
      },
    });
    expectNear(
      bursts(right),
      [
        [500, 1_330],
        [2_000, 2_300],
      ],
      2,
    );
  });

  it('has the pause that the caller heard when the carrier stopped playing', () => {
    const { timeline, right } = recorder();
    run(timeline, 4_000, {
      step: (ms, player) => {
        if (ms === 500) say(timeline, player, 1_000, [[0, 1_000]]);
        player.frozen = ms >= 800 && ms < 1_100;
      },
    });
    expectNear(
      bursts(right),
      [
        [500, 800],
        [1_100, 1_800],
      ],
      20,
    );
  });

  it('is not moved by positions that are known late', () => {
    const { timeline, right } = recorder();
    run(timeline, 5_000, {
      step: (ms, player) => {
        if (ms === 500)
          say(timeline, player, 3_000, [
            [0, 1_000],
            [2_000, 3_000],
          ]);
      },
      // Known up to 160 ms late, in steps.
      told: (played) => (played === 3_000 ? played : Math.floor(played / 160) * 160),
    });
    expectNear(
      bursts(right),
      [
        [500, 1_500],
        [2_500, 3_500],
      ],
      20,
    );
  });

  it('leaves out the silence that the leg left out', () => {
    const { timeline, right } = recorder();
    let cushion = 0;
    run(timeline, 6_000, {
      step: (ms, player) => {
        // A live source: 20 ms of audio every 20 ms; played 260 ms later while somebody speaks, at once in silence.
        if (ms % 20 !== 0) return;
        const speaks = (ms > 1_000 && ms <= 2_000) || (ms > 4_000 && ms <= 4_500);
        const frame = audio(0, 20, speaks ? [[0, 20]] : []);
        timeline.agent(frame, player.written);
        player.written += 20;
        if (speaks && cushion === 0) cushion = 260;
        player.frozen = true;
        const heard = player.written - cushion;
        if (heard > player.played) player.played = heard;
        // 400 ms after the last word the cushion is played out, and the silence behind it was never sent.
        if (!speaks && cushion > 0 && ((ms > 2_400 && ms < 3_000) || ms > 4_900)) cushion = 0;
      },
    });
    expectNear(
      bursts(right),
      [
        [1_260, 2_260],
        [4_260, 4_760],
      ],
      25,
    );
  });

  it('survives a stall of the process', () => {
    const { timeline, right, left } = recorder();
    run(timeline, 9_000, {
      arrivals: stream(9_000, (i) => (i >= 100 && i < 300 ? 6_000 - (i + 1) * 20 : 0)),
      callerSpans: [
        [1_000, 1_100],
        [7_000, 7_100],
      ],
      tick: (ms) => ms < 2_000 || ms > 6_000,
      step: (ms, player) => {
        if (ms === 1_500)
          say(timeline, player, 6_000, [
            [0, 200],
            [5_500, 6_000],
          ]);
      },
    });
    expectNear(
      bursts(left),
      [
        [1_000, 1_100],
        [7_000, 7_100],
      ],
      20,
    );
    expectNear(
      bursts(right),
      [
        [1_500, 1_700],
        [7_000, 7_500],
      ],
      20,
    );
    expect(left).toHaveLength(9 * RATE);
  });

  it('begins in the middle of what is being played', () => {
    const { timeline, right } = recorder();
    timeline.agent(audio(0, 1_000, [[600, 800]]), 0);
    for (let ms = 20; ms <= 300; ms += 20) timeline.tick(ms, ms);
    timeline.start(300);
    for (let ms = 320; ms <= 1_500; ms += 20) timeline.tick(Math.min(ms, 1_000), ms);
    timeline.finish(1_500);
    expectNear(bursts(right), [[300, 500]], 2);
  });
});

describe('both sides', () => {
  it('lie within 20 ms of the truth on any line, at any rate', () => {
    const gaps = fc.array(fc.integer({ min: 120, max: 900 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(
        gaps,
        gaps,
        fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 5, maxLength: 5 }),
        fc.integer({ min: 0, max: 60 }),
        fc.constantFrom(8_000, 16_000, 24_000),
        (callerGaps, agentGaps, jitter, lateness, rate) => {
          const { timeline, left, right } = recorder(rate);
          const spansOf = (list: number[]) => {
            let at = 0;
            return list.map((gap) => {
              const from = Math.round((at + gap) / 20) * 20;
              at = from + 100;
              return [from, at] as const;
            });
          };
          const callerSpans = spansOf(callerGaps);
          const agentSpans = spansOf(agentGaps);
          const length = Math.max(callerSpans.at(-1)![1], agentSpans.at(-1)![1]) + 1_500;
          run(timeline, length, {
            arrivals: stream(length, (i) => jitter[i % 10] ?? 0),
            callerSpans,
            told: (played, ms) => Math.max(0, played - ((ms / 20) % 3 === 0 ? 0 : lateness)),
            step: (ms, player) => {
              for (const [from] of agentSpans) {
                if (ms === from) {
                  timeline.agent(audio(0, 100, [[0, 100]]), player.written);
                  player.written += 100;
                }
              }
            },
          });
          expectNear(bursts(left, rate), [...callerSpans], 20);
          expectNear(bursts(right, rate), [...agentSpans], 20);
        },
      ),
      { numRuns: 100 },
    );
  });
});
