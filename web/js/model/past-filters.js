/** The filters of past calls, as the address of the page keeps them and as the daemon takes them. */

export const FILTERS = /** @type {const} */ (['text', 'number', 'result', 'since', 'until']);

/** What a form says, without what is empty. @param {FormData} form */
export function filtersOf(form) {
  const query = new URLSearchParams();
  for (const name of FILTERS) {
    const value = String(form.get(name) ?? '').trim();
    if (value !== '') query.set(name, value);
  }
  return query;
}

/**
 * The query of `GET /records`. Days are those of this machine's time zone; the last one is meant with all its hours.
 * @param {URLSearchParams} filters
 * @param {{ limit: number, cursor?: string | undefined }} page
 */
export function searchOf(filters, { limit, cursor }) {
  const query = new URLSearchParams({ limit: String(limit) });
  for (const name of /** @type {const} */ (['text', 'number', 'result'])) {
    const value = filters.get(name);
    if (value) query.set(name, name === 'number' && !value.includes(':') ? value.replace(/[^\d+]/g, '') : value);
  }
  const from = startOfDay(filters.get('since'), 0);
  const to = startOfDay(filters.get('until'), 1);
  if (from !== undefined) query.set('since', from);
  if (to !== undefined) query.set('until', to);
  if (cursor !== undefined) query.set('cursor', cursor);
  return query.toString();
}

/** @param {string | null} day "2026-03-01" @param {number} later days @returns {string | undefined} ISO 8601 */
function startOfDay(day, later) {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day ?? '') ?? [];
  if (year === undefined) return undefined;
  const at = new Date(Number(year), Number(month) - 1, Number(date) + later);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
