import { DELAY_EDGES_MS, DELAY_PARTS } from './answer-delays.ts';

/** Pieces of the schema of figures that both databases have in common. */

const parts = Array.from({ length: DELAY_PARTS }, (_, i) => i);

/** The columns of `call_figures` behind its key, in the order of `figureColumns`, in a database's own types. */
export function figureColumnsSql({ text, whole, real }: Record<'text' | 'whole' | 'real', string>): string {
  const named = (names: readonly string[], type: string) => names.map((name) => `${name} ${type}`);
  return [
    `started_at ${whole} NOT NULL`,
    ...named(['carrier', 'route', 'prompt', 'model', 'result', 'reason', 'currency'], text),
    ...named(['duration_ms', 'cost'], real),
    ...named(
      ['turns', 'barge_ins', 'tool_calls', 'tokens_in', 'tokens_cached', 'tokens_out', ...parts.map((i) => `a${i}`)],
      `${whole} NOT NULL`,
    ),
  ].join(', ');
}

/** The histogram of a column of delays: one sum a part, named a0, a1, … */
export function delaysSql(ms: string): string {
  return parts
    .map((i) => {
      const from = i === 0 ? undefined : `${ms} >= ${DELAY_EDGES_MS[i - 1]}`;
      const to = DELAY_EDGES_MS[i] === undefined ? undefined : `${ms} < ${DELAY_EDGES_MS[i]}`;
      return `sum(CASE WHEN ${[from, to].filter(Boolean).join(' AND ')} THEN 1 ELSE 0 END) AS a${i}`;
    })
    .join(', ');
}

/** The names of the parts of another table's histogram; `otherwise` where it has no row. */
export function delayPartsSql(table: string, otherwise?: number): string {
  const name = (i: number) => `${table}a${i}`;
  return parts.map((i) => (otherwise === undefined ? name(i) : `coalesce(${name(i)}, ${otherwise})`)).join(', ');
}
