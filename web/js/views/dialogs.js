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
  // Whoever opened it gets the focus back; the browser sees to that where the element is still there.
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('cancel', (event) => {
    if (lasting) event.preventDefault();
  });
  cancel.addEventListener('click', () => dialog.close());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (confirm.disabled) return;
    confirm.disabled = true;
    confirm.textContent = busy;
    fill(problem);
    try {
      await submit(new FormData(form));
      dialog.close();
    } catch (error) {
      fill(problem, wordsOf(error));
      confirm.disabled = false;
      confirm.textContent = action;
      form.querySelector('input')?.focus();
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  (form.querySelector('input') ?? (danger ? cancel : confirm)).focus();
  return dialog;
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
