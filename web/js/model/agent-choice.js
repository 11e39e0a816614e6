/**
 * Who is to answer a call that is made by hand. A choice is written as one word, so that it can stand in an address and in a list:
 * `route`, `prompt:NAME`, `draft:NAME` (a text that is not saved), `kind:NAME` (an agent of this kind in place of the route's own).
 */

/**
 * @typedef {{ name: string, title: string, needs: string[] }} KindView
 * @typedef {{ prompts: ReadonlyArray<{ name: string, agent: string, description: string | null }>, kinds: ReadonlyArray<KindView> }} AgentsView
 * @typedef {{ value: string, words: string, title?: string }} Choice
 * @typedef {{ title: string, choices: Choice[] }} ChoiceGroup
 */

/** What an operator can choose among. @param {AgentsView} agents @param {readonly string[]} drafts @returns {ChoiceGroup[]} */
export function choicesOf({ prompts, kinds }, drafts) {
  const standard = kinds[0]?.name;
  const groups = [
    { title: '', choices: [{ value: 'route', words: 'As the routes say' }] },
    {
      title: 'Not saved yet',
      choices: drafts.map((name) => ({ value: `draft:${name}`, words: `${name}, as it is being written` })),
    },
    {
      title: 'Prompts',
      choices: prompts.map(({ name, agent, description }) => ({
        value: `prompt:${name}`,
        words: agent === standard ? name : `${name} (${kinds.find((kind) => kind.name === agent)?.title ?? agent})`,
        ...(description === null ? {} : { title: description }),
      })),
    },
    { title: 'Kinds of agents', choices: kinds.map(({ name, title }) => ({ value: `kind:${name}`, words: title })) },
  ];
  return groups.filter(({ choices }) => choices.length > 0);
}

/** The kind that is chosen, where one is. @param {string} value @param {AgentsView} agents */
export function kindOf(value, { kinds }) {
  return value.startsWith('kind:') ? kinds.find(({ name }) => `kind:${name}` === value) : undefined;
}

/** What a choice is called where there is no list beside it. @param {string} value */
export function choiceWords(value) {
  const at = value.indexOf(':');
  const name = value.slice(at + 1);
  if (at < 0) return 'As the routes say';
  return value.startsWith('draft:') ? `${name} (not saved)` : name;
}

/**
 * What the call is ordered with.
 * @param {string} value
 * @param {{ voice?: string, keys?: Readonly<Record<string, string>> }} more `keys`: which agent of a kind is meant
 * @param {(draft: string) => Promise<string>} keepDraft gives the name under which a text that is not saved can be called
 * @returns {Promise<import('../../phone/phone.js').CallOptions>}
 */
export async function orderOf(value, { voice = '', keys = {} }, keepDraft) {
  const [what, name = ''] = [value.split(':', 1)[0], value.slice(value.indexOf(':') + 1)];
  const spoken = voice === '' ? {} : { voice };
  if (what === 'prompt') return { ...spoken, agentName: name };
  if (what === 'draft') return { ...spoken, agentName: await keepDraft(name) };
  if (what === 'kind') return { ...spoken, agent: Object.keys(keys).length === 0 ? name : { kind: name, ...keys } };
  return spoken;
}
