import { isBusy, setBusy } from '../lib/busy.js';
import { fill, h } from '../lib/dom.js';
import { learnRole, may } from '../model/role.js';
import { notify, wordsOf } from './notices.js';

/** @typedef {import('../api.js').Api} Api */

const STATUS = /** @type {Record<string, string>} */ ({
  pass: 'well',
  warn: 'look',
  fail: 'wrong',
  skip: 'not looked at',
});
const TONE = /** @type {Record<string, string>} */ ({ pass: 'good', warn: 'warning', fail: 'bad', skip: '' });

/** The view of what a first call needs, and of the doctor. @param {{ api: Api }} options */
export function createSetupView({ api }) {
  const facts = h('div', { class: 'setup-facts' });
  const look = h('button', { type: 'button', class: 'button primary acts' }, 'Have the doctor look');
  const readsOnly = h('p', { class: 'muted', hidden: true }, 'Your role reads only: an operator may have it look.');
  const results = h('ul', { class: 'setup-results' });
  const summary = h('p', { class: 'muted', role: 'status' });
  const element = h(
    'div',
    { class: 'setup-view' },
    h('h2', {}, 'Setup'),
    facts,
    h(
      'section',
      { 'aria-labelledby': 'doctor-title' },
      h('h3', { id: 'doctor-title' }, 'Doctor'),
      h(
        'p',
        { class: 'muted' },
        'It looks at settings, machine, model, the way in and carriers. It changes nothing, and calls go on meanwhile.',
      ),
      h('div', { class: 'agents-buttons' }, look),
      readsOnly,
      summary,
      results,
    ),
  );
  let isShown = false;

  const load = async () => {
    void learnRole(api).then(() => {
      readsOnly.hidden = may('operator');
    });
    try {
      const { webhook, model, carriers, todo } = await api.get('setup');
      fill(
        facts,
        todo.length === 0
          ? h('p', { class: 'good' }, 'Nothing is left to be done before somebody can dial.')
          : h(
              'section',
              { 'aria-labelledby': 'todo-title' },
              h('h3', { id: 'todo-title' }, 'Still to be done'),
              h(
                'ol',
                { class: 'setup-todo' },
                todo.map((/** @type {{ what: string, how: string }} */ one) =>
                  h('li', {}, h('strong', {}, one.what), ' ', one.how),
                ),
              ),
            ),
        h(
          'dl',
          { class: 'setup-list' },
          row('Webhook for calls', webhook.url === null ? 'needs PUBLIC_URL' : copyable(webhook.url)),
          row('Webhook for news of calls', webhook.events === null ? 'needs PUBLIC_URL' : copyable(webhook.events)),
          row('Model', model.about),
          row(
            'Carriers',
            h(
              'ul',
              {},
              carriers.map((/** @type {{ title: string, signed: boolean, places: boolean }} */ one) =>
                h(
                  'li',
                  {},
                  one.title,
                  h(
                    'span',
                    { class: one.signed ? 'tag good' : 'tag' },
                    one.signed ? 'webhooks are proven' : 'no secret is set',
                  ),
                  one.places ? h('span', { class: 'tag good' }, 'places calls') : undefined,
                ),
              ),
            ),
          ),
        ),
      );
    } catch (error) {
      fill(facts, h('p', { class: 'problem' }, wordsOf(error)));
    }
  };

  look.addEventListener('click', async () => {
    if (isBusy(look)) return;
    setBusy(look, true);
    results.replaceChildren();
    fill(summary, 'It is looking …');
    /** @type {Record<string, number>} */
    const counts = {};
    try {
      const response = await api.fetch('setup/doctor', { method: 'POST' });
      await eachLine(response, (line) => {
        const { name, status, detail, advice } = JSON.parse(line);
        counts[status] = (counts[status] ?? 0) + 1;
        results.append(
          h(
            'li',
            {},
            h('span', { class: `tag ${TONE[status]}` }, STATUS[status]),
            h('strong', {}, name),
            h('span', {}, detail),
            advice === undefined ? undefined : h('p', {}, advice),
          ),
        );
      });
      const said = Object.entries(counts).map(([status, n]) => `${n} ${STATUS[status]}`);
      fill(summary, said.join(', '));
    } catch (error) {
      fill(summary, wordsOf(error));
    } finally {
      setBusy(look, false);
    }
  });

  return {
    element,
    show() {
      isShown = true;
      void load();
    },
    /** After signing in. */
    refresh() {
      if (isShown) void load();
    },
  };
}

/** @param {string} term @param {Node | string} value */
const row = (term, value) => h('div', {}, h('dt', {}, term), h('dd', {}, value));

/** An address with a button that copies it. @param {string} text */
function copyable(text) {
  const copy = h('button', { type: 'button', class: 'button' }, 'Copy');
  copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      notify('Copied.');
    } catch {
      // Pages without TLS may not write to the clipboard: it can be marked by hand.
      const range = document.createRange();
      range.selectNodeContents(shown);
      getSelection()?.removeAllRanges();
      getSelection()?.addRange(range);
    }
  });
  const shown = h('code', {}, text);
  return h('span', { class: 'copyable' }, shown, copy);
}

/** Tells each line of an answer as it comes. @param {Response} response @param {(line: string) => void} told */
async function eachLine(response, told) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
    const lines = `${rest}${value ?? ''}`.split('\n');
    rest = done ? '' : (lines.pop() ?? '');
    for (const line of lines) if (line.trim() !== '') told(line);
    if (done) return;
  }
}
