import { isBusy, setBusy } from '../lib/busy.js';
import { fill, h, setText } from '../lib/dom.js';
import { compact, delay, duration, moneyWords, phoneNumber, when } from '../lib/format.js';
import { createTable } from '../lib/table.js';
import { COUNTED } from '../model/overview.js';
import { refusalWords } from '../model/refusals.js';
import { SLOW_MS } from '../model/slow.js';
import { carrierWords } from '../model/words.js';
import { wordsOf } from './notices.js';

/**
 * @typedef {import('../model/overview.js').Named} Named
 * @typedef {{ refused: any[], next: string | null }} RefusedPage `next`: what asks for the page behind it; null: there is none
 */

/** Names of one list that are shown until somebody asks for all. */
const NAMES = 12;

const ms = (/** @type {number | null} */ value) => (value === null ? '–' : delay(value));

/**
 * What calls come to by a name that they have.
 * @param {{ title: string, filter: 'prompt' | 'route' | 'carrier', list: readonly Named[], says: (name: string) => string }} options
 * @param {import('./overview-figures.js').Links} links
 */
export function namesTable({ title, filter, list, says }, { link, address }) {
  if (list.length === 0) return undefined;
  const id = `overview-${filter}`;
  const linked = (/** @type {number} */ n, /** @type {Record<string, string | number | null>} */ of) => {
    const href = n === 0 ? undefined : link(of);
    return href === undefined ? String(n) : h('a', { href }, String(n));
  };
  const tokens = (/** @type {Named} */ row, /** @type {Record<string, string | null>} */ of) => {
    const words = compact(row.tokensIn + row.tokensOut);
    const href = row.calls === 0 ? undefined : link(of);
    const about = `${compact(row.tokensIn)} in, of them ${compact(row.tokensCached)} cached, ${compact(row.tokensOut)} out`;
    return href === undefined ? words : h('a', { href, title: about }, words);
  };
  const table = createTable(
    [
      { name: 'Name' },
      ...['Calls', 'Failed', 'Slow', 'Answer p50', 'p95', 'Time', 'Tokens', 'Cost'].map((name) => ({
        name,
        class: 'right',
      })),
    ],
    { 'aria-labelledby': id },
  );
  const rowOf = (/** @type {Named} */ row) => {
    const of = { [filter]: row.name };
    const slow = row.name === null || row.answers.count === 0 ? undefined : link({ ...of, ...COUNTED.slow });
    return table.row([
      row.name === null
        ? 'Not known'
        : h('a', { href: address({ [filter]: row.name }), title: 'The overview of these alone' }, says(row.name)),
      linked(row.calls, of),
      linked(row.failed, { ...of, ...COUNTED.failed }),
      slow === undefined
        ? '–'
        : h(
            'a',
            { href: slow, 'aria-label': `Calls of ${row.name} with an answer of ${SLOW_MS / 1000} s or more` },
            'show',
          ),
      ms(row.answers.p50Ms),
      ms(row.answers.p95Ms),
      duration(row.durationMs),
      tokens(row, of),
      row.costs.length === 0 ? '–' : moneyWords(row.costs),
    ]);
  };
  fill(table.body, list.slice(0, NAMES).map(rowOf));
  // The same button takes the others away again, so that the keyboard stays where it is.
  const all = h('button', { type: 'button', class: 'button', 'aria-expanded': 'false' }, `Show all ${list.length}`);
  all.addEventListener('click', () => {
    const isOpen = all.getAttribute('aria-expanded') === 'true';
    fill(table.body, (isOpen ? list.slice(0, NAMES) : list).map(rowOf));
    all.setAttribute('aria-expanded', String(!isOpen));
    setText(all, isOpen ? `Show all ${list.length}` : `Show the first ${NAMES} alone`);
  });
  return h(
    'section',
    { class: 'card', 'aria-labelledby': id },
    h('h3', { id }, title),
    table.element,
    list.length > NAMES ? all : undefined,
  );
}

/**
 * Why something was so, the most frequent reason first.
 * @template {{ calls: number }} T
 * @param {string} title
 * @param {ReadonlyArray<T>} list
 * @param {(one: T) => { words: string, about: string, href: string | undefined }} says
 */
export function reasonsList(title, list, says) {
  const most = Math.max(1, ...list.map(({ calls }) => calls));
  return h(
    'section',
    { class: 'card', 'aria-label': title },
    h('h3', {}, title),
    list.length === 0 ? h('p', { class: 'muted' }, 'None in this time.') : undefined,
    h(
      'ul',
      { class: 'reasons' },
      list.map((one) => {
        const { words, about, href } = says(one);
        const bar = h('i', { class: 'reason-bar', 'aria-hidden': 'true' });
        bar.style.width = `${(100 * one.calls) / most}%`;
        return h(
          'li',
          {},
          h(
            'span',
            { class: 'reason-words' },
            words,
            about === '' ? undefined : h('span', { class: 'muted' }, ` ${about}`),
          ),
          href === undefined
            ? h('span', { class: 'numeric' }, String(one.calls))
            : h('a', { class: 'numeric', href, 'aria-label': `${words}: ${one.calls}` }, String(one.calls)),
          bar,
        );
      }),
    ),
  );
}

/**
 * Who was refused, the newest first.
 * @param {object} options
 * @param {RefusedPage} options.page the first
 * @param {(before: string) => Promise<RefusedPage>} options.older the page behind one, by its `next`
 * @param {string | null} options.from when the hour or day begins that they are of; null: all of them
 * @param {string} options.close
 */
export function refusedTable({ page, older, from, close }) {
  const id = 'refused-title';
  const table = createTable(
    ['When', 'Who', 'Called', 'By', 'Why'].map((name) => ({ name })),
    { 'aria-labelledby': id },
  );
  const rowsOf = (/** @type {any[]} */ callers) =>
    callers.map((one) =>
      table.row([
        when(Date.parse(one.at)),
        one.calls > 1 ? `${one.calls} callers` : phoneNumber(one.from ?? undefined),
        one.to === null ? '' : phoneNumber(one.to),
        carrierWords(one.carrier ?? undefined) ?? '',
        refusalWords(one.reason),
      ]),
    );
  const problem = h('p', { class: 'form-problem', role: 'alert' });
  const heading = h(
    'h3',
    { id, tabIndex: -1 },
    from === null ? 'Refused callers' : `Refused callers from ${when(Date.parse(from))}`,
  );
  let { next } = page;
  const more = h('button', { type: 'button', class: 'button', hidden: next === null }, 'Older');
  more.addEventListener('click', async () => {
    if (isBusy(more) || next === null) return;
    setBusy(more, true);
    setText(problem, '');
    try {
      const behind = await older(next);
      next = behind.next;
      table.body.append(...rowsOf(behind.refused));
      // The button goes with its last page, and the keyboard must not go with it.
      if (next === null && document.activeElement === more) heading.focus();
      more.hidden = next === null;
    } catch (error) {
      setText(problem, wordsOf(error));
    } finally {
      setBusy(more, false);
    }
  });
  fill(table.body, rowsOf(page.refused));
  return h(
    'section',
    { class: 'card', 'aria-labelledby': id },
    h('div', { class: 'overview-head' }, heading, h('a', { href: close }, 'Close')),
    page.refused.length === 0 ? h('p', { class: 'muted' }, 'None in this time.') : table.element,
    problem,
    more,
  );
}
