import { fill, h, setAttribute, setText } from '../lib/dom.js';
import { ago, count } from '../lib/format.js';
import { refusalCure, refusalWords } from '../model/refusals.js';

/** Notes of the page's head: a number that should be looked at, and behind it what it is and what to do. Nothing is shown where there is nothing to say. */

/** How long a refused caller is worth a warning, ms; later it is still told, without colour. */
const FRESH_MS = 600_000;

/**
 * A button that shows a list when it is pressed; the browser closes it again by Escape or a press elsewhere.
 * @param {string} id
 * @param {string} title
 */
function note(id, title) {
  const text = h('span');
  const dot = h('span', { class: 'dot', 'aria-hidden': 'true' });
  const list = h('ul', { class: 'note-list' });
  const panel = h(
    'div',
    { class: 'note-panel', id, popover: 'auto', role: 'dialog', 'aria-label': title },
    h('h2', {}, title),
    list,
  );
  const button = h('button', { type: 'button', class: 'note', hidden: true }, dot, text);
  setAttribute(button, 'popovertarget', id);
  return {
    element: h('div', { class: 'note-place' }, button, panel),
    /** @param {string} words empty: nothing to say @param {'bad' | 'warning' | ''} tone @param {ReadonlyArray<readonly [string, string]>} lines each with what to do */
    show(words, tone, lines) {
      button.hidden = words === '';
      if (words === '' && panel.matches(':popover-open')) panel.hidePopover();
      dot.dataset['tone'] = tone;
      setText(text, words);
      const said = lines.flat().join('\n');
      if (list.dataset['said'] === said) return;
      list.dataset['said'] = said;
      fill(
        list,
        lines.map(([what, cure]) =>
          h('li', {}, h('p', {}, what), cure === '' ? undefined : h('p', { class: 'muted' }, cure)),
        ),
      );
    },
  };
}

/** Callers who were refused since the daemon started. */
export function createRefusals() {
  const { element, show } = note('refusals', 'Callers who were refused');
  return {
    element,
    /** @param {import('../model/refusals.js').Refusals | undefined} refusals */
    show(refusals) {
      if (refusals === undefined || refusals.count === 0) return show('', '', []);
      const { lastAt } = refusals;
      show(
        `${refusals.count} refused`,
        lastAt !== undefined && Date.now() - lastAt < FRESH_MS ? 'bad' : '',
        refusals.by.map(({ reason, count: n, lastAt: last }) => [
          `${refusalWords(reason)} (${reason}): ${count(n, 'caller')}${last === undefined ? '' : `, the last ${ago(last)}`}`,
          refusalCure(reason),
        ]),
      );
    },
  };
}

/** What is wrong and would else show at the next call. */
export function createProblems() {
  const { element, show } = note('problems', 'What is wrong');
  return {
    element,
    /** @param {import('../status.js').Status} status */
    show({ problems }) {
      const cures = {
        model: 'Calls cannot be answered until this is mended.',
        files: 'Calls are answered by what was right before. Mend the file: it is read again at once.',
        fleet:
          'Each instance needs an address and an id of its own; until then what is meant for one may not reach it.',
        livekit:
          'Calls in rooms are refused until this is mended, all others are taken. LIVEKIT_SERVER_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET say which server and which key of it.',
      };
      show(
        problems.length === 0 ? '' : count(problems.length, 'problem'),
        problems.some(({ area }) => area === 'model') ? 'bad' : 'warning',
        problems.map(({ area, text }) => [text, cures[area]]),
      );
    },
  };
}
