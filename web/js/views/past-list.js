import { fill, h, keyed, setText } from '../lib/dom.js';
import { cost, count, duration, when } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { roving } from '../lib/roving.js';
import { filtersOf, searchOf } from '../model/past-filters.js';
import { carrierWords, partyWords, reasonWords, results, resultTone, resultWords } from '../model/words.js';
import { go, routeTo } from '../router.js';
import { wordsOf } from './notices.js';

/** @typedef {import('../api.js').Api} Api */

const PAGE = 50;
/** Rows shown at most; whoever looks for an older call narrows the search. */
const MOST = 500;
const TYPING_MS = 300;

/** @param {Api} api */
export function createPastList(api) {
  const text = input('Words', { name: 'text', type: 'search', placeholder: 'Words that were said', maxLength: 200 });
  const number = input('Number', {
    name: 'number',
    type: 'search',
    inputMode: 'tel',
    placeholder: '+1555… or last digits',
    maxLength: 40,
  });
  const result = h(
    'select',
    { name: 'result', class: 'select', id: 'filter-result' },
    h('option', { value: '' }, 'Any result'),
    results.map(([value, words]) => h('option', { value }, words)),
  );
  const since = input('From', { name: 'since', type: 'date' });
  const until = input('To', { name: 'until', type: 'date' });
  const clear = h('button', { type: 'button', class: 'button clear' }, 'Clear');
  // On a narrow screen the search alone is shown at first.
  const others = h(
    'button',
    { type: 'button', class: 'button more-filters', 'aria-expanded': 'false' },
    'More filters',
  );
  const filters = h(
    'form',
    { class: 'filters', role: 'search', 'aria-label': 'Past calls' },
    text.element,
    others,
    number.element,
    h('div', { class: 'field' }, h('label', { htmlFor: 'filter-result' }, 'Result'), result),
    since.element,
    until.element,
    clear,
  );
  const fields = [text.input, number.input, result, since.input, until.input];
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
    h('h2', { id: 'past-title' }, 'Past calls'),
    filters,
    table,
    status,
    h('div', { class: 'more' }, more),
  );
  const keys = roving(body, 'a');

  /** @type {any[]} */
  let records = [];
  /** @type {string | undefined} */
  let cursor;
  /** @type {string | undefined} */
  let loaded;
  let query = new URLSearchParams();
  /** @type {AbortController | undefined} */
  let running;

  const draw = () => {
    keyed(body, records, (record) => record.id, createRow);
    table.hidden = records.length === 0;
    more.hidden = cursor === undefined || records.length >= MOST;
    keys.refresh();
  };
  const load = async (/** @type {boolean} */ next) => {
    running?.abort();
    const abort = new AbortController();
    running = abort;
    if (!next) cursor = undefined;
    more.disabled = true;
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
      more.disabled = false;
    }
  };

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  const filter = () => go(routeTo('calls', undefined, filtersOf(new FormData(filters))), { replace: true });
  filters.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(filter, TYPING_MS);
  });
  filters.addEventListener('submit', (event) => {
    event.preventDefault();
    clearTimeout(typing);
    filter();
  });
  others.addEventListener('click', () => {
    others.setAttribute('aria-expanded', String(filters.classList.toggle('open')));
  });
  clear.addEventListener('click', () => {
    filters.reset();
    for (const one of fields) one.value = '';
    filter();
    text.input.focus();
  });
  more.addEventListener('click', () => void load(true));

  return {
    element,
    /** @param {URLSearchParams} wanted */
    show(wanted) {
      const key = wanted.toString();
      for (const one of fields) if (document.activeElement !== one) one.value = wanted.get(one.name) ?? '';
      clear.disabled = key === '';
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

/** @param {string} label @param {Record<string, unknown>} props */
function input(label, props) {
  const id = `filter-${String(props['name'])}`;
  const element = h('input', { id, autocomplete: 'off', spellcheck: false, ...props });
  return { input: element, element: h('div', { class: 'field' }, h('label', { htmlFor: id }, label), element) };
}

/** @param {any} first */
function createRow(first) {
  const link = h('a', { href: routeTo('calls', first.id), tabIndex: -1 });
  const about = h('span', { class: 'muted about' });
  const began = h('td', { class: 'numeric', dataset: { label: 'Began' } });
  const took = h('td', { class: 'numeric right', dataset: { label: 'Duration' } });
  const turns = h('td', { class: 'numeric right', dataset: { label: 'Turns' } });
  const price = h('td', { class: 'numeric right', dataset: { label: 'Cost' } });
  const dot = h('span', { class: 'dot', 'aria-hidden': 'true' });
  const end = h('span');
  const element = h(
    'tr',
    {},
    h('td', { class: 'who-cell' }, link, about),
    began,
    took,
    turns,
    price,
    h('td', { class: 'end-cell', dataset: { label: 'Ended' } }, dot, end),
  );
  element.addEventListener('click', (event) => {
    if (!(event.target instanceof HTMLAnchorElement) && getSelection()?.isCollapsed !== false) link.click();
  });
  return {
    element,
    /** @param {any} record */
    update(record) {
      const outbound = record.direction === 'outbound';
      setText(link, partyWords(record));
      fill(
        about,
        [outbound ? 'Outbound' : 'Inbound', carrierWords(record.carrier ?? undefined), record.prompt]
          .filter(Boolean)
          .join(' · '),
        record.recording?.file || record.recording?.durationMs ? icon('record') : undefined,
      );
      setText(began, when(Date.parse(record.startedAt)));
      setText(took, record.durationMs === null ? '–' : duration(record.durationMs));
      setText(turns, String(record.turns ?? ''));
      setText(price, cost(record.cost, record.currency ?? 'USD') || '–');
      const going = record.endedAt === null;
      dot.dataset['tone'] = going ? 'warning' : resultTone(record.result);
      setText(end, going ? 'Going on' : reasonWords(record.reason ?? undefined));
      end.title = going ? '' : resultWords(record.result ?? undefined);
    },
  };
}
