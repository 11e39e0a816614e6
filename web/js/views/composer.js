import { isBusy, setBusy } from '../lib/busy.js';
import { fill, h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { wordsOf } from './notices.js';

/** @typedef {import('../api.js').Api} Api */

const MODES = /** @type {const} */ ([
  { key: 'say', label: 'Have the agent say', hint: 'What the agent should say …', done: 'The agent says it next.' },
  {
    key: 'whisper',
    label: 'Whisper to the agent',
    hint: 'What the agent should know; the caller does not hear it …',
    done: 'Told to the agent alone. It heeds it with what it says next.',
  },
  {
    key: 'text',
    label: 'Write as the caller',
    hint: 'A line as if the caller had said it …',
    done: 'Sent. The agent answers by voice.',
  },
]);

/**
 * The line in which an operator has the agent say something, or writes in the caller's place, or whispers to the agent.
 * @param {Api} api
 * @param {() => string | undefined} callId
 */
export function createComposer(api, callId) {
  const mode = h(
    'select',
    { 'aria-label': 'What to do with the line', class: 'select' },
    MODES.map(({ key, label }) => h('option', { value: key }, label)),
  );
  const input = h('input', {
    type: 'text',
    maxLength: 2000,
    autocomplete: 'off',
    'aria-label': 'Line for the call',
    placeholder: MODES[0].hint,
  });
  const send = h('button', { class: 'button primary', type: 'submit', 'aria-label': 'Send' }, icon('send'));
  const outcome = h('p', { class: 'composer-outcome', role: 'status' });
  const element = h('form', { class: 'composer' }, h('div', { class: 'composer-line' }, mode, input, send), outcome);
  const chosen = () => MODES.find(({ key }) => key === mode.value) ?? MODES[0];

  mode.addEventListener('change', () => {
    input.placeholder = chosen().hint;
  });
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    const [id, text] = [callId(), input.value.trim()];
    if (id === undefined || text === '' || send.disabled || isBusy(send)) return;
    const { key, done } = chosen();
    setBusy(send, true);
    outcome.className = 'composer-outcome';
    fill(outcome, 'Sending …');
    try {
      await api.call(id)[key](text);
      if (callId() !== id) return;
      input.value = '';
      fill(outcome, done);
    } catch (error) {
      outcome.classList.add('bad');
      fill(outcome, wordsOf(error));
    } finally {
      setBusy(send, false);
    }
  });

  return {
    element,
    /** @param {boolean} can whether somebody is on the line */
    enable(can) {
      for (const part of [mode, input, send]) part.disabled = !can;
    },
    /** For another call. */
    reset() {
      input.value = '';
      outcome.className = 'composer-outcome';
      fill(outcome);
    },
  };
}
