/**
 * Wall time in a zone of the IANA time zone database. Everything is stored as milliseconds since the Unix epoch; only what people say and
 * hear is local.
 */

/** A moment as the clock on the wall shows it. */
export interface LocalTime {
  /** YYYY-MM-DD */
  readonly date: string;
  /** HH:MM, 00:00 to 23:59 */
  readonly time: string;
  /** 0 is Sunday. */
  readonly weekday: number;
}

const DAY_MS = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(zone, format);
  }
  return format;
}

/** Whether this system knows the zone. */
export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** The wall clock's reading in `zone` at `ms`, as if it were UTC: epoch ms without fractions of a second. */
function readingAt(ms: number, zone: string): number {
  const part: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(ms)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** What the clock in `zone` shows at `ms` (epoch). Throws RangeError for an unknown zone. */
export function localTime(ms: number, zone: string): LocalTime {
  const reading = new Date(readingAt(ms, zone));
  const text = reading.toISOString();
  return { date: text.slice(0, 10), time: text.slice(11, 16), weekday: reading.getUTCDay() };
}

/**
 * The moment (epoch ms) at which the clock in `zone` shows `date` `time`. Undefined when it never does: the hour skipped in spring, or no
 * such date. In the hour that comes twice in autumn it is the first one.
 */
export function instantOf(date: string, time: string, zone: string): number | undefined {
  const wanted = Date.parse(`${date}T${time}:00Z`);
  if (Number.isNaN(wanted) || new Date(wanted).toISOString().slice(0, 10) !== date) return undefined;
  let first: number | undefined;
  // The offset before and after any change nearby; zones change by far less than a day, and not twice in two days.
  for (const near of [wanted - DAY_MS, wanted + DAY_MS]) {
    const candidate = wanted - (readingAt(near, zone) - near);
    if (readingAt(candidate, zone) === wanted && (first === undefined || candidate < first)) first = candidate;
  }
  return first;
}

/** The date `days` later; both YYYY-MM-DD. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** 0 (Sunday) to 6 of a date YYYY-MM-DD. */
export function weekdayOf(date: string): number {
  return new Date(`${date}T00:00:00Z`).getUTCDay();
}

/** As one would say it: "Monday, November 24 at 9:00 AM". */
export function spoken(ms: number, zone: string, locale = 'en-US'): string {
  const day = new Intl.DateTimeFormat(locale, { timeZone: zone, weekday: 'long', month: 'long', day: 'numeric' });
  const hour = new Intl.DateTimeFormat(locale, { timeZone: zone, hour: 'numeric', minute: '2-digit' });
  // ICU puts a narrow no-break space before AM and PM.
  return `${day.format(ms)} at ${hour.format(ms)}`.replaceAll('\u202f', ' ');
}
