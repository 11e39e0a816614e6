import type { DistractionKind, Figures, Measures, Rate, Spread, TurnMeasure } from './measures.ts';

/** Many values as few figures, of which none is given that its number of values cannot bear. Pure. */

/**
 * Values that a percentile needs: so many that one lies beyond it (10 for the ninth of ten, 100 for p99), and three for a middle. With fewer it would be
 * the maximum by another name.
 */
const LEAST = { p50: 3, p90: 10, p95: 20, p99: 100 } as const;
/** Events that a rate needs, as tau2's leaderboard has it: https://github.com/sierra-research/tau2-bench/blob/main/docs/interaction-metrics.md */
const LEAST_EVENTS = 10;

/** Percentiles are values that occurred (the nearest rank): of few answers, something between two of them was never heard. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  const at = (percent: number, least: number) =>
    n < least ? null : sorted[Math.max(0, Math.ceil((percent / 100) * n) - 1)]!;
  return {
    n,
    mean: n === 0 ? null : round(sorted.reduce((sum, value) => sum + value, 0) / n),
    p50: at(50, LEAST.p50),
    p90: at(90, LEAST.p90),
    p95: at(95, LEAST.p95),
    p99: at(99, LEAST.p99),
    max: sorted.at(-1) ?? null,
  };
}

export function rate(count: number, n: number): Rate {
  return { n, count, rate: n < LEAST_EVENTS ? null : round(count / n, 4) };
}

/** Rounded to `digits` behind the point. */
export function round(value: number, digits = 1): number {
  const by = 10 ** digits;
  return Math.round(value * by) / by;
}

/** The sum of lengths. */
export const total = (spans: ReadonlyArray<{ readonly fromMs: number; readonly toMs: number }>): number =>
  spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);

/** What a call has that figures are made of. */
export type Measured = Omit<Measures, 'figures'>;

/** Words and speech that words a minute need, ms. */
const LEAST_WORDS = 20;
const LEAST_SPEECH_MS = 5_000;
const DISTRACTIONS: readonly DistractionKind[] = ['backchannel', 'tic', 'side-talk', 'noise'];

/** The figures of one call, or of many taken together: each turn and each event counts alike, whichever call it was in. */
export function figuresOf(calls: readonly Measured[]): Figures {
  const turns = calls.flatMap((call) => call.turns);
  const decided = turns.filter(({ outcome }) => outcome !== 'undecided');
  const answered = turns.filter(({ outcome }) => outcome === 'answered');
  const interruptions = calls.flatMap((call) => call.callerInterruptions);
  const distractions = calls.flatMap((call) => call.distractions);
  const agentSpeech = calls.reduce((sum, { speech }) => sum + total(speech.agent), 0);
  const callerSpeech = calls.reduce((sum, { speech }) => sum + total(speech.caller), 0);
  const silences = calls.flatMap((call) => call.deadAir);
  const spoken = calls.filter(({ agentWords }) => agentWords !== null);
  const words = spoken.reduce((sum, { agentWords }) => sum + agentWords!, 0);
  const wordsMs = spoken.reduce((sum, { speech }) => sum + total(speech.agent), 0);
  const ofKind = (kind: DistractionKind): Rate => {
    const those = distractions.filter((one) => one.kind === kind);
    return rate(those.filter(({ held }) => held).length, those.length);
  };
  return {
    calls: calls.length,
    greetingDelayMs: spread(defined(calls.map(({ greetingDelayMs }) => greetingDelayMs))),
    responseLatencyMs: spread(latenciesOf(turns)),
    responseLatencyLessPathMs: spread(
      calls.flatMap(({ turns: its, path }) => {
        const delayMs = path?.delayMs ?? undefined;
        return its.flatMap((turn) => {
          const wayMs = turn.pathMs ?? delayMs;
          return wayMs === undefined ? [] : latenciesOf([turn]).map((ms) => round(ms - wayMs));
        });
      }),
    ),
    ownLate: rate(turns.filter(({ ownLateMs }) => ownLateMs !== undefined).length, turns.length),
    early: rate(answered.filter(({ timing }) => timing === 'early').length, answered.length),
    late: rate(answered.filter(({ timing }) => timing === 'late').length, answered.length),
    missed: rate(decided.length - answered.length, decided.length),
    agentInterruptions: rate(calls.flatMap((call) => call.agentInterruptions).length, turns.length),
    agentOverlapMs: spread(calls.flatMap((call) => call.agentInterruptions.map(({ overlapMs }) => overlapMs))),
    yielded: rate(interruptions.filter(({ yielded }) => yielded).length, interruptions.length),
    yieldMs: spread(defined(interruptions.map(({ yieldMs }) => yieldMs))),
    held: Object.fromEntries(DISTRACTIONS.map((kind) => [kind, ofKind(kind)])) as Figures['held'],
    deadAir: {
      count: silences.length,
      totalMs: round(total(silences)),
      longestMs: Math.max(0, ...silences.map(({ fromMs, toMs }) => round(toMs - fromMs))),
    },
    agentTalkRatio: agentSpeech + callerSpeech === 0 ? null : round(agentSpeech / (agentSpeech + callerSpeech), 3),
    agentWordsPerMinute: words < LEAST_WORDS || wordsMs < LEAST_SPEECH_MS ? null : round(words / (wordsMs / 60_000)),
    repeated: rate(
      calls.reduce((sum, { repeated }) => sum + repeated.count, 0),
      calls.reduce((sum, { repeated }) => sum + repeated.n, 0),
    ),
  };
}

/** Of answers. Where the agent cut in there was no wait; that is told by the interruptions, and as early. */
export const latenciesOf = (turns: readonly TurnMeasure[]): number[] =>
  defined(turns.map(({ outcome, latencyMs }) => (outcome === 'answered' ? latencyMs : undefined))).filter(
    (ms) => ms >= 0,
  );

const defined = (values: ReadonlyArray<number | null | undefined>): number[] =>
  values.filter((value) => value !== null && value !== undefined);
