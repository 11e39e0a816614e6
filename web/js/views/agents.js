import { isFocusLost } from '../lib/busy.js';
import { fill, h, setAttribute } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { roving } from '../lib/roving.js';
import { learnRole, may, onRole } from '../model/role.js';
import { routeTo } from '../router.js';
import { createFileEditor } from './agent-file.js';
import { createToolTrial } from './agent-tool.js';
import { createWhoAnswers } from './agent-who.js';
import { wordsOf } from './notices.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../router.js').Route} Route
 * @typedef {{ name: string, file: string, description: string | null, agent: string, tools: string[] | null }} PromptView
 * @typedef {import('./agent-tool.js').ToolView} ToolView
 * @typedef {{ prompts: PromptView[], routes: any[], timezone: string, tools: ToolView[], files: string[], readOnly: string | null, problems: string[], warnings: string[] }} AgentsData
 */

/**
 * The view in which agents are made: prompts, routes and tools, each seen, edited and tried.
 * @param {{ api: Api, unsaved: import('../model/unsaved.js').Unsaved, tryPrompt(prompt: string): Promise<void> }} options
 */
export function createAgentsView({ api, unsaved, tryPrompt }) {
  const list = h('nav', { class: 'agents-list', 'aria-label': 'What agents are made of' });
  const findings = h('div', { hidden: true });
  const back = h('a', { class: 'back', href: routeTo('agents') }, icon('back'), 'All agents');
  const detail = h('section', { class: 'agents-detail' }, back, findings);
  const element = h('div', { class: 'agents-view' }, list, detail);
  const keys = roving(list, 'a');
  /** @type {AgentsData | undefined} */
  let data;
  /** @type {Route | undefined} */
  let shown;
  /** What is edited keeps what was typed while something else is looked at. @type {Map<string, { element: HTMLElement, show?(data: AgentsData): void }>} */
  const parts = new Map();

  const load = async () => {
    try {
      // Before the editor checks its first text: who reads only may not.
      [data] = /** @type {[AgentsData, void]} */ (await Promise.all([api.get('agents'), learnRole(api)]));
      draw();
    } catch (error) {
      detail.replaceChildren(back, findings, h('p', { class: 'muted' }, wordsOf(error)));
    }
  };

  /** @param {string} id @param {AgentsData} all @returns {{ element: HTMLElement, show?(data: AgentsData): void }} */
  const partOf = (id, all) => {
    const known = parts.get(id);
    if (known !== undefined) return known;
    const tool = all.tools.find(({ name }) => `tool:${name}` === id);
    const made =
      id === 'who'
        ? createWhoAnswers(api)
        : tool !== undefined
          ? createToolTrial(api, tool)
          : createFileEditor(api, id, { tryPrompt, unsaved, saved: () => void load(), readOnly: all.readOnly });
    parts.set(id, made);
    return made;
  };

  /** @param {string} id @param {string} words @param {string | undefined} [more] @param {boolean} [wrong] */
  const link = (id, words, more, wrong = false) =>
    h(
      'a',
      { href: routeTo('agents', id), 'aria-current': shown?.id === id ? 'page' : undefined },
      h('span', { class: 'agents-name' }, words),
      more === undefined ? undefined : h('span', { class: 'muted' }, more),
      wrong ? h('span', { class: 'tag bad' }, 'wrong') : undefined,
    );

  const draw = () => {
    if (data === undefined) return;
    const { prompts, tools, files, problems, warnings } = data;
    const wrong = (/** @type {string} */ file) =>
      problems.some((line) => line.includes(file === 'routes' ? 'routes' : `/${file.slice('prompts/'.length)}:`));
    const described = new Map(prompts.map(({ file, description }) => [file, description ?? undefined]));
    const group = (/** @type {string} */ title, /** @type {HTMLElement[]} */ links) => [
      h('h3', {}, title),
      h(
        'ul',
        {},
        links.map((one) => h('li', {}, one)),
      ),
    ];
    // What had the focus is made anew, and has it again.
    const at = list.contains(document.activeElement) ? document.activeElement?.getAttribute('href') : undefined;
    fill(
      list,
      h('h2', { class: 'visually-hidden' }, 'Agents'),
      group('Who answers', [link('who', 'Try a number and a time')]),
      group('Prompts', [
        ...files
          .filter((file) => file !== 'routes')
          .map((file) => link(file, file.slice('prompts/'.length, -3), described.get(file), wrong(file))),
        ...(may('operator') ? [link('new', 'New prompt')] : []),
      ]),
      group('Routes', [link('routes', 'Who is answered by which prompt', undefined, wrong('routes'))]),
      group(
        'Tools',
        tools.map(({ name, source, enabled }) =>
          link(`tool:${name}`, name, enabled ? (source === 'file' ? undefined : source) : 'off'),
        ),
      ),
    );
    for (const one of list.querySelectorAll('a')) if (at && one.getAttribute('href') === at) one.focus();
    // Whoever comes back to the list by the tab key is where he was.
    keys.refresh(list.querySelector('[aria-current="page"]'));
    const id = shown?.id ?? 'who';
    const part = partOf(id, data);
    part.show?.(data);
    const notes = [...problems.map((line) => ['problem', line]), ...warnings.map((line) => ['warning', line])];
    findings.hidden = notes.length === 0;
    fill(
      findings,
      notes.length === 0
        ? undefined
        : h(
            'details',
            { class: 'agents-findings', open: problems.length > 0 && id === 'who' },
            h(
              'summary',
              {},
              problems.length > 0
                ? `${problems.length} ${problems.length === 1 ? 'thing is' : 'things are'} wrong in the files`
                : `${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'}`,
            ),
            h(
              'ul',
              {},
              notes.map(([kind, line]) => h('li', { class: kind }, line)),
            ),
          ),
    );
    // What is written in keeps the focus.
    if (detail.lastElementChild !== part.element) detail.replaceChildren(back, findings, part.element);
    for (const one of list.querySelectorAll('a')) {
      const current = one.getAttribute('href') === routeTo('agents', id);
      setAttribute(one, 'aria-current', current ? 'page' : undefined);
    }
  };

  onRole(draw);

  return {
    element,
    /** @param {Route} route */
    show(route) {
      const hadFocus = element.contains(document.activeElement);
      shown = route;
      // On a narrow screen what was chosen takes the list's place.
      const { id } = route;
      element.classList.toggle('has-choice', id !== undefined);
      draw();
      if (hadFocus && (isFocusLost() || document.activeElement?.checkVisibility() === false))
        (id === undefined ? list.querySelector('a') : back)?.focus();
      void load();
    },
    /** After signing in. */
    refresh() {
      if (shown !== undefined) void load();
    },
  };
}
