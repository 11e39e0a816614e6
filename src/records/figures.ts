import { DELAY_PARTS } from './answer-delays.ts';
import type { CallRecord } from './call-record.ts';
import type { Statement, Value } from './statement.ts';

/**
 * What an overview counts of each call: one narrow row beside its record, kept in the same transaction, so that sums over many calls read nothing
 * else, and are right whenever a call changes or is removed. Both databases run the same statements.
 */

type Row = Readonly<Record<string, unknown>>;

const DELAYS = Array.from({ length: DELAY_PARTS }, (_, i) => `a${i}`);

/** Columns of `call_figures`, in the order of `figureValues`. */
export const figureColumns: readonly string[] = [
  'call_id',
  'started_at',
  'carrier',
  'route',
  'prompt',
  'model',
  'result',
  'reason',
  'currency',
  'duration_ms',
  'cost',
  'turns',
  'barge_ins',
  'tool_calls',
  'tokens_in',
  'tokens_cached',
  'tokens_out',
  ...DELAYS,
];

export function figureValues(record: CallRecord): Value[] {
  const { usage } = record;
  return [
    record.id,
    record.startedAt,
    record.carrier,
    record.route,
    record.prompt,
    record.model,
    record.result,
    record.reason,
    record.currency,
    record.durationMs,
    record.cost,
    record.turns,
    record.bargeIns,
    record.toolCalls,
    usage.inputTextTokens + usage.inputAudioTokens,
    usage.cachedTokens,
    usage.outputTextTokens + usage.outputAudioTokens,
    ...DELAYS.map((_, i) => record.answers[i] ?? 0),
  ];
}

/** The time that is looked at, in slots: edges in ms since 1970, each slot's end the next one's beginning. */
export interface OverviewQuery {
  /** Ascending, two at least. */
  readonly edges: readonly number[];
  readonly prompt?: string | undefined;
  readonly route?: string | undefined;
  readonly carrier?: string | undefined;
}

/** What some calls come to. */
export interface Figures {
  readonly calls: number;
  /** Of them, those that have no end yet, and those that ended otherwise than they should. */
  readonly active: number;
  readonly failed: number;
  /** Of those that are over. */
  readonly durationMs: number;
  /** In one currency: figures in several are never put together but by `costsOf`. */
  readonly cost: number;
  /** Calls whose price is not known: they are not in `cost`. */
  readonly unpriced: number;
  readonly turns: number;
  readonly bargeIns: number;
  readonly toolCalls: number;
  readonly tokensIn: number;
  readonly tokensCached: number;
  readonly tokensOut: number;
  /** How many answers took how long: see `DELAY_EDGES_MS`. */
  readonly answers: readonly number[];
}

/** Calls that have all this in common. */
export interface FigureGroup {
  readonly prompt: string | null;
  readonly route: string | null;
  readonly carrier: string | null;
  readonly model: string | null;
  readonly result: string | null;
  readonly reason: string | null;
  readonly currency: string | null;
}

/** What a store answers: sums for each slot that has any, by the currency of their cost, and for each group. Those of several stores are put one behind the other. */
export interface OverviewRows {
  readonly slots: ReadonlyArray<Figures & Pick<FigureGroup, 'currency'> & { readonly slot: number }>;
  /** Those with most calls; `GROUPS_MOST` of them at most. */
  readonly groups: ReadonlyArray<Figures & FigureGroup>;
  readonly refused: ReadonlyArray<{
    readonly slot: number;
    readonly reason: string;
    readonly carrier: string | null;
    readonly calls: number;
  }>;
}

/** A sum of money. */
export interface Cost {
  /** ISO 4217. */
  readonly currency: string;
  readonly cost: number;
}

/** Groups that are told at most. */
export const GROUPS_MOST = 2_000;

const SUMS = [
  ['calls', 'count(*)'],
  ['active', 'sum(CASE WHEN f.result IS NULL THEN 1 ELSE 0 END)'],
  ['failed', "sum(CASE WHEN f.result <> 'success' THEN 1 ELSE 0 END)"],
  ['durationMs', 'sum(f.duration_ms)'],
  ['cost', 'sum(f.cost)'],
  ['unpriced', 'sum(CASE WHEN f.cost IS NULL THEN 1 ELSE 0 END)'],
  ['turns', 'sum(f.turns)'],
  ['bargeIns', 'sum(f.barge_ins)'],
  ['toolCalls', 'sum(f.tool_calls)'],
  ['tokensIn', 'sum(f.tokens_in)'],
  ['tokensCached', 'sum(f.tokens_cached)'],
  ['tokensOut', 'sum(f.tokens_out)'],
] as const satisfies ReadonlyArray<readonly [keyof Figures, string]>;
const SELECTED = [
  ...SUMS.map(([name, sum]) => `${sum} AS "${name}"`),
  ...DELAYS.map((name) => `sum(f.${name}) AS ${name}`),
].join(', ');

const GROUP = ['prompt', 'route', 'carrier', 'model', 'result', 'reason', 'currency'] as const satisfies ReadonlyArray<
  keyof FigureGroup
>;

/**
 * A database's way to put rows into slots: the tables to read, the slot of a row, and the condition on the time of a row, which is `at`. Edges are numbers
 * of ours and stand in the statement as they are.
 */
export interface Slotting {
  /** What stands before the statement. */
  readonly head: (edges: readonly number[]) => string;
  readonly from: (table: string) => string;
  readonly slot: (at: string, edges: readonly number[]) => string;
  readonly within: (at: string, edges: readonly number[]) => string;
}

/** For a database without a function for it: the rows of each slot are looked up by the index of the time. */
export const slotsByJoin: Slotting = {
  head(edges) {
    const rows = edges.slice(0, -1).map((from, slot) => `(${slot}, ${from}, ${edges[slot + 1]})`);
    return `WITH slots (slot, lo, hi) AS (VALUES ${rows.join(', ')}) `;
  },
  // The order of a CROSS JOIN is kept: https://www.sqlite.org/optoverview.html#manual_control_of_query_plans_using_cross_join
  from: (table) => `slots s CROSS JOIN ${table}`,
  slot: () => 's.slot',
  within: (at) => `${at} >= s.lo AND ${at} < s.hi`,
};

/** For PostgreSQL: https://www.postgresql.org/docs/current/functions-math.html (width_bucket). Its planner knows how many rows lie between two numbers. */
export const slotsByBucket: Slotting = {
  head: () => '',
  from: (table) => table,
  slot: (at, edges) => `width_bucket(${at}, ARRAY[${edges.slice(0, -1).join(', ')}]::bigint[]) - 1`,
  within: (at, edges) => `${at} >= ${edges[0]} AND ${at} < ${edges.at(-1)}`,
};

/**
 * The condition of what an overview counts as a call, by the column of its reason: a caller who was refused is among the refused and not among the calls, whether he
 * left a record or not; a call that moved counts where it went.
 */
export const countedSql = (reason: string): string =>
  `(${reason} IS NULL OR ${reason} NOT IN ('not-admitted', 'moved'))`;

/** The three statements of an overview, with `?` for values. */
export function overviewStatements(query: OverviewQuery, slotting: Slotting): Record<keyof OverviewRows, Statement> {
  const { prompt, route, carrier } = query;
  const edges = query.edges.map(Math.round);
  const { head, from, slot, within } = slotting;
  const asked = Object.entries({ prompt, route, carrier }).filter(([, value]) => value !== undefined);
  const where = [countedSql('f.reason'), ...asked.map(([name]) => `f.${name} = ?`)];
  const values = asked.map(([, value]) => value as string);
  return {
    slots: {
      sql: `${head(edges)}SELECT ${slot('f.started_at', edges)} AS slot, f.currency, ${SELECTED} FROM ${from('call_figures f')}
        WHERE ${within('f.started_at', edges)} AND ${where.join(' AND ')} GROUP BY 1, f.currency ORDER BY 1`,
      values,
    },
    groups: {
      sql: `SELECT ${GROUP.map((name) => `f.${name}`).join(', ')}, ${SELECTED} FROM call_figures f
        WHERE f.started_at >= ? AND f.started_at < ? AND ${where.join(' AND ')}
        GROUP BY ${GROUP.map((name) => `f.${name}`).join(', ')} ORDER BY count(*) DESC LIMIT ${GROUPS_MOST}`,
      values: [edges[0]!, edges.at(-1)!, ...values],
    },
    refused: {
      // Nobody knows which prompt or route would have answered.
      sql: `${head(edges)}SELECT ${slot('r.at', edges)} AS slot, r.reason, r.carrier, sum(r.calls) AS calls
        FROM ${from('call_refused r')} WHERE ${within('r.at', edges)}${carrier === undefined ? '' : ' AND r.carrier = ?'}
        GROUP BY 1, r.reason, r.carrier ORDER BY 1`,
      values: carrier === undefined ? [] : [carrier],
    },
  };
}

/** Reads the rows of the three statements. Databases give large numbers as text. */
export function overviewRows(rows: Record<keyof OverviewRows, readonly Row[]>): OverviewRows {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    slots: rows.slots.map((row) => ({
      slot: Number(row['slot']),
      currency: text(row['currency']),
      ...figuresOf(row),
    })),
    groups: rows.groups.map((row) => ({
      ...(Object.fromEntries(GROUP.map((name) => [name, text(row[name])])) as unknown as FigureGroup),
      ...figuresOf(row),
    })),
    refused: rows.refused.map((row) => ({
      slot: Number(row['slot']),
      reason: String(row['reason']),
      carrier: text(row['carrier']),
      calls: Number(row['calls']),
    })),
  };
}

function figuresOf(row: Row): Figures {
  const sums = Object.fromEntries(SUMS.map(([name]) => [name, Number(row[name] ?? 0)]));
  return { ...(sums as unknown as Omit<Figures, 'answers'>), answers: DELAYS.map((name) => Number(row[name] ?? 0)) };
}

/** What these cost in each currency, in the order of their names. */
export function costsOf(all: ReadonlyArray<Pick<Figures, 'cost'> & Pick<FigureGroup, 'currency'>>): Cost[] {
  return [...Map.groupBy(all, ({ currency }) => currency)]
    .flatMap(([currency, of]) =>
      currency === null ? [] : [{ currency, cost: Number(of.reduce((sum, { cost }) => sum + cost, 0).toFixed(9)) }],
    )
    .sort((a, b) => (a.currency < b.currency ? -1 : 1));
}

/** The sum of these but for what they cost; of none it is nothing. */
export function sumFigures(all: ReadonlyArray<Figures>): Omit<Figures, 'cost'> {
  const sums = SUMS.filter(([name]) => name !== 'cost').map(([name]) => [
    name,
    all.reduce((sum, one) => sum + one[name], 0),
  ]);
  return {
    ...(Object.fromEntries(sums) as unknown as Omit<Figures, 'answers' | 'cost'>),
    answers: DELAYS.map((_, i) => all.reduce((sum, { answers }) => sum + (answers[i] ?? 0), 0)),
  };
}
