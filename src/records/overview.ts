import { delayPercentile } from './answer-delays.ts';
import {
  type Cost,
  costsOf,
  type FigureGroup,
  type Figures,
  GROUPS_MOST,
  type OverviewRows,
  sumFigures,
} from './figures.ts';

/** What a store's sums say, for people and programs: pure, so that it is the same whichever database, or how many of them, the sums are from. */

/** What some calls come to, as it is told. Times are ms. */
export interface FiguresView extends Omit<Figures, 'answers' | 'cost'> {
  /** What they cost, by currency. */
  readonly costs: readonly Cost[];
  /** The same where it is all in one currency; null where it is in several, which have no sum. */
  readonly cost: number | null;
  readonly answers: {
    readonly count: number;
    readonly p50Ms: number | null;
    readonly p95Ms: number | null;
    /** Where the parts of the histogram begin that they were read off: at least one answer took so long or longer. */
    readonly p50FromMs: number | null;
    readonly p95FromMs: number | null;
  };
}

export interface NamedFigures extends FiguresView {
  /** Null: those that have none. */
  readonly name: string | null;
}

export interface OverviewView {
  readonly totals: FiguresView & { readonly refused: number };
  /** In order of time, each with its beginning and end, ms since 1970. */
  readonly slots: ReadonlyArray<FiguresView & { readonly from: number; readonly to: number; readonly refused: number }>;
  /** Those with most calls first. */
  readonly prompts: readonly NamedFigures[];
  readonly routes: readonly NamedFigures[];
  readonly carriers: readonly NamedFigures[];
  readonly models: readonly NamedFigures[];
  /** Calls that ended otherwise than they should, by why, the most first. */
  readonly failures: ReadonlyArray<{ readonly result: string; readonly reason: string; readonly calls: number }>;
  /** Callers who were not taken, by why, the most first. */
  readonly refused: ReadonlyArray<{ readonly reason: string; readonly calls: number }>;
  /** What it all cost, by currency. */
  readonly costs: readonly Cost[];
  /** There are more prompts, routes and so on than are told: those with fewest calls are left out. */
  readonly isCut: boolean;
}

/** `edges`: those of the slots that were asked for. */
export function overviewOf({ slots, groups, refused }: OverviewRows, edges: readonly number[]): OverviewView {
  const bySlot = Map.groupBy(slots, ({ slot }) => slot);
  const refusedBySlot = Map.groupBy(refused, ({ slot }) => slot);
  const count = (list: ReadonlyArray<{ readonly calls: number }> = []) =>
    list.reduce((sum, { calls }) => sum + calls, 0);
  const by = (key: keyof FigureGroup): NamedFigures[] =>
    [...Map.groupBy(groups, (group) => group[key])]
      .map(([name, all]) => ({ name, ...told(all) }))
      .sort((a, b) => b.calls - a.calls);
  const failed = groups.filter(({ result }) => result !== null && result !== 'success');
  // Its costs are not of the groups: those with few calls may have been left out.
  const totals = told(slots);
  return {
    totals: { ...totals, refused: count(refused) },
    slots: edges.slice(0, -1).map((from, slot) => ({
      from,
      to: edges[slot + 1]!,
      ...told(bySlot.get(slot) ?? []),
      refused: count(refusedBySlot.get(slot)),
    })),
    prompts: by('prompt'),
    routes: by('route'),
    carriers: by('carrier'),
    models: by('model'),
    failures: [...Map.groupBy(failed, ({ result, reason }) => JSON.stringify([result, reason]))]
      .map(([, all]) => ({ result: all[0]!.result ?? '', reason: all[0]!.reason ?? 'unknown', calls: count(all) }))
      .sort((a, b) => b.calls - a.calls),
    refused: [...Map.groupBy(refused, ({ reason }) => reason)]
      .map(([reason, all]) => ({ reason, calls: count(all) }))
      .sort((a, b) => b.calls - a.calls),
    costs: totals.costs,
    isCut: groups.length >= GROUPS_MOST,
  };
}

function told(all: ReadonlyArray<Figures & Pick<FigureGroup, 'currency'>>): FiguresView {
  const { answers, ...rest } = sumFigures(all);
  const costs = costsOf(all);
  const [p50, p95] = [delayPercentile(answers, 0.5), delayPercentile(answers, 0.95)];
  return {
    ...rest,
    costs,
    cost: costs.length > 1 ? null : (costs[0]?.cost ?? 0),
    answers: {
      count: answers.reduce((sum, n) => sum + n, 0),
      p50Ms: p50?.ms ?? null,
      p95Ms: p95?.ms ?? null,
      p50FromMs: p50?.fromMs ?? null,
      p95FromMs: p95?.fromMs ?? null,
    },
  };
}
