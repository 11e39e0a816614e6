import { FAILED } from './past-filters.js';
import { SLOW_MS } from './slow.js';

/** What the overview asks for, and where each of its figures leads. */

/**
 * @typedef {object} Figures
 * @property {number} calls
 * @property {number} active
 * @property {number} failed
 * @property {number} durationMs
 * @property {number | null} cost null where it is in several currencies
 * @property {Array<{ currency: string, cost: number }>} costs
 * @property {number} unpriced
 * @property {number} turns
 * @property {number} bargeIns
 * @property {number} toolCalls
 * @property {number} tokensIn
 * @property {number} tokensCached
 * @property {number} tokensOut
 * @property {{ count: number, p50Ms: number | null, p95Ms: number | null, p50FromMs: number | null, p95FromMs: number | null }} answers
 *
 * @typedef {Figures & { from: string, to: string, refused: number }} Slot
 * @typedef {Figures & { name: string | null }} Named
 *
 * @typedef {object} Overview as `GET /records/overview` has it
 * @property {string} since
 * @property {string} until
 * @property {'hour' | 'day'} step
 * @property {Figures & { refused: number }} totals
 * @property {Slot[]} slots
 * @property {Named[]} prompts
 * @property {Named[]} routes
 * @property {Named[]} carriers
 * @property {Named[]} models
 * @property {Array<{ result: string, reason: string, calls: number }>} failures
 * @property {Array<{ reason: string, calls: number }>} refused
 * @property {Array<{ currency: string, cost: number }>} costs
 * @property {boolean} isCut
 */

const HOUR_MS = 3_600_000;

/** The times that can be chosen: how many whole days before today there are in each. */
export const PERIODS = /** @type {const} */ ([
  ['day', '24 hours'],
  ['week', '7 days'],
  ['month', '30 days'],
  ['quarter', '90 days'],
]);
const DAYS = { day: 1, week: 7, month: 30, quarter: 90 };

/** The filters that an overview may have beside its time. */
export const NARROWED = /** @type {const} */ (['prompt', 'route', 'carrier']);

/**
 * The question for the daemon. Hours end with the one that goes on, days with today.
 * @param {URLSearchParams} query of the page
 * @param {number} now ms since 1970
 */
export function overviewQuery(query, now) {
  const period = query.get('period');
  const name = period !== null && Object.hasOwn(DAYS, period) ? /** @type {keyof typeof DAYS} */ (period) : 'day';
  const days = DAYS[name];
  const asked = new URLSearchParams({
    since: new Date(days === 1 ? startOfHour(now) - 23 * HOUR_MS : startOfDay(now, 1 - days)).toISOString(),
    until: new Date(days === 1 ? startOfHour(now) + HOUR_MS : startOfDay(now, 1)).toISOString(),
    step: days === 1 ? 'hour' : 'day',
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  });
  for (const filter of NARROWED) {
    const value = query.get(filter);
    if (value) asked.set(filter, value);
  }
  return { period: name, asked };
}

/** @param {number} now @param {number} days later */
function startOfDay(now, days) {
  const day = new Date(now);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + days).getTime();
}

/** @param {number} now */
function startOfHour(now) {
  return new Date(now).setMinutes(0, 0, 0);
}

/**
 * The filters of past calls for a figure: of the time and the filters that the overview has, and what the figure counts.
 * @param {URLSearchParams} query of the page
 * @param {{ since: string, until: string }} span
 * @param {Record<string, string | number | null>} of what the figure counts; null: of it there are no calls to be found
 */
export function callsOf(query, { since, until }, of = {}) {
  const filters = new URLSearchParams({ since, until, counted: 'true' });
  for (const name of NARROWED) {
    const value = query.get(name);
    if (value) filters.set(name, value);
  }
  for (const [name, value] of Object.entries(of)) {
    if (value === null) return undefined;
    filters.set(name, String(value));
  }
  return filters;
}

/**
 * Calls with an answer as slow as a percentile of all answers, or slower; undefined where there is no answer.
 * @param {number | null} fromMs where the part of the histogram begins that it was read off: beyond the percentile itself there may be none
 */
export const slowerThan = (fromMs) => (fromMs === null ? undefined : { slowMs: String(fromMs) });

/**
 * What the slots cost in each currency that there is: sums of different ones there are none.
 * @param {Pick<Overview, 'slots' | 'costs'>} overview
 */
export const costsByCurrency = ({ slots, costs }) =>
  costs.map(({ currency }) => ({
    currency,
    values: slots.map((slot) => slot.costs.find((one) => one.currency === currency)?.cost ?? 0),
  }));

/** What each count of a row leads to. */
export const COUNTED = /** @type {const} */ ({
  calls: {},
  failed: { result: FAILED },
  bargeIns: { interrupted: 'true' },
  slow: { slowMs: String(SLOW_MS) },
});

/** The smallest round number that all values fit under: 1, 2 or 5 with zeros. @param {number} most */
export function scaleTop(most) {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((n) => n * power).find((top) => top >= most) ?? most;
}
