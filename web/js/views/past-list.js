import { isBusy, setBusy } from '../lib/busy.js';
import { fill, h, keyed, setText } from '../lib/dom.js';
import { count, when } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { roving } from '../lib/roving.js';
import { chipsOf, filtersOf, searchOf } from '../model/past-filters.js';
import { carrierWords, reasonWords } from '../model/words.js';
import { go, routeTo } from '../router.js';
import { notify, wordsOf } from './notices.js';
import { createRow } from './past-row.js';
import { createPastSearch } from './past-search.js';
import { saveFrom } from './save.js';

/** @typedef {import('../api.js').Api} Api */

const PAGE = 50;
/** Rows shown at most; whoever looks for an older call narrows the search. */
const MOST = 500;

/** @param {Api} api */
export function createPastList(api) {
  let query = new URLSearchParams();
  const search = createPastSearch(api, {
    asked: (data) => go(routeTo('calls', undefined, filtersOf(data, query)), { replace: true }),
    cleared() {
      query = new URLSearchParams();
      go(routeTo('calls'), { replace: true });
    },
  });
  const chips = h('div', { class: 'chips', hidden: true });
  const saves = [
    ['csv', 'Save as CSV'],
    ['json', 'Save as JSON'],
  ].map(([format = '', words]) =>
    h(
      'button',
      { type: 'button', class: 'button', onclick: (/** @type {Event} */ event) => void save(event, format) },
      icon('download'),
      words,
    ),
  );
  const body = h('tbody');
  const table = h(
    'table',
    { class: 'records' },
    h('caption', { class: 'visually-hidden' }, 'Past calls, the newest first'),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ['Call', 'Began', 'Duration', 'Turns', 'Cost', 'Ended'].map((name) =>
          h('th', { scope: 'col', class: NUMERIC.has(name) ? 'right' : '' }, name),
        ),
      ),
    ),
    body,
  );
  const status = h('p', { class: 'list-status muted', role: 'status' });
  const more = h('button', { type: 'button', class: 'button', hidden: true }, 'Show older calls');
  const element = h(
    'section',
    { class: 'past-list', 'aria-labelledby': 'past-title' },
    h(
      'div',
      { class: 'past-head' },
      h('h2', { id: 'past-title' }, 'Past calls'),
      h('div', { class: 'past-saves' }, saves),
    ),
    search.element,
    chips,
    table,
    status,
    h('div', { class: 'more' }, more),
  );
  const keys = roving(body, 'a');
  /** Saves all that the search finds. @param {Event} event @param {string} format */
  const save = async ({ currentTarget }, format) => {
    const button = /** @type {HTMLButtonElement} */ (currentTarget);
    if (isBusy(button)) return;
    setBusy(button, true);
    try {
      await saveFrom(api, `records/export?${searchOf(query, { format })}`, `calls.${format}`);
    } catch (error) {
      notify(`The calls cannot be saved. ${wordsOf(error)}`, 'error');
    } finally {
      setBusy(button, false);
    }
  };

  /** @type {any[]} */
  let records = [];
  /** @type {string | undefined} */
  let cursor;
  /** @type {string | undefined} */
  let loaded;
  /** @type {AbortController | undefined} */
  let running;

  const draw = () => {
    const words = query.get('text');
    keyed(
      body,
      records,
      // A row of another search leads elsewhere.
      (record) => `${record.id} ${record.hit?.eventId ?? ''}`,
      (record) => createRow(record, words),
    );
    table.hidden = records.length === 0;
    more.hidden = cursor === undefined || records.length >= MOST;
    keys.refresh();
  };
  const load = async (/** @type {boolean} */ next) => {
    running?.abort();
    const abort = new AbortController();
    running = abort;
    if (!next) cursor = undefined;
    setBusy(more, true);
    setText(status, records.length === 0 ? 'Loading …' : '');
    try {
      const answer = await api.get(`records?${searchOf(query, { limit: PAGE, cursor })}`, { signal: abort.signal });
      const page = answer.records;
      records = next ? [...records, ...page] : page;
      cursor = answer.next ?? undefined;
      draw();
      const none = [...query].length === 0 ? 'No calls are recorded yet.' : 'No call matches this search.';
      setText(
        status,
        records.length === 0
          ? none
          : records.length >= MOST
            ? 'Only the newest are shown. Narrow the search to find older calls.'
            : count(records.length, 'call') + (cursor === undefined ? '' : ' so far'),
      );
    } catch (error) {
      if (abort.signal.aborted) return;
      loaded = undefined;
      if (!next) records = [];
      draw();
      setText(status, wordsOf(error));
    } finally {
      setBusy(more, false);
    }
  };

  more.addEventListener('click', () => {
    if (!isBusy(more)) void load(true);
  });

  /** What a link asked for and no field shows. @param {URLSearchParams} wanted */
  const showChips = (wanted) => {
    const list = chipsOf(wanted, { carrier: (name) => carrierWords(name) ?? name, reason: reasonWords, when });
    chips.hidden = list.length === 0;
    fill(
      chips,
      list.map(({ name, text: says }) => {
        const next = new URLSearchParams(wanted);
        next.delete(name);
        const away = () => go(routeTo('calls', undefined, next), { replace: true });
        return h(
          'button',
          { type: 'button', class: 'chip', 'aria-label': `${says}: take this filter away`, onclick: away },
          says,
          ' ×',
        );
      }),
    );
  };

  return {
    element,
    /** @param {URLSearchParams} wanted */
    show(wanted) {
      const key = wanted.toString();
      search.show(wanted);
      showChips(wanted);
      // A list that is come back to is asked for anew behind what is shown, since calls ended meanwhile; a longer one is left alone.
      if (key === loaded && records.length > PAGE) return;
      loaded = key;
      query = wanted;
      void load(false);
    },
    forget() {
      loaded = undefined;
    },
    /** The address of the list as it is now. */
    address: () => routeTo('calls', undefined, query),
  };
}

const NUMERIC = new Set(['Duration', 'Turns', 'Cost']);
