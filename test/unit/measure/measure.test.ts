import { describe, expect, it } from 'vitest';
import { measure, summarise } from '../../../src/measure/measure.ts';
import type { MeasureOptions } from '../../../src/measure/measures.ts';
import { TAPE_RATE, type TapeMark, type TapeMarkKind } from '../../../src/measure/tape.ts';
import { makeTone } from '../../../src/media/tone.ts';
import { conversation } from './conversations.ts';

const PER_MS = TAPE_RATE / 1000;

type Piece = readonly [fromMs: number, toMs: number];

/** A tape of tones; what is measured has the truth in it. */
function talk(ms: number, caller: readonly Piece[], agent: readonly Piece[], options: Partial<MeasureOptions> = {}) {
  const track = (pieces: readonly Piece[], hz: number) => {
    const out = new Int16Array(ms * PER_MS);
    for (const [from, to] of pieces) out.set(makeTone(hz, TAPE_RATE, to - from, -16), from * PER_MS);
    return out;
  };
  const tape = { rate: TAPE_RATE, caller: track(caller, 440), agent: track(agent, 1_020) } as const;
  return measure(tape, { marks: [], ...options });
}

const mark = (kind: TapeMarkKind, ms: number, step?: number): TapeMark => ({
  kind,
  at: ms * PER_MS,
  ...(step === undefined ? {} : { step }),
});
/** Marks around a piece, with silence of synthetic speech at its end. */
const said = (kind: TapeMarkKind, [from, to]: Piece, step = 0) => [
  mark(kind, from, step),
  mark('said', to + 300, step),
];

const near = (got: number | undefined, wanted: number | undefined, about: string) => {
  if (wanted === undefined) expect(got, about).toBeUndefined();
  else expect(Math.abs((got ?? Number.NaN) - wanted), `${about}: ${got} for ${wanted}`).toBeLessThanOrEqual(20);
};

describe('conversations of known truth', () => {
  it.each(Array.from({ length: 20 }, (_, i) => i * 50))(
    '%i and 49 more are measured as they were: no turn missed, each time within 20 ms',
    (first) => {
      for (let seed = first + 1; seed <= first + 50; seed++) {
        const { tape, marks, truth } = conversation(seed);
        const got = measure(tape, { marks });
        const about = `seed ${seed}`;
        near(got.greetingDelayMs ?? undefined, truth.greetingDelayMs, `${about}, greeting`);
        expect(
          got.turns.map(({ kind, outcome }) => `${kind} ${outcome}`),
          about,
        ).toEqual(truth.turns.map(({ kind, outcome }) => `${kind} ${outcome}`));
        for (const [i, turn] of truth.turns.entries()) {
          near(got.turns[i]!.fromMs, turn.fromMs, `${about}, turn ${i} from`);
          near(got.turns[i]!.toMs, turn.toMs, `${about}, turn ${i} to`);
          near(got.turns[i]!.latencyMs, turn.latencyMs, `${about}, turn ${i} latency`);
        }
        expect(got.agentInterruptions.length, about).toBe(truth.agentInterruptions.length);
        for (const [i, one] of truth.agentInterruptions.entries())
          near(got.agentInterruptions[i]!.atMs, one.atMs, about);
        expect(
          got.callerInterruptions.map(({ yielded }) => yielded),
          about,
        ).toEqual(truth.callerInterruptions.map(({ yielded }) => yielded));
        for (const [i, one] of truth.callerInterruptions.entries()) {
          near(got.callerInterruptions[i]!.yieldMs, one.yieldMs, `${about}, yield ${i}`);
        }
        expect(
          got.distractions.map(({ kind, during, held }) => `${kind} ${during} ${held}`),
          about,
        ).toEqual(truth.distractions.map(({ kind, during, held }) => `${kind} ${during} ${held}`));
        for (const [i, one] of truth.distractions.entries()) near(got.distractions[i]!.afterMs, one.afterMs, about);
        expect(got.sound.agent.dropouts, about).toEqual([]);
      }
    },
  );
});

describe('turns', () => {
  it('count from the last sound to the first, over the silence that synthetic speech ends with', () => {
    const caller: Piece = [2_000, 3_000];
    const got = talk(
      8_000,
      [caller],
      [
        [500, 1_500],
        [3_700, 5_000],
      ],
      { marks: said('say', caller, 4) },
    );
    expect(got.greetingDelayMs).toBe(500);
    expect(got.turns).toEqual([
      {
        kind: 'say',
        step: 4,
        fromMs: 2_000,
        toMs: 3_000,
        outcome: 'answered',
        answer: { fromMs: 3_700, toMs: 5_000 },
        latencyMs: 700,
        timing: 'on-time',
      },
    ]);
    expect(got.deadAir).toEqual([]);
  });

  it('are answered once by a reply that is split by pauses', () => {
    const caller: Piece = [1_000, 2_000];
    const pieces: Piece[] = [
      [2_500, 3_000],
      [3_600, 4_000],
      [4_900, 5_500],
    ];
    const got = talk(8_000, [caller], pieces, { marks: said('say', caller) });
    expect(got.turns.map(({ answer }) => answer)).toEqual([{ fromMs: 2_500, toMs: 5_500 }]);
    expect(got.figures.responseLatencyMs).toMatchObject({ n: 1, mean: 500, max: 500 });
  });

  it('are early, late, missed, or undecided where nobody waited', () => {
    const callers: Piece[] = [
      [1_000, 1_500],
      [3_000, 3_500],
      [8_000, 8_500],
      [13_000, 13_500],
    ];
    const agents: Piece[] = [
      [1_600, 2_500],
      [6_300, 7_000],
    ];
    const got = talk(14_500, callers, agents, { marks: callers.flatMap((piece, i) => said('say', piece, i)) });
    expect(got.turns.map(({ outcome, timing, latencyMs }) => [outcome, timing, latencyMs])).toEqual([
      ['answered', 'early', 100],
      ['answered', 'late', 2_800],
      ['missed', undefined, undefined],
      ['undecided', undefined, undefined],
    ]);
    expect(got.figures.missed).toEqual({ n: 3, count: 1, rate: null });
    expect(got.figures.early).toEqual({ n: 2, count: 1, rate: null });
    expect(got.figures.late).toEqual({ n: 2, count: 1, rate: null });
    expect(got.deadAir).toEqual([{ fromMs: 8_500, toMs: 13_000 }]);
    expect(got.figures.deadAir).toEqual({ count: 1, totalMs: 4_500, longestMs: 4_500 });
  });

  it('are no turn of their own where the caller only paused, and cut in where the agent took the pause for the end', () => {
    const marks = [mark('say', 1_000), mark('said', 4_000)];
    const pieces: Piece[] = [
      [1_000, 1_600],
      [2_800, 4_000],
    ];
    const got = talk(
      9_000,
      pieces,
      [
        [2_200, 3_200],
        [5_000, 5_600],
      ],
      { marks },
    );
    expect(got.turns).toMatchObject([{ fromMs: 1_000, toMs: 4_000, outcome: 'answered', latencyMs: 1_000 }]);
    expect(got.agentInterruptions).toEqual([{ atMs: 2_200, turn: 0, overlapMs: 400 }]);
    expect(got.figures.agentInterruptions).toEqual({ n: 1, count: 1, rate: null });
  });

  it('have a latency below zero where the agent took the word and kept it, which is early and in no percentile', () => {
    const caller: Piece = [1_000, 2_000];
    const got = talk(5_000, [caller], [[1_600, 3_000]], { marks: said('say', caller) });
    expect(got.turns).toMatchObject([{ latencyMs: -400, timing: 'early' }]);
    expect(got.agentInterruptions).toEqual([{ atMs: 1_600, turn: 0, overlapMs: 400 }]);
    expect(got.figures.responseLatencyMs.n).toBe(0);
    expect(got.figures.early).toMatchObject({ n: 1, count: 1 });
  });

  it('are found without marks, too, as whoever listens would', () => {
    const got = talk(
      12_000,
      [
        [2_000, 2_500],
        [3_000, 3_400],
        [6_000, 6_500],
      ],
      [
        [300, 1_500],
        [4_000, 6_300],
        [7_500, 8_000],
      ],
    );
    expect(got.turns).toMatchObject([
      { kind: 'say', fromMs: 2_000, toMs: 3_400, latencyMs: 600 },
      { kind: 'interrupt', fromMs: 6_000, toMs: 6_500, latencyMs: 1_000 },
    ]);
    expect(got.callerInterruptions).toEqual([{ atMs: 6_000, yielded: true, yieldMs: 300, overlapMs: 300 }]);
  });

  it('know no greeting where the caller spoke first, and a wait for one where nobody did', () => {
    const caller: Piece = [500, 1_000];
    expect(talk(5_000, [caller], [[1_500, 2_000]], { marks: said('say', caller) }).greetingDelayMs).toBeNull();
    const silent = talk(6_000, [], []);
    expect(silent.greetingDelayMs).toBeNull();
    expect(silent.deadAir).toEqual([{ fromMs: 0, toMs: 6_000 }]);
    expect(silent.figures.agentTalkRatio).toBeNull();
  });
});

describe('interruptions', () => {
  const over: Piece = [2_000, 2_800];
  const cut = (agent: readonly Piece[], more: readonly TapeMark[] = []) =>
    talk(9_000, [over], agent, { marks: [...said('interrupt', over, 1), ...more] });

  it('are yielded to within two seconds, or not', () => {
    expect(
      cut([
        [500, 2_450],
        [3_500, 4_000],
      ]).callerInterruptions,
    ).toEqual([{ atMs: 2_000, step: 1, yielded: true, yieldMs: 450, overlapMs: 450 }]);
    expect(
      cut([
        [500, 4_200],
        [5_000, 6_000],
      ]).callerInterruptions,
    ).toEqual([{ atMs: 2_000, step: 1, yielded: false, overlapMs: 800 }]);
    expect(
      cut([
        [500, 4_200],
        [5_000, 6_000],
      ]).turns,
    ).toMatchObject([{ kind: 'interrupt', latencyMs: 2_200 }]);
  });

  it('that are not yielded to leave no dead air behind them while the agent goes on', () => {
    const on: Piece[] = [
      [500, 7_000],
      [8_000, 8_500],
    ];
    expect(cut(on).turns).toMatchObject([{ latencyMs: 5_200 }]);
    expect(cut(on).deadAir).toEqual([]);
    expect(cut([[500, 4_000]]).deadAir).toEqual([{ fromMs: 4_000, toMs: 9_000 }]);
  });

  it.each([10, 50, 90])('are nobody’s where both begin within %i ms, whoever was first', (apart) => {
    for (const from of [1_000 - apart, 1_000 + apart]) {
      for (const length of [300, 700, 1_600, 3_500]) {
        const caller: Piece = [1_000, 2_000];
        const agent: Piece[] = [
          [from, from + length],
          [5_000, 5_500],
        ];
        const got = talk(8_000, [caller], agent, { marks: said('interrupt', caller) });
        expect(got.agentInterruptions).toEqual([]);
        expect(got.callerInterruptions).toEqual([]);
        expect(got.turns).toMatchObject([{ outcome: 'answered', latencyMs: 3_000 }]);
        expect(talk(8_000, [caller], agent).turns).toMatchObject([{ kind: 'say' }]);
      }
    }
  });

  it.each([-60, 60])('leave what began together with a turn, by %i ms, to the turn before', (apart) => {
    const callers: Piece[] = [
      [1_000, 1_500],
      [5_500, 6_500],
    ];
    const agent: Piece[] = [
      [5_500 + apart, 6_200],
      [7_000, 7_500],
    ];
    const got = talk(9_000, callers, agent, { marks: callers.flatMap((piece) => said('say', piece)) });
    expect(got.turns).toMatchObject([
      { latencyMs: 4_000 + apart, timing: 'late' },
      { latencyMs: 500, timing: 'on-time' },
    ]);
    expect(got.agentInterruptions).toEqual([]);
    expect(got.callerInterruptions).toEqual([]);
  });

  it('leave no answer out between what cuts in and what follows, wherever about the end it begins', () => {
    const caller: Piece = [1_000, 2_000];
    for (let from = 1_850; from <= 1_950; from += 5) {
      const got = talk(6_000, [caller], [[from, 3_000]], { marks: said('say', caller) });
      expect(got.turns).toMatchObject([{ outcome: 'answered', timing: 'early' }]);
    }
  });

  it('are counted from more than 100 ms after the first sound on, and for more than 100 ms', () => {
    const caller: Piece = [1_000, 2_000];
    const agentAt = (piece: Piece) => talk(6_000, [caller], [piece], { marks: said('say', caller) }).agentInterruptions;
    expect(agentAt([1_130, 1_500])).toMatchObject([{ atMs: 1_130, overlapMs: 370 }]);
    expect(agentAt([1_400, 1_480])).toEqual([]);
    expect(agentAt([1_400, 1_530])).toHaveLength(1);
    const callerAt = (piece: Piece) =>
      talk(6_000, [piece], [[1_000, 3_500]], { marks: said('interrupt', piece) }).callerInterruptions;
    expect(callerAt([1_130, 1_500])).toMatchObject([{ atMs: 1_130, yielded: false }]);
    expect(callerAt([1_400, 1_480])).toEqual([]);
    expect(callerAt([1_400, 1_530])).toHaveLength(1);
  });

  it('are none where the agent had ended', () => {
    expect(
      cut([
        [500, 1_900],
        [3_500, 4_000],
      ]).callerInterruptions,
    ).toEqual([]);
  });

  it('are yielded to where audio was dropped, however soon the answer comes behind it', () => {
    const agent: Piece[] = [
      [500, 2_900],
      [3_080, 4_000],
    ];
    expect(cut(agent).turns[0]).toMatchObject({ outcome: 'missed' });
    const got = cut(agent, [mark('clear', 2_880)]);
    expect(got.callerInterruptions).toMatchObject([{ yielded: true, yieldMs: 900 }]);
    expect(got.turns).toMatchObject([{ latencyMs: 280 }]);
  });
});

describe('what is not for the agent', () => {
  const hm: Piece = [2_000, 2_300];
  const at = (kind: TapeMarkKind, agent: readonly Piece[], more: readonly Piece[] = []) =>
    talk(9_000, [...more, hm], agent, {
      marks: [...more.flatMap((piece) => said('say', piece, 0)), ...said(kind, hm, 1)],
    }).distractions;

  it('is left alone, or stops it, while it speaks', () => {
    expect(at('backchannel', [[500, 4_000]])).toEqual([
      { kind: 'backchannel', step: 1, atMs: 2_000, during: 'speech', held: true },
    ]);
    expect(at('side-talk', [[500, 2_600]])).toEqual([
      { kind: 'side-talk', step: 1, atMs: 2_000, during: 'speech', held: false, afterMs: 600 },
    ]);
  });

  it('is left alone, or answered, while it is silent', () => {
    expect(at('tic', [[500, 1_000]])).toMatchObject([{ during: 'silence', held: true }]);
    expect(
      at('tic', [
        [500, 1_000],
        [3_300, 4_000],
      ]),
    ).toMatchObject([{ during: 'silence', held: false, afterMs: 1_300 }]);
  });

  it('is not judged where an answer to something else was due', () => {
    expect(
      at(
        'side-talk',
        [
          [100, 300],
          [2_600, 3_000],
        ],
        [[800, 1_500]],
      ),
    ).toEqual([]);
  });

  it('is noise that comes up', () => {
    const marks = [mark('noise-on', 2_000), mark('noise-off', 6_000)];
    expect(talk(9_000, [], [[500, 4_000]], { marks }).distractions).toMatchObject([{ kind: 'noise', held: true }]);
    expect(talk(9_000, [], [[500, 2_400]], { marks }).distractions).toMatchObject([
      { kind: 'noise', held: false, afterMs: 400 },
    ]);
    expect(talk(9_000, [], [[500, 2_400]], { marks }).turns).toEqual([]);
  });

  it('is no turn, and no words of the caller outside of what he says', () => {
    const got = talk(9_000, [hm, [5_000, 6_000]], [[500, 4_000]], { marks: said('backchannel', hm) });
    expect(got.turns).toEqual([]);
    expect(got.speech.caller).toEqual([{ fromMs: 2_000, toMs: 2_300 }]);
  });
});

describe('figures', () => {
  it("stand beside the provider's, with the difference", () => {
    const callers: Piece[] = [2_000, 5_000, 8_000].map((from) => [from, from + 500]);
    const got = talk(
      11_000,
      callers,
      [
        [500, 1_000],
        [3_000, 3_500],
        [6_100, 6_500],
        [9_200, 9_800],
      ],
      {
        marks: callers.flatMap((piece) => said('say', piece)),
        provider: { callId: 'x', latencyMs: { p50: 480, p99: 700 }, interruptions: 1, durationMs: 10_800 },
      },
    );
    expect(got.figures.responseLatencyMs).toEqual({
      n: 3,
      mean: 600,
      p50: 600,
      p90: null,
      p95: null,
      p99: null,
      max: 700,
    });
    expect(got.provider).toEqual([
      { name: 'responseLatencyMs.p50', ours: 600, theirs: 480, difference: -120 },
      { name: 'responseLatencyMs.p99', ours: null, theirs: 700, difference: null },
      { name: 'callerInterruptions', ours: 0, theirs: 1, difference: 1 },
      { name: 'durationMs', ours: 11_000, theirs: 10_800, difference: -200 },
    ]);
  });

  it('count the words of the agent that were said in its speech, and sentences said again', () => {
    const agentSaid = [
      'Welcome to the test line, how may I help you today?',
      'Your table is booked for two people at seven.',
      'Welcome to the test line. How may I help you today, sir?',
      'Welcome to the test line, how may I help you today?',
    ];
    const got = talk(20_000, [], [[0, 12_000]], { agentSaid });
    expect(got.agentWords).toBe(11 + 9 + 12 + 11);
    expect(got.figures.agentWordsPerMinute).toBe(215);
    expect(got.repeated).toEqual({ n: 5, count: 1, rate: null });
  });

  it('tell the way apart from the answer', () => {
    const path = [
      { roundTripMs: 80, jitterBufferMs: 60, ownQueuesMs: 70 },
      { roundTripMs: 84, jitterBufferMs: 62, ownQueuesMs: 72 },
      { roundTripMs: 400 },
    ];
    const caller: Piece = [1_000, 2_000];
    const got = talk(5_000, [caller], [[2_500, 3_000]], { marks: said('say', caller), path });
    expect(got.path).toEqual({ n: 3, roundTripMs: 84, jitterBufferMs: 61, ownQueuesMs: 71, delayMs: 216 });
    expect(got.turns).toMatchObject([{ latencyMs: 500 }]);
    expect(got.figures.responseLatencyMs).toMatchObject({ n: 1, mean: 500 });
    expect(got.figures.responseLatencyLessPathMs).toMatchObject({ n: 1, mean: 284, max: 284 });
    const unknown = talk(5_000, [caller], [[2_500, 3_000]], { marks: said('say', caller) });
    expect(unknown.path).toBeNull();
    expect(unknown.figures.responseLatencyLessPathMs.n).toBe(0);
    // Of each call its own way.
    const other = talk(5_000, [caller], [[2_600, 3_000]], { marks: said('say', caller), path: [{ roundTripMs: 40 }] });
    expect(summarise([got, other, unknown]).responseLatencyLessPathMs).toMatchObject({ n: 2, mean: 422, max: 560 });
  });

  it('take off each answer what the way was then, and of the round trip the middle', () => {
    const first: Piece = [1_000, 2_000];
    const second: Piece = [5_000, 6_000];
    const agent: Piece[] = [
      [2_500, 3_000],
      [6_600, 7_000],
    ];
    const path = [
      { atMs: 1_500, roundTripMs: 10, jitterBufferMs: 40, ownQueuesMs: 90 },
      { atMs: 4_000, roundTripMs: 10, jitterBufferMs: 60, ownQueuesMs: 130 },
      { atMs: 6_500, roundTripMs: 90, jitterBufferMs: 80 },
    ];
    const marks = [...said('say', first), ...said('say', second)];
    const got = talk(8_000, [first, second], agent, { marks, path });
    // The second answer began behind the last look: nothing later is known. What that look did not see was as in the middle.
    expect(got.turns).toMatchObject([
      { latencyMs: 500, pathMs: 200 },
      { latencyMs: 600, pathMs: 10 + 80 + 110 },
    ]);
    expect(got.figures.responseLatencyLessPathMs).toMatchObject({ n: 2, mean: 350, max: 400 });
  });

  it('of many calls are of all their turns', () => {
    const calls = Array.from({ length: 12 }, (_, i) => {
      const caller: Piece = [2_000, 3_000];
      const agent: Piece[] = [
        [500 + i * 10, 1_500],
        [3_300 + i * 100, 5_000],
      ];
      return talk(7_000, [caller], agent, { marks: said('say', caller) });
    });
    const all = summarise(calls);
    expect(all.calls).toBe(12);
    expect(all.responseLatencyMs).toEqual({ n: 12, mean: 850, p50: 800, p90: 1_300, p95: null, p99: null, max: 1_400 });
    expect(all.missed).toEqual({ n: 12, count: 0, rate: 0 });
    expect(all.greetingDelayMs).toMatchObject({ n: 12, max: 610 });
    expect(all.agentTalkRatio).toBeCloseTo(0.681, 2);
  });
});

describe('a caller whose own frames were late', () => {
  it('has that said of the turns it fell into, and of no others', () => {
    const turns: Piece[] = [
      [1_000, 1_800],
      [5_000, 5_800],
      [9_000, 9_800],
    ];
    const answers: Piece[] = turns.map(([, to]) => [to + 700, to + 1_700]);
    const stalls = [
      // Within an answer: nothing is counted from there.
      { at: 3_000 * PER_MS, ms: 400 },
      { at: 5_300 * PER_MS, ms: 60 },
      { at: 6_200 * PER_MS, ms: 230.04 },
      // From before its first sound into it.
      { at: 9_020 * PER_MS, ms: 45 },
    ];
    const { turns: got, figures } = talk(12_000, turns, answers, { stalls });
    expect(got.map(({ ownLateMs }) => ownLateMs)).toEqual([undefined, 230, 45]);
    expect(figures.ownLate).toEqual({ n: 3, count: 2, rate: null });
    expect(talk(12_000, turns, answers).turns.every((turn) => !('ownLateMs' in turn))).toBe(true);
  });
});
