import type { DistractionKind, Figures, Rate, Spread } from '../measure/measures.ts';

/** Gates: bounds for the figures of a case or of a run, and whether they were kept. Pure. */

/** A figure and of how many it is; `value` is null where there were too few to tell. */
export interface Figure {
  readonly value: number | null;
  readonly n: number;
}

/** What the figures of a case, or of all cases of a run, are taken from. */
export interface Gated {
  readonly measured: Figures | undefined;
  /** Cases that passed, of those that passed or failed. */
  readonly passed: Figure;
  /** Of the caller's words, by the agent's transcript. */
  readonly wordErrorRate: Figure;
  /** Of the caller's words, by what was written down from its own channel. */
  readonly channelWordErrorRate: Figure;
  /** How far the judge's votes agree. */
  readonly agreement: Figure;
  /** pass^k; of a run whose cases were called more than once. */
  readonly passHatK?: ((k: number) => Figure) | undefined;
}

interface Described {
  /** Whether a bare number as a bound is a maximum or a minimum. */
  readonly better: 'less' | 'more';
  readonly unit: string;
  readonly of: (gated: Gated) => Figure;
}

const NONE: Figure = { value: null, n: 0 };
const from =
  (of: (figures: Figures) => Figure) =>
  ({ measured }: Gated): Figure =>
    measured === undefined ? NONE : of(measured);

const POINTS = ['mean', 'p50', 'p90', 'p95', 'p99', 'max'] as const;
type Point = (typeof POINTS)[number];

function spread<const N extends string>(name: N, of: (figures: Figures) => Spread) {
  const described = POINTS.map((point): [`${N}_${Point}_ms`, Described] => [
    `${name}_${point}_ms`,
    { better: 'less', unit: 'ms', of: from((figures) => ({ value: of(figures)[point], n: of(figures).n })) },
  ]);
  return Object.fromEntries(described) as Record<`${N}_${Point}_ms`, Described>;
}

const rate = (of: (figures: Figures) => Rate, better: Described['better'] = 'less'): Described => ({
  better,
  unit: 'share, 0 to 1',
  of: from((figures) => ({ value: of(figures).rate, n: of(figures).n })),
});
const held = (kind: DistractionKind) => rate(({ held: all }) => all[kind], 'more');
const count = (unit: string, of: (figures: Figures) => number | null, better: Described['better'] = 'less') => ({
  better,
  unit,
  of: from((figures) => ({ value: of(figures), n: figures.calls })),
});

const times = (of: (figures: Figures) => Rate, better: Described['better'] = 'less'): Described => ({
  better,
  unit: 'times',
  of: from((figures) => ({ value: of(figures).count, n: of(figures).n })),
});

/** Of which pass^k is told: of more, hardly anything can be told from zero. */
export const KS = [2, 3, 4, 5, 6, 7, 8, 9, 10] as const;
const passHat = Object.fromEntries(
  KS.map((k): [string, Described] => [
    `pass_hat_${k}`,
    { better: 'more', unit: 'probability, 0 to 1', of: ({ passHatK }) => passHatK?.(k) ?? NONE },
  ]),
) as Record<`pass_hat_${(typeof KS)[number]}`, Described>;

/** Every figure that a gate may bound. `docs/agent-tests.md` says what each is. */
export const FIGURES = {
  ...spread('greeting_delay', (all) => all.greetingDelayMs),
  ...spread('response_latency', (all) => all.responseLatencyMs),
  ...spread('response_latency_less_path', (all) => all.responseLatencyLessPathMs),
  ...spread('agent_overlap', (all) => all.agentOverlapMs),
  ...spread('yield', (all) => all.yieldMs),
  early_rate: rate((all) => all.early),
  late_rate: rate((all) => all.late),
  missed_rate: rate((all) => all.missed),
  agent_interruption_rate: rate((all) => all.agentInterruptions),
  yielded_rate: rate((all) => all.yielded, 'more'),
  held_backchannel_rate: held('backchannel'),
  held_tic_rate: held('tic'),
  held_side_talk_rate: held('side-talk'),
  held_noise_rate: held('noise'),
  repeated_rate: rate((all) => all.repeated),
  early_count: times((all) => all.early),
  late_count: times((all) => all.late),
  missed_count: times((all) => all.missed),
  agent_interruption_count: times((all) => all.agentInterruptions),
  yielded_count: times((all) => all.yielded, 'more'),
  dead_air_count: count('times', (all) => all.deadAir.count),
  dead_air_total_ms: count('ms', (all) => all.deadAir.totalMs),
  dead_air_longest_ms: count('ms', (all) => all.deadAir.longestMs),
  agent_talk_ratio: count('share of all speech, 0 to 1', (all) => all.agentTalkRatio),
  agent_words_per_minute: count('words a minute', (all) => all.agentWordsPerMinute),
  pass_rate: { better: 'more', unit: 'share of cases, 0 to 1', of: ({ passed }: Gated) => passed },
  ...passHat,
  word_error_rate: { better: 'less', unit: 'share of words', of: ({ wordErrorRate }: Gated) => wordErrorRate },
  channel_word_error_rate: {
    better: 'less',
    unit: 'share of words',
    of: ({ channelWordErrorRate }: Gated) => channelWordErrorRate,
  },
  judge_agreement: { better: 'more', unit: 'share of votes, 0 to 1', of: ({ agreement }: Gated) => agreement },
} as const satisfies Record<string, Described>;

export type FigureName = keyof typeof FIGURES;
export const FIGURE_NAMES = Object.keys(FIGURES) as [FigureName, ...FigureName[]];

/** Gates that say how many cases may fail: with one of them the others do not fail a run. */
export const decidesFailures = (gates: object): boolean =>
  Object.keys(gates).some((figure) => figure === 'pass_rate' || figure in passHat);

export type Limit = number | { readonly min?: number | undefined; readonly max?: number | undefined };

/** A bound and the figure beside it. `undecided`: the figure could not be had, or is of nothing. */
export interface GateResult {
  readonly figure: FigureName;
  readonly unit: string;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly value: number | null;
  readonly n: number;
  readonly state: 'kept' | 'broken' | 'undecided';
}

/** Looks at each gate. */
export function gateResults(
  gates: Readonly<Partial<Record<FigureName, Limit | undefined>>>,
  gated: Gated,
): GateResult[] {
  return FIGURE_NAMES.flatMap((figure): GateResult[] => {
    const limit = gates[figure];
    if (limit === undefined) return [];
    const { better, unit, of } = FIGURES[figure];
    const { min, max } = boundsOf(limit, better);
    const { value, n } = of(gated);
    const broken = value !== null && ((min !== undefined && value < min) || (max !== undefined && value > max));
    return [
      {
        figure,
        unit,
        ...(min === undefined ? {} : { min }),
        ...(max === undefined ? {} : { max }),
        value,
        n,
        // Of nothing no bound is kept, nor broken: of none missed of no turns nobody knows whether any would have been.
        state: value === null || n === 0 ? 'undecided' : broken ? 'broken' : 'kept',
      },
    ];
  });
}

function boundsOf(limit: Limit, better: Described['better']): Exclude<Limit, number> {
  if (typeof limit !== 'number') return limit;
  return better === 'less' ? { max: limit } : { min: limit };
}

/** The gate in one line for people. */
export function gateText({ figure, min, max, value, n, state }: GateResult): string {
  const bounds = [min === undefined ? '' : `at least ${min}`, max === undefined ? '' : `at most ${max}`]
    .filter((text) => text !== '')
    .join(' and ');
  if (state === 'undecided') return `${figure} ${bounds}: too few to tell (n ${n})`;
  return `${figure} ${bounds}: ${Number(value?.toFixed(3))} (n ${n})`;
}
