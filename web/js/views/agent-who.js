import { isBusy, setBusy } from '../lib/busy.js';
import { fill, h } from '../lib/dom.js';
import { routeTo } from '../router.js';
import { field } from './dialogs.js';
import { wordsOf } from './notices.js';

/** Who answers a number at a time, and why. @param {import('../api.js').Api} api */
export function createWhoAnswers(api) {
  const result = h('div', { class: 'agents-notes', role: 'status' });
  const ask = h('button', { type: 'submit', class: 'button primary' }, 'Who answers?');
  const zone = h('p', { class: 'muted' });
  const form = h(
    'form',
    { class: 'agents-form row', noValidate: true },
    field('Number that is dialled', { name: 'to', type: 'tel', placeholder: 'none, as from a web page' }),
    field('Caller', { name: 'from', type: 'tel', placeholder: 'withheld' }),
    field('When (your clock)', { name: 'at', type: 'datetime-local' }),
    h('div', { class: 'agents-buttons' }, ask),
  );
  const element = h('div', { class: 'agents-editor' }, h('h2', {}, 'Who answers?'), zone, form, result);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const data = new FormData(form);
    const text = (/** @type {string} */ name) => String(data.get(name) ?? '').trim();
    const [to, from, at] = [text('to'), text('from'), text('at')];
    if (isBusy(ask)) return;
    setBusy(ask, true);
    try {
      const answer = await api.post('agents/answer', {
        ...(to === '' ? {} : { to }),
        ...(from === '' ? {} : { from }),
        ...(at === '' ? {} : { at: new Date(at).toISOString() }),
      });
      fill(
        result,
        h(
          'p',
          {},
          answer.prompt === null
            ? 'An agent without a prompt'
            : h('a', { href: routeTo('agents', `prompts/${answer.prompt}.md`) }, answer.prompt),
          ` answers: ${answer.agent}, ${answer.model}, with ${answer.tools.length === 0 ? 'no tools' : answer.tools.join(', ')}.`,
        ),
        h('h3', {}, 'Why'),
        h('ol', { class: 'agents-why' }, answer.considered.map(reason)),
      );
    } catch (error) {
      fill(result, h('p', { class: 'problem' }, wordsOf(error)));
    } finally {
      setBusy(ask, false);
    }
  });
  return {
    element,
    /** @param {{ timezone: string }} agents */
    show({ timezone }) {
      fill(zone, `Routes go by the time in ${timezone}. The first that fits takes the call.`);
    },
  };
}

/** @param {{ route: string, to: boolean, from: boolean, when: boolean }} one */
function reason({ route, to, from, when }) {
  const not = [to ? '' : 'another number', from ? '' : 'another caller', when ? '' : 'another time'].filter(
    (why) => why !== '',
  );
  return h(
    'li',
    {},
    h('span', { class: 'agents-name' }, route),
    not.length === 0
      ? h('span', { class: 'tag good' }, 'takes the call')
      : h('span', { class: 'muted' }, `is for ${not.join(', ')}`),
  );
}
