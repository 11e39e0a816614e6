import { isBusy, setBusy } from '../lib/busy.js';
import { fill, h } from '../lib/dom.js';
import { delay } from '../lib/format.js';
import { may } from '../model/role.js';
import { field } from './dialogs.js';
import { wordsOf } from './notices.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {{ name: string, source: string, enabled: boolean, description: string, parameters: any, touches: string[] }} ToolView
 */

/**
 * A tool, and what it answers: run on a copy of the data, and without a line.
 * @param {Api} api
 * @param {ToolView} tool
 */
export function createToolTrial(api, tool) {
  const { name, source, enabled, description, parameters, touches } = tool;
  const asksOutside = source !== 'file';
  const given = h('textarea', {
    id: `arguments-${name}`,
    class: 'agents-text short',
    rows: 8,
    spellcheck: false,
    value: JSON.stringify(exampleOf(parameters), undefined, 2),
  });
  const send = h('input', { type: 'checkbox', id: `send-${name}`, name: 'send' });
  const run = h('button', { type: 'submit', class: 'button primary' }, asksOutside ? 'Check' : 'Run it');
  send.addEventListener('change', () => fill(run, send.checked ? 'Run it' : 'Check'));
  const result = h('div', { class: 'agents-notes', role: 'status' });
  const form = h(
    'form',
    { class: 'agents-form acts', noValidate: true },
    h(
      'div',
      { class: 'field' },
      h('label', { htmlFor: given.id }, 'Arguments, as the model writes them (JSON)'),
      given,
    ),
    field('Caller’s number', { name: 'from', type: 'tel', placeholder: 'withheld' }),
    asksOutside
      ? h(
          'div',
          { class: 'choice' },
          send,
          h('label', { htmlFor: send.id }, 'Really ask the service: what it does there cannot be undone'),
        )
      : undefined,
    h('div', { class: 'agents-buttons' }, run),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    /** @type {unknown} */
    let args;
    try {
      args = JSON.parse(given.value.trim() === '' ? '{}' : given.value);
    } catch (error) {
      fill(result, h('p', { class: 'problem' }, `The arguments are no JSON: ${wordsOf(error)}`));
      return;
    }
    if (isBusy(run)) return;
    setBusy(run, true);
    fill(result, h('p', { class: 'muted' }, 'One moment …'));
    const from = String(new FormData(form).get('from') ?? '').trim();
    try {
      const tried = await api.post(`agents/tools/${name}/try`, {
        arguments: args,
        ...(from === '' ? {} : { from }),
        send: send.checked,
      });
      fill(
        result,
        h(
          'p',
          { class: tried.outcome === 'ok' || tried.outcome === 'checked' ? 'good' : 'problem' },
          tried.outcome === 'checked'
            ? 'The arguments are good. The service was not asked.'
            : `${tried.outcome}, after ${delay(tried.ms)}`,
        ),
        tried.asked.length === 0
          ? undefined
          : h(
              'ul',
              {},
              tried.asked.map((/** @type {{ what: string, with: string | null }} */ one) =>
                h(
                  'li',
                  {},
                  `It asked the line to ${one.what}${one.with === null ? '' : `: ${one.with}`}. Nothing was done.`,
                ),
              ),
            ),
        tried.output === null
          ? undefined
          : [h('h3', {}, 'What the model reads'), h('pre', { tabIndex: 0 }, pretty(tried.output))],
      );
    } catch (error) {
      fill(result, h('p', { class: 'problem' }, wordsOf(error)));
    } finally {
      setBusy(run, false);
    }
  });
  const touched = touches.length === 0 ? '' : ` It touches: ${touches.join(', ')}.`;
  const readsOnly = h('p', { class: 'muted', hidden: true }, 'Your role reads only: an operator may try it.');
  const element = h(
    'div',
    { class: 'agents-editor' },
    h('h2', {}, name),
    enabled ? undefined : h('p', { class: 'muted' }, 'It is off: no call gets it.'),
    h('p', {}, description),
    h(
      'p',
      { class: 'muted' },
      `${asksOutside ? 'It asks a service outside.' : 'It runs here, on a copy of the data that is thrown away.'}${touched}`,
    ),
    h(
      'details',
      {},
      h('summary', {}, 'Schema of its arguments'),
      h('pre', { tabIndex: 0 }, JSON.stringify(parameters, undefined, 2)),
    ),
    readsOnly,
    form,
    result,
  );
  return {
    element,
    show() {
      readsOnly.hidden = may('operator');
    },
  };
}

/** Arguments to begin with: what must be there, each with something of its type. @param {any} schema */
function exampleOf(schema) {
  const example = (/** @type {any} */ one) =>
    one?.default ??
    one?.enum?.[0] ??
    { string: '', integer: one?.minimum ?? 1, number: one?.minimum ?? 1, boolean: true, array: [], object: {} }[
      String(one?.type)
    ] ??
    null;
  return Object.fromEntries(
    (schema.required ?? []).map((/** @type {string} */ key) => [key, example(schema.properties?.[key])]),
  );
}

/** @param {string} output */
function pretty(output) {
  try {
    return JSON.stringify(JSON.parse(output), undefined, 2);
  } catch {
    return output;
  }
}
