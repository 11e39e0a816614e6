/**
 * How long callers waited for answers, as a histogram of fixed parts: sums of it over any calls are one addition for each part, which a database does
 * by itself, and percentiles come out of the sum. A percentile is so exact as its part is wide: 50 ms up to half a second, 100 ms up to 1.2 s, and
 * about a tenth of the delay beyond.
 */

/** Where each part ends and the next begins, ms; the last part has no end. Columns of databases are named by their order: never changed. */
export const DELAY_EDGES_MS: readonly number[] = [
  200, 250, 300, 350, 400, 450, 500, 600, 700, 800, 900, 1_000, 1_100, 1_200, 1_400, 1_600, 1_800, 2_000, 2_500, 3_000,
  4_000, 5_000, 7_500, 10_000, 15_000,
];
/** How many parts there are. */
export const DELAY_PARTS = DELAY_EDGES_MS.length + 1;

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

/** From the caller's last word, or what the model took for it, to the first sound that he heard, ms; undefined where a `turn` does not tell. */
export function delayOf(turn: Readonly<Record<string, unknown>>): number | undefined {
  const from = numberOf(turn['callerStoppedMs']) ?? numberOf(turn['detectedMs']);
  const to = numberOf(turn['heardMs']);
  return from === undefined || to === undefined ? undefined : Math.max(0, to - from);
}

/** The histogram with one more delay in it. */
export function countDelay(counts: readonly number[], ms: number): number[] {
  const part = DELAY_EDGES_MS.findIndex((edge) => ms < edge);
  const next = Array.from({ length: DELAY_PARTS }, (_, i) => counts[i] ?? 0);
  next[part === -1 ? DELAY_PARTS - 1 : part]! += 1;
  return next;
}

/** A percentile, and where the part of the histogram begins that it was read off: at least one delay lies there or above. Both ms. */
export interface DelayPercentile {
  readonly ms: number;
  readonly fromMs: number;
}

/** The delay below which a share (0 to 1) of them lies, taken to lie evenly within their part; undefined where there are none. */
export function delayPercentile(counts: readonly number[], share: number): DelayPercentile | undefined {
  const all = counts.reduce((sum, n) => sum + n, 0);
  if (all === 0) return undefined;
  let left = share * all;
  for (const [part, n] of counts.entries()) {
    if (n === 0 || left > n) {
      left -= n;
      continue;
    }
    const from = part === 0 ? 0 : DELAY_EDGES_MS[part - 1]!;
    // Of what is beyond the last edge nothing more is known.
    const to = DELAY_EDGES_MS[part] ?? from;
    return { ms: Math.round(from + (to - from) * Math.max(0, left / n)), fromMs: from };
  }
  const last = DELAY_EDGES_MS.at(-1)!;
  return { ms: last, fromMs: last };
}
