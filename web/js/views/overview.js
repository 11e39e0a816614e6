import { fill, h, setAttribute, setText } from '../lib/dom.js';
import { refill } from '../lib/refill.js';
import { callsOf, NARROWED, overviewQuery, PERIODS } from '../model/overview.js';
import { refusalCure, refusalWords } from '../model/refusals.js';
import { carrierWords, reasonWords, resultWords } from '../model/words.js';
import { go, routeTo } from '../router.js';
import { wordsOf } from './notices.js';
import { overviewFigures } from './overview-figures.js';
import { namesTable, reasonsList, refusedTable } from './overview-lists.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../model/overview.js').Overview} Overview
 */

/** Refused callers of a page. */
const REFUSED = 50;

/** What calls come to: figures, pictures over time, and lists, each of which leads to its calls. @param {{ api: Api }} options */
export function createOverview({ api }) {
  const spans = PERIODS.map(([name, words]) => ({ name, link: h('a', {}, words) }));
  const periods = h(
    'div',
    { class: 'segmented', role: 'group', 'aria-label': 'Time' },
    spans.map(({ link }) => link),
  );
  const chips = h('div', { class: 'chips' });
  const status = h('p', { class: 'list-status muted', role: 'status' });
  const content = h('div', { class: 'overview-content' });
  const element = h(
    'section',
    { class: 'overview', 'aria-labelledby': 'overview-title' },
    h('div', { class: 'overview-head' }, h('h2', { id: 'overview-title' }, 'Overview'), periods),
    chips,
    status,
    content,
  );
  let query = new URLSearchParams();
  /** @type {AbortController | undefined} */
  let running;

  /** @param {Record<string, string | undefined>} change */
  const address = (change) => {
    const next = new URLSearchParams(query);
    for (const [name, value] of Object.entries(change)) {
      if (value === undefined) next.delete(name);
      else next.set(name, value);
    }
    return routeTo('overview', undefined, next);
  };

  const load = async () => {
    running?.abort();
    const abort = new AbortController();
    running = abort;
    const { period, asked } = overviewQuery(query, Date.now());
    for (const { name, link } of spans) {
      link.href = address({ period: name });
      setAttribute(link, 'aria-current', name === period ? 'true' : undefined);
    }
    showChips();
    setText(status, content.childElementCount === 0 ? 'Loading …' : '');
    try {
      /** @type {Overview} */
      const overview = await api.get(`records/overview?${asked}`, { signal: abort.signal });
      const reason = query.get('refused');
      const ask = (/** @type {string} */ before = '') => refusedCallers(overview, reason ?? '', before, abort.signal);
      const refused = reason === null ? undefined : { page: await ask(), older: ask };
      draw(overview, refused);
      setText(status, overview.isCut ? 'Names with few calls are left out.' : '');
    } catch (error) {
      if (abort.signal.aborted) return;
      fill(content);
      setText(status, wordsOf(error));
    }
  };

  /**
   * @param {Overview} overview
   * @param {string} reason empty: any
   * @param {string} before the `next` of the page before; empty: the first page
   * @param {AbortSignal} signal
   * @returns {Promise<import('./overview-lists.js').RefusedPage>}
   */
  const refusedCallers = async (overview, reason, before, signal) => {
    // Of one hour or day, where a bar led here.
    const since = query.get('from') ?? overview.since;
    const until = query.get('to') ?? overview.until;
    const asked = new URLSearchParams({ since, until, limit: String(REFUSED), ...(reason === '' ? {} : { reason }) });
    // As the overview counts them.
    const carrier = query.get('carrier');
    if (carrier) asked.set('carrier', carrier);
    if (before !== '') asked.set('before', before);
    return api.get(`records/refused?${asked}`, { signal });
  };

  const showChips = () => {
    const set = NARROWED.flatMap((name) => {
      const value = query.get(name);
      return value ? [{ name, value }] : [];
    });
    fill(
      chips,
      set.map(({ name, value }) => {
        const words =
          name === 'carrier' ? (carrierWords(value) ?? value) : `${name === 'route' ? 'Route' : 'Prompt'} ${value}`;
        return h(
          'button',
          {
            type: 'button',
            class: 'chip',
            'aria-label': `${words}: take this filter away`,
            onclick: () => {
              go(address({ [name]: undefined }));
              // It is gone with its filter: the keyboard goes on beside where it was.
              spans.find(({ link }) => link.getAttribute('aria-current') === 'true')?.link.focus();
            },
          },
          words,
          ' ×',
        );
      }),
    );
    chips.hidden = set.length === 0;
  };

  /** @param {Overview} overview @param {Pick<Parameters<typeof refusedTable>[0], 'page' | 'older'> | undefined} refused callers of a link, where one asked for them */
  const draw = (overview, refused) => {
    const links = {
      address,
      link: (
        /** @type {Record<string, string | number | null>} */ of,
        span = /** @type {{ since: string, until: string }} */ (overview),
      ) => {
        const filters = callsOf(query, { ...overview, ...span }, of);
        return filters === undefined ? undefined : routeTo('calls', undefined, filters);
      },
    };
    const known = (/** @type {string} */ name) => name;
    refill(
      content,
      overviewFigures(overview, links),
      h(
        'div',
        { class: 'overview-lists' },
        reasonsList('Why calls failed', overview.failures, ({ result, reason }) => ({
          words: reasonWords(reason),
          about: resultWords(result),
          href: links.link({ reason }),
        })),
        reasonsList('Why callers were refused', overview.refused, ({ reason }) => ({
          words: refusalWords(reason),
          about: refusalCure(reason),
          href: address({ refused: reason, from: undefined, to: undefined }),
        })),
      ),
      refused === undefined
        ? undefined
        : refusedTable({
            ...refused,
            from: query.get('from'),
            close: address({ refused: undefined, from: undefined, to: undefined }),
          }),
      namesTable({ title: 'Prompts', filter: 'prompt', list: overview.prompts, says: known }, links),
      namesTable({ title: 'Routes', filter: 'route', list: overview.routes, says: known }, links),
      namesTable(
        {
          title: 'Carriers',
          filter: 'carrier',
          list: overview.carriers,
          says: (name) => carrierWords(name) ?? name,
        },
        links,
      ),
    );
  };

  return {
    element,
    /** @param {URLSearchParams} wanted */
    show(wanted) {
      query = wanted;
      void load();
    },
    /** After signing in. */
    refresh() {
      if (element.isConnected) void load();
    },
  };
}
