/** Callers who were refused, of what the daemon's metrics count, and why in words. */

/**
 * @typedef {{ reason: string, count: number, lastAt: number | undefined }} Refusal `lastAt`: ms since 1970
 * @typedef {{ count: number, lastAt: number | undefined, by: Refusal[] }} Refusals since the daemon started; by reason, the most first
 */

/** What each reason of admission means, and what changes it. @type {Record<string, readonly [words: string, cure: string]>} */
const REASONS = {
  draining: ['The daemon is being stopped', 'Calls are taken again when it has started anew.'],
  calls: ['All places were taken', 'MAX_CALLS says how many there are.'],
  rate: ['Too many calls came within a second', 'CALLS_PER_SECOND is the limit.'],
  'loop-delay': [
    'The machine could not keep up',
    'Give it more processor, or more processes (WORKERS); MAX_LOOP_DELAY_MS is the limit.',
  ],
  memory: [
    'The machine’s memory was full',
    'Give it more memory, or lower MAX_CALLS; MAX_MEMORY_PERCENT is the limit.',
  ],
  model: ['The model refuses calls', 'Check the key and the account’s credit.'],
  pages: ['Web pages had all the places they may have', 'BROWSER_MAX_CALLS is the limit.'],
  pending: ['Too many web pages were connecting at once', 'BROWSER_MAX_PENDING is the limit.'],
  address: ['One address had all the places it may have', 'An address has half of BROWSER_MAX_CALLS.'],
  'shared-memory': [
    'The memory that instances share was away',
    'See whether Redis can be reached; REDIS_AWAY decides.',
  ],
  fleet: ['All places of all instances were taken', 'FLEET_MAX_CALLS is the limit.'],
  number: ['The dialled number had all its places taken', 'CALLS_PER_NUMBER is the limit.'],
  caller: ['The caller had too many calls at once', 'CALLS_PER_CALLER is the limit.'],
  account: ['The account had all its places taken', 'CALLS_PER_ACCOUNT is the limit.'],
};

/** Why callers were refused. A reason nobody foresaw is shown as it is. @param {string} reason */
export const refusalWords = (reason) => REASONS[reason]?.[0] ?? reason;
/** What changes it. @param {string} reason */
export const refusalCure = (reason) => REASONS[reason]?.[1] ?? '';

/** @param {string} metrics an exposition in Prometheus' text format @returns {Refusals} */
export function refusalsOf(metrics) {
  const lastAt = new Map(
    [...metrics.matchAll(/^voicebridge_call_refused_timestamp_seconds\{[^}]*reason="([^"]+)"[^}]*\} (\S+)/gm)].map(
      ([, reason = '', seconds]) => [reason, Number(seconds) * 1_000],
    ),
  );
  const by = [...metrics.matchAll(/^voicebridge_calls_refused_total\{[^}]*reason="([^"]+)"[^}]*\} (\S+)/gm)]
    .map(([, reason = '', count]) => ({ reason, count: Number(count), lastAt: lastAt.get(reason) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  const times = by.flatMap((one) => one.lastAt ?? []);
  return {
    count: by.reduce((sum, one) => sum + one.count, 0),
    lastAt: times.length === 0 ? undefined : Math.max(...times),
    by,
  };
}
