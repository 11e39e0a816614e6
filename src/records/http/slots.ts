import { addDays, instantOf, localTime } from '../../zone.ts';

/** The hours or days of a time, as the clock in a zone has them. */

const HOUR_MS = 3_600_000;
/** Slots of one overview at most. */
export const SLOTS_MOST = 400;

export interface Slots {
  readonly step: 'hour' | 'day';
  /** Ms since 1970, ascending: each slot's end is the next one's beginning. The first and the last slot may be shorter. */
  readonly edges: readonly number[];
}

/** The edges of the slots from `since` to `until`; undefined where there would be too many. Whole hours and days of the zone, days of 23 and 25 hours among them. */
export function slotsOf(since: number, until: number, step: Slots['step'], zone: string): Slots | undefined {
  const edges = [since];
  for (let next = after(since, step, zone); next < until; next = after(next, step, zone)) {
    edges.push(next);
    if (edges.length > SLOTS_MOST) return undefined;
  }
  return { step, edges: [...edges, until] };
}

/** When the hour or day after this moment begins. */
function after(ms: number, step: Slots['step'], zone: string): number {
  const { date, time } = localTime(ms, zone);
  if (step === 'day') {
    const next = addDays(date, 1);
    // In some zones the hour that is skipped in spring is the first of its day.
    return instantOf(next, '00:00', zone) ?? instantOf(next, '01:00', zone) ?? ms + 24 * HOUR_MS;
  }
  const sinceMinute = ms % 60_000;
  return ms - sinceMinute - Number(time.slice(3)) * 60_000 + HOUR_MS;
}
