import type { Count, Counter } from '../../../../src/call/counters.ts';

/** A count that remembers. */
export function counts(): { count: Count; of(counter: Counter): number } {
  const map = new Map<Counter, number>();
  return {
    count: (counter, n = 1) => map.set(counter, (map.get(counter) ?? 0) + n),
    of: (counter) => map.get(counter) ?? 0,
  };
}
