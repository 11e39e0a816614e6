/** Values as people read them. */

/** Ms as "0:07", "12:34", "1:02:03". @param {number} ms */
export function duration(ms) {
  const all = Math.max(0, Math.floor(ms / 1000));
  const seconds = String(all % 60).padStart(2, '0');
  const minutes = Math.floor(all / 60) % 60;
  const hours = Math.floor(all / 3600);
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`;
}

/** Ms as "1 minute 5 seconds", for those who hear it. @param {number} ms */
export function spokenDuration(ms) {
  const all = Math.max(0, Math.floor(ms / 1000));
  const parts = [
    [Math.floor(all / 3600), 'hour'],
    [Math.floor(all / 60) % 60, 'minute'],
    [all % 60, 'second'],
  ];
  const said = parts.filter(([n]) => Number(n) > 0).map(([n, unit]) => `${n} ${unit}${n === 1 ? '' : 's'}`);
  return said.length === 0 ? '0 seconds' : said.join(' ');
}

/** A delay: "840 ms", "2.31 s". @param {number} ms */
export function delay(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const sameYear = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});

/** @param {number} at ms since 1970 */
export function timeOfDay(at) {
  return time.format(at);
}

/**
 * A time as far as it must be said: today only the hour, this year without the year.
 * @param {number} at ms since 1970
 * @param {number} [now]
 */
export function when(at, now = Date.now()) {
  const [a, b] = [new Date(at), new Date(now)];
  if (a.toDateString() === b.toDateString()) return time.format(at);
  return a.getFullYear() === b.getFullYear() ? sameYear.format(at) : dateTime.format(at);
}

/**
 * A number of the North American plan as people there write it; others in groups after the plus sign's code are not guessed at.
 * @param {string | undefined} number
 */
export function phoneNumber(number) {
  if (number === undefined || number === '') return 'Unknown number';
  const nanp = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  return nanp === null ? number : `+1 ${nanp[1]} ${nanp[2]} ${nanp[3]}`;
}

/**
 * Money, with more digits the less it is, since a short call costs parts of a cent.
 * @param {number | null | undefined} amount
 * @param {string} [currency]
 */
export function cost(amount, currency = 'USD') {
  if (amount === undefined || amount === null || !Number.isFinite(amount)) return '';
  const digits = amount !== 0 && amount < 0.1 ? 4 : 2;
  return new Intl.NumberFormat(undefined, { style: 'currency', currency, minimumFractionDigits: digits }).format(
    amount,
  );
}

/** Money in the currencies that it is in, which are never added up. @param {ReadonlyArray<{ currency: string, cost: number }>} costs */
export const moneyWords = (costs) => costs.map((one) => cost(one.cost, one.currency)).join(', ');

const COMPACT = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });

/** A number in few characters: "1.2K". @param {number} n */
export const compact = (n) => COMPACT.format(n);

/** @param {number} n */
export function bytes(n) {
  if (n < 1_000_000) return `${Math.round(n / 1000)} kB`;
  return `${(n / 1_000_000).toFixed(n < 10_000_000 ? 1 : 0)} MB`;
}

/** How long ago, in the one unit that matters: "just now", "3 minutes ago". @param {number} at ms since 1970 @param {number} [now] */
export function ago(at, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 10) return 'just now';
  if (seconds < 60) return `${seconds} seconds ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${count(minutes, 'minute')} ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${count(hours, 'hour')} ago` : `${count(Math.round(hours / 24), 'day')} ago`;
}

/** @param {number} n @param {string} one @param {string} [many] */
export function count(n, one, many = `${one}s`) {
  return `${n} ${n === 1 ? one : many}`;
}

/** JSON indented; what is no JSON as it is. @param {string} text */
export function prettyJson(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** How much of a meter a level fills, 0 to 1: -60 dBFS is nothing, 0 dBFS all. @param {number | null | undefined} dbfs */
export function meterFill(dbfs) {
  return dbfs === undefined || dbfs === null || !Number.isFinite(dbfs) ? 0 : Math.min(1, Math.max(0, (dbfs + 60) / 60));
}
