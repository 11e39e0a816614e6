/** The filters of past calls, as the address of the page keeps them and as the daemon takes them. */

/** Those that a form has. */
export const FILTERS = /** @type {const} */ ([
  'text',
  'number',
  'result',
  'since',
  'until',
  'prompt',
  'tool',
  'slowMs',
  'interrupted',
  'cost',
]);

/** Those that only a link brings; each is shown, and can be taken away. */
export const LINKED = /** @type {const} */ (['route', 'carrier', 'reason', 'counted']);

/** A choice of results that means all but one. */
export const FAILED = 'failed';

const MOMENT = /^\d{4}-\d{2}-\d{2}T/;

/**
 * What a form says, without what is empty; what only a link can say is kept from before.
 * @param {FormData} form
 * @param {URLSearchParams} [before]
 */
export function filtersOf(form, before = new URLSearchParams()) {
  const query = new URLSearchParams();
  for (const name of FILTERS) {
    const value = String(form.get(name) ?? '').trim();
    const linked = before.get(name) ?? '';
    if (value !== '') query.set(name, value);
    // A field for a day cannot show an hour.
    else if (MOMENT.test(linked)) query.set(name, linked);
  }
  for (const name of LINKED) {
    const value = before.get(name);
    if (value) query.set(name, value);
  }
  return query;
}

/**
 * The query of `GET /records` and its export. Days are those of this machine's time zone; the last one is meant with all its hours.
 * @param {URLSearchParams} filters
 * @param {Record<string, string | number | undefined>} more such as `limit`
 */
export function searchOf(filters, { limit, ...more }) {
  const query = new URLSearchParams(limit === undefined ? [] : [['limit', String(limit)]]);
  for (const name of [...FILTERS, ...LINKED]) {
    const value = filters.get(name);
    if (!value || name === 'since' || name === 'until') continue;
    if (name === 'result' && value === FAILED) query.set('failed', 'true');
    else query.set(name, name === 'number' && !value.includes(':') ? value.replace(/[^\d+]/g, '') : value);
  }
  const from = momentOf(filters.get('since'), 0);
  const to = momentOf(filters.get('until'), 1);
  if (from !== undefined) query.set('since', from);
  if (to !== undefined) query.set('until', to);
  for (const [name, value] of Object.entries(more)) if (value !== undefined) query.set(name, String(value));
  return query.toString();
}

/** @param {string | null} text "2026-03-01", or a moment @param {number} later days @returns {string | undefined} ISO 8601 */
function momentOf(text, later) {
  if (text !== null && MOMENT.test(text) && !Number.isNaN(Date.parse(text))) return new Date(text).toISOString();
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text ?? '') ?? [];
  if (year === undefined) return undefined;
  const at = new Date(Number(year), Number(month) - 1, Number(date) + later);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/**
 * What of the filters no field of the form shows, for people: each with its name, to be taken away.
 * @param {URLSearchParams} filters
 * @param {{ carrier(name: string): string, reason(name: string): string, when(ms: number): string }} words
 * @returns {Array<{ name: string, text: string }>}
 */
export function chipsOf(filters, words) {
  const chips = [];
  const linked = /** @type {const} */ ([
    ['route', (/** @type {string} */ route) => `Route ${route}`],
    ['carrier', words.carrier],
    ['reason', words.reason],
    ['counted', () => 'As the overview counts'],
    ['since', (/** @type {string} */ text) => `From ${words.when(Date.parse(text))}`],
    ['until', (/** @type {string} */ text) => `Until ${words.when(Date.parse(text))}`],
  ]);
  for (const [name, say] of linked) {
    const value = filters.get(name);
    if (!value || (['since', 'until'].includes(name) && !MOMENT.test(value))) continue;
    chips.push({ name, text: say(value) });
  }
  return chips;
}
