import { addDays, localTime, weekdayOf } from '../zone.ts';

/** Windows of time in a zone: days, dates and hours. Pure. */

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

export interface TimeWindow {
  /** Weekdays on which it begins, 0 is Sunday; undefined: any. */
  readonly days: ReadonlySet<number> | undefined;
  /** Dates (YYYY-MM-DD) on which it begins; undefined: any. */
  readonly dates: ReadonlySet<string> | undefined;
  /** HH:MM; `to` is not part of it, and may be 24:00. A window whose end is not after its begin goes on past midnight. */
  readonly from: string;
  readonly to: string;
}

/** Reads "mon-fri", "sat", or several with commas. Undefined when it is none of these. */
export function parseDays(text: string): ReadonlySet<number> | undefined {
  const found = new Set<number>();
  for (const part of text.toLowerCase().split(',')) {
    const [first = '', last = first, ...more] = part.trim().split('-');
    const from = DAYS.indexOf(first.trim() as (typeof DAYS)[number]);
    const to = DAYS.indexOf(last.trim() as (typeof DAYS)[number]);
    if (from < 0 || to < 0 || more.length > 0) return undefined;
    for (let day = from; ; day = (day + 1) % 7) {
      found.add(day);
      if (day === to) break;
    }
  }
  return found;
}

/** Reads "08:00-18:00", also past midnight: "18:00-08:00". Undefined when it is not that. */
export function parseHours(text: string): { from: string; to: string } | undefined {
  const match = /^\s*(([01]\d|2[0-3]):[0-5]\d)\s*-\s*((([01]\d|2[0-3]):[0-5]\d)|24:00)\s*$/.exec(text);
  const [, from = '', , to = ''] = match ?? [];
  return match === null || from === to ? undefined : { from, to };
}

/** Whether `now` (epoch ms) is inside the window, by the clock and calendar of `zone`. */
export function isWithin(window: TimeWindow, now: number, zone: string): boolean {
  const { date, time } = localTime(now, zone);
  const begins = (day: string) =>
    (window.days === undefined || window.days.has(weekdayOf(day))) &&
    (window.dates === undefined || window.dates.has(day));
  if (window.from < window.to) return time >= window.from && time < window.to && begins(date);
  // Past midnight it is still the window that began the day before.
  return (time >= window.from && begins(date)) || (time < window.to && begins(addDays(date, -1)));
}
