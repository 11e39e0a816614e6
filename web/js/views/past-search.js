import { fill, h } from '../lib/dom.js';
import { delay } from '../lib/format.js';
import { FAILED } from '../model/past-filters.js';
import { SLOW_MS } from '../model/slow.js';
import { results } from '../model/words.js';

/** @typedef {import('../api.js').Api} Api */

const TYPING_MS = 300;

/**
 * The fields by which past calls are searched.
 * @param {Api} api
 * @param {{ asked(data: FormData): void, cleared(): void }} told `asked`: what the fields say now, a moment after the last key; `cleared`: nothing any more
 */
export function createPastSearch(api, { asked, cleared }) {
  const text = input('Words', { name: 'text', type: 'search', placeholder: 'What was said', maxLength: 200 });
  const number = input('Number', {
    name: 'number',
    type: 'search',
    inputMode: 'tel',
    placeholder: '+1… or last digits',
    maxLength: 40,
  });
  const result = h(
    'select',
    { name: 'result', class: 'select', id: 'filter-result' },
    h('option', { value: '' }, 'Any result'),
    h('option', { value: FAILED }, 'Failed, any reason'),
    results.map(([value, words]) => h('option', { value }, words)),
  );
  const prompt = input('Prompt', { name: 'prompt', maxLength: 200 });
  const prompts = h('datalist', { id: 'known-prompts' });
  prompt.input.setAttribute('list', prompts.id);
  const tool = input('Tool', { name: 'tool', maxLength: 200, placeholder: 'Its name' });
  const slow = select('Slowest answer', 'slowMs', [
    ['', 'Any'],
    ...[SLOW_MS, 1_500, 2_000, 3_000, 5_000].map(
      (ms) => /** @type {[string, string]} */ ([String(ms), `${ms / 1000} s or more`]),
    ),
  ]);
  const interrupted = select('Interruptions', 'interrupted', [
    ['', 'Any'],
    ['true', 'The caller cut in'],
  ]);
  const price = input('Cost', { name: 'cost', inputMode: 'decimal', placeholder: 'At least', maxLength: 12 });
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
    prompts,
    number.element,
    h('div', { class: 'field' }, h('label', { htmlFor: 'filter-result' }, 'Result'), result),
    since.element,
    until.element,
    prompt.element,
    tool.element,
    slow.element,
    interrupted.element,
    price.element,
    clear,
  );
  const fields = [
    ...[text.input, number.input, result, since.input, until.input],
    ...[prompt.input, tool.input, slow.input, interrupted.input, price.input],
  ];
  // Asked for where somebody is about to choose among them, and not by everybody who opens the page.
  prompt.input.addEventListener('focus', () => void knowPrompts(api, prompts), { once: true });

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  const ask = () => asked(new FormData(filters));
  filters.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(ask, TYPING_MS);
  });
  filters.addEventListener('submit', (event) => {
    event.preventDefault();
    clearTimeout(typing);
    ask();
  });
  others.addEventListener('click', () => {
    others.setAttribute('aria-expanded', String(filters.classList.toggle('open')));
  });
  clear.addEventListener('click', () => {
    filters.reset();
    for (const one of fields) one.value = '';
    cleared();
    text.input.focus();
  });

  return {
    element: filters,
    /** @param {URLSearchParams} wanted what is searched for; a field that is being written in stays as it is */
    show(wanted) {
      // A figure may ask for what is none of the choices.
      const slowMs = wanted.get('slowMs');
      if (slowMs !== null && ![...slow.input.options].some(({ value }) => value === slowMs))
        slow.input.append(h('option', { value: slowMs }, `${delay(Number(slowMs))} or more`));
      for (const one of fields) if (document.activeElement !== one) one.value = wanted.get(one.name) ?? '';
      clear.disabled = wanted.size === 0;
    },
  };
}

/** @param {string} label @param {Record<string, unknown>} props */
function input(label, props) {
  const id = `filter-${String(props['name'])}`;
  const element = h('input', { id, autocomplete: 'off', spellcheck: false, ...props });
  return { input: element, element: h('div', { class: 'field' }, h('label', { htmlFor: id }, label), element) };
}

/** @param {string} label @param {string} name @param {ReadonlyArray<readonly [string, string]>} options */
function select(label, name, options) {
  const id = `filter-${name}`;
  const element = h(
    'select',
    { name, class: 'select', id },
    options.map(([value, words]) => h('option', { value }, words)),
  );
  return { input: element, element: h('div', { class: 'field' }, h('label', { htmlFor: id }, label), element) };
}

/** Offers the prompts that there are. @param {Api} api @param {HTMLDataListElement} list */
async function knowPrompts(api, list) {
  try {
    const { prompts = [] } = await api.get('status');
    fill(
      list,
      prompts.map((/** @type {string} */ value) => h('option', { value })),
    );
  } catch {
    // Then it is typed.
  }
}
