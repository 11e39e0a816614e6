import type { DatabaseSync } from 'node:sqlite';
import { instantOf, weekdayOf } from '../zone.ts';
import { CELL_MINUTES } from './schema.ts';

/** When the business is open, on the grid on which appointments are made. */

/** One stretch of a day in which it is open: epoch ms, the end not included. */
export interface OpenSpan {
  readonly from: number;
  readonly to: number;
}

const CELL_MS = CELL_MINUTES * 60_000;

export function openingQueries(db: DatabaseSync, zone: string) {
  const hours = db.prepare('SELECT opens, closes FROM opening_hours WHERE weekday = ? ORDER BY opens');
  const closure = db.prepare('SELECT reason FROM closures WHERE date = ?');

  /** Stretches of `date` (YYYY-MM-DD, the business's own) in which it is open, in order. */
  const spans = (date: string): OpenSpan[] => {
    if (closure.get(date) !== undefined) return [];
    return hours.all(weekdayOf(date)).flatMap((row) => {
      const from = instantOf(date, String(row['opens']), zone);
      const to = instantOf(date, String(row['closes']), zone);
      // A boundary inside the hour that spring skips does not exist on that day.
      return from === undefined || to === undefined ? [] : [{ from, to }];
    });
  };

  return {
    spans,
    /** Whether it is open from `start` to `end` without a break. */
    covers: (date: string, start: number, end: number): boolean =>
      spans(date).some((span) => span.from <= start && end <= span.to),
    /** Starts on the grid of `date` at which `ms` of work would fit into an open stretch. */
    starts(date: string, ms: number): number[] {
      const found: number[] = [];
      for (const { from, to } of spans(date))
        for (let start = from; start + ms <= to; start += CELL_MS) found.push(start);
      return found;
    },
  };
}
