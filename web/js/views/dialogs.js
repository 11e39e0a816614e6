import { isBusy, isFocusLost, setBusy } from '../lib/busy.js';
import { fill, h } from '../lib/dom.js';
import { wordsOf } from './notices.js';

/**
 * A modal question with a form. It stays open, with the reason, when what it asks for is refused.
 * @param {object} options
 * @param {string} options.title
 * @param {string} [options.text]
 * @param {ReadonlyArray<HTMLElement>} [options.fields]
 * @param {string} options.action the button's words
 * @param {string} [options.busy] its words while it works
 * @param {boolean} [options.danger]
 * @param {boolean} [options.lasting] cannot be put away
 * @param {(data: FormData) => Promise<unknown>} options.submit
 * @returns {HTMLDialogElement}
 */
export function openDialog({ title, text, fields = [], action, busy = 'One moment …', danger, lasting, submit }) {
  const problem = h('p', { class: 'form-problem', role: 'alert' });
  const cancel = h('button', { type: 'button', class: 'button' }, 'Cancel');
  const confirm = h('button', { type: 'submit', class: danger ? 'button danger' : 'button primary' }, action);
  const form = h(
    'form',
    { class: 'form', noValidate: true },
    h('h2', { id: 'dialog-title' }, title),
    text === undefined ? undefined : h('p', { class: 'muted' }, text),
    ...fields,
    problem,
    h('div', { class: 'form-buttons' }, lasting ? undefined : cancel, confirm),
  );
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title' }, form);
  closesWell(dialog);
  dialog.addEventListener('cancel', (event) => {
    if (lasting) event.preventDefault();
  });
  cancel.addEventListener('click', () => dialog.close());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (isBusy(confirm)) return;
    setBusy(confirm, true);
    confirm.textContent = busy;
    fill(problem);
    try {
      await submit(new FormData(form));
      dialog.close();
    } catch (error) {
      fill(problem, wordsOf(error));
      setBusy(confirm, false);
      confirm.textContent = action;
      form.querySelector('input')?.focus();
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  (form.querySelector('input') ?? (danger ? cancel : confirm)).focus();
  return dialog;
}

/** What had the focus when a dialog was opened: of one that another opened, what had it before that one. @type {WeakMap<Element, HTMLElement>} */
const openers = new WeakMap();

/**
 * Takes the dialog away when it closes. Whoever opened it gets the focus back; where that is gone by then, the view does.
 * @param {HTMLDialogElement} dialog before it is opened
 */
function closesWell(dialog) {
  const active = document.activeElement;
  const outer = active?.closest('dialog');
  const opener = outer ? openers.get(outer) : active instanceof HTMLElement ? active : undefined;
  if (opener !== undefined) openers.set(dialog, opener);
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (isFocusLost()) opener?.focus();
    if (isFocusLost() && document.querySelector('dialog[open]') === null) document.getElementById('main')?.focus();
  });
}

/**
 * Says why something cannot be done, and which settings would change that.
 * @param {string} title
 * @param {{ why?: string | undefined, settings?: readonly string[] | undefined }} ability
 */
export function explain(title, { why = '', settings = [] }) {
  const close = h('button', { type: 'button', class: 'button primary' }, 'Close');
  const dialog = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'dialog-title' },
    h(
      'div',
      { class: 'form' },
      h('h2', { id: 'dialog-title' }, title),
      h('p', {}, why),
      settings.length === 0
        ? undefined
        : h(
            'p',
            { class: 'muted' },
            `Set ${settings.join(', ')} and start the daemon anew; docs/settings.md says how.`,
          ),
      h('div', { class: 'form-buttons' }, close),
    ),
  );
  closesWell(dialog);
  close.addEventListener('click', () => dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * A labelled choice among names.
 * @param {string} label
 * @param {string} name
 * @param {ReadonlyArray<readonly [value: string, words: string]>} options
 * @param {string} [hint]
 */
export function choice(label, name, options, hint) {
  const id = `field-${name}`;
  return h(
    'div',
    { class: 'field' },
    h('label', { htmlFor: id }, label),
    h(
      'select',
      { id, name, class: 'select', ...(hint ? { 'aria-describedby': `${id}-hint` } : {}) },
      options.map(([value, words]) => h('option', { value }, words)),
    ),
    hint === undefined ? undefined : h('p', { class: 'hint', id: `${id}-hint` }, hint),
  );
}

/**
 * A labelled input.
 * @param {string} label
 * @param {Record<string, unknown>} props of the input
 * @param {string} [hint]
 */
export function field(label, props, hint) {
  const id = `field-${String(props['name'])}`;
  return h(
    'div',
    { class: 'field' },
    h('label', { htmlFor: id }, label),
    h('input', {
      id,
      autocomplete: 'off',
      spellcheck: false,
      ...(hint ? { 'aria-describedby': `${id}-hint` } : {}),
      ...props,
    }),
    hint === undefined ? undefined : h('p', { class: 'hint', id: `${id}-hint` }, hint),
  );
}

/** A field's text, trimmed; throws with these words when it is empty. @param {FormData} data @param {string} name @param {string} [missing] */
export function textOf(data, name, missing) {
  const text = String(data.get(name) ?? '').trim();
  if (text === '' && missing !== undefined) throw new Error(missing);
  return text;
}
