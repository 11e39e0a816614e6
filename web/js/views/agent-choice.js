import { fill, h } from '../lib/dom.js';
import { choicesOf, choiceWords, kindOf, orderOf } from '../model/agent-choice.js';
import { field } from './dialogs.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../model/agent-choice.js').AgentsView} AgentsView
 */

/**
 * Fields in which an operator says who answers a call that is made by hand: a prompt, one that is not saved yet, another kind of agent, and the voice.
 * @param {{ api: Api, status: import('../status.js').DaemonStatus, unsaved: import('../model/unsaved.js').Unsaved }} options
 */
export function createAgentChoice({ api, status, unsaved }) {
  const who = h('select', { class: 'select', id: 'desk-agent' });
  const voices = h('datalist', { id: 'desk-voices' });
  const voice = h('input', {
    id: 'desk-voice',
    autocomplete: 'off',
    spellcheck: false,
    maxLength: 64,
    placeholder: 'As the prompt says',
  });
  // Those that the daemon told; any other may be written.
  voice.setAttribute('list', 'desk-voices');
  const keys = h('div', { class: 'desk-keys' });
  const element = h(
    'div',
    { class: 'desk-choice' },
    h('div', { class: 'field' }, h('label', { htmlFor: who.id }, 'Who answers'), who),
    keys,
    h('div', { class: 'field' }, h('label', { htmlFor: voice.id }, 'Voice'), voice, voices),
  );
  /** @type {AgentsView} */
  let agents = { prompts: [], kinds: [] };
  let wanted = 'route';

  const showKeys = () => {
    const needs = kindOf(who.value, agents)?.needs ?? [];
    if (keys.dataset['for'] === who.value) return;
    keys.dataset['for'] = who.value;
    fill(
      keys,
      needs.map((key) => field(key, { name: `agent-${key}`, dataset: { key }, required: true, maxLength: 200 })),
    );
  };
  const draw = () => {
    fill(
      who,
      choicesOf(agents, unsaved.names).flatMap(({ title, choices }) => {
        const options = choices.map(({ value, words, title: hint }) => h('option', { value, title: hint }, words));
        return title === '' ? options : [h('optgroup', { label: title }, options)];
      }),
    );
    who.value = wanted;
    // What was chosen is gone: a draft that was saved is the prompt of its name.
    if (who.selectedIndex < 0) who.value = wanted.replace(/^draft:/, 'prompt:');
    if (who.selectedIndex < 0) who.value = 'route';
    showKeys();
  };
  who.addEventListener('change', () => {
    wanted = who.value;
    showKeys();
  });
  unsaved.watch(draw);
  status.watch(({ agents: [standard] }) => {
    fill(
      voices,
      (standard?.voices ?? []).map((name) => h('option', { value: name })),
    );
  });
  draw();
  /** Asks what there is. Rejects with an ApiProblem. */
  const load = async () => {
    agents = /** @type {AgentsView} */ (await api.get('agents'));
    draw();
  };

  return {
    element,
    /** What is chosen, as a word. */
    get value() {
      return who.value;
    },
    load,
    /** @param {string} value */
    choose(value) {
      wanted = value;
      draw();
    },
    /** While somebody talks to one it is not changed. @param {boolean} can */
    enable(can) {
      who.disabled = !can;
      voice.disabled = !can;
      for (const part of keys.querySelectorAll('input')) part.disabled = !can;
    },
    /**
     * What a call is to be ordered with, and what that is called. Rejects with what is wrong with a draft, in words, and as `load` does.
     * @returns {Promise<{ options: import('../../phone/phone.js').CallOptions, words: string, voice: string }>}
     */
    async order() {
      // An address may ask for one that is not told yet, and what was chosen may be gone: nobody else is called in its place.
      if (who.value !== wanted) {
        await load();
        const asked = wanted;
        // What is shown counts from now on: a draft that was saved is its prompt.
        wanted = who.value;
        if (asked !== wanted && wanted === 'route')
          throw new Error(`There is no ${choiceWords(asked)}: choose who answers.`);
      }
      const given = Object.fromEntries(
        [...keys.querySelectorAll('input')].map((one) => [one.dataset['key'] ?? '', one.value.trim()]),
      );
      const missing = Object.entries(given).find(([, value]) => value === '');
      if (missing !== undefined) {
        keys.querySelector('input')?.focus();
        throw new Error(`Say which one: ${missing[0]} is needed.`);
      }
      const spoken = voice.value.trim();
      const options = await orderOf(who.value, { voice: spoken, keys: given }, async (name) => {
        const { prompt } = await api.post('agents/drafts', { text: unsaved.text(name) ?? '' });
        return prompt;
      });
      return { options, words: choiceWords(who.value), voice: spoken };
    },
  };
}
