import { isBusy, setBusy } from '../lib/busy.js';
import { fill, h, setText } from '../lib/dom.js';
import { when } from '../lib/format.js';
import { diffOf, shortened } from '../model/diff.js';
import { may } from '../model/role.js';
import { go, routeTo } from '../router.js';
import { field, openDialog } from './dialogs.js';
import { announce, notify, wordsOf } from './notices.js';

/** @typedef {import('../api.js').Api} Api */

/** How long after the last key a text is checked, ms. */
const CHECK_MS = 700;
const NEW_TEXT = `---
description: What this agent is for.
greeting: "Hello, how can I help?"
---
You are on the telephone. Answer briefly, in the caller's language.
`;

/**
 * A prompt, or the routes, as a text that is checked while it is written, shown as what differs before it is saved, and had back in any state it was saved in.
 * @param {Api} api
 * @param {string} name `prompts/NAME.md`, `routes`, or `new` for a prompt that is in no file yet
 * @param {{ tryPrompt(prompt: string): Promise<void>, unsaved: import('../model/unsaved.js').Unsaved, saved(): void, readOnly: string | null }} options
 */
export function createFileEditor(api, name, { tryPrompt, unsaved, saved, readOnly }) {
  const isNew = name === 'new';
  const isPrompt = name !== 'routes';
  const id = `file-${name.replace(/\W/g, '-')}`;
  const text = h('textarea', {
    id,
    class: 'agents-text',
    spellcheck: false,
    readOnly: readOnly !== null,
    rows: 26,
    'aria-describedby': `${id}-findings`,
  });
  const findings = h('div', { class: 'agents-notes', id: `${id}-findings`, role: 'status' });
  const tryIt = h('button', { type: 'button', class: 'button acts', hidden: !isPrompt }, 'Call this draft');
  /** What the text is called where it can be chosen without being saved. */
  const draft = isNew ? 'new prompt' : name.slice('prompts/'.length, -3);
  const desk = h('a', { class: 'button acts', hidden: !isPrompt }, 'To the test desk');
  const revert = h('button', { type: 'button', class: 'button acts', disabled: true }, 'Undo my changes');
  /** What somebody's role may not do here. */
  const role = h('p', { class: 'muted', id: `${id}-role`, hidden: true });
  const save = h(
    'button',
    { type: 'button', class: 'button primary acts', disabled: true, 'aria-describedby': role.id },
    isNew ? 'Save as …' : 'Save …',
  );
  const history = h('details', { class: 'agents-history', hidden: isNew }, h('summary', {}, 'Earlier versions'));
  const versions = h('div', {});
  history.append(versions);
  const element = h(
    'div',
    { class: 'agents-editor' },
    h('h2', { tabIndex: -1 }, isNew ? 'New prompt' : isPrompt ? name.slice('prompts/'.length, -3) : 'Routes'),
    readOnly === null ? undefined : h('p', { class: 'muted' }, `This cannot be saved here: ${readOnly}.`),
    h('label', { class: 'visually-hidden', htmlFor: id }, 'Text of the file'),
    text,
    findings,
    role,
    h('div', { class: 'agents-buttons' }, tryIt, desk, revert, save),
    history,
  );
  let kept = '';
  /** @type {string | undefined} */
  let hash;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let asked = 0;

  const changed = () => text.value !== kept;
  const showState = () => {
    revert.disabled = !changed();
    save.disabled = !changed() || readOnly !== null || !may('admin');
    text.readOnly = readOnly !== null || !may('operator');
    const why = may('admin') ? '' : may('operator') ? 'Only an admin may save.' : 'Your role reads only.';
    role.hidden = why === '';
    setText(role, why);
    unsaved.edit(isPrompt ? draft : 'the routes', changed() && text.value.trim() !== '');
    if (!isPrompt) return;
    const isDraft = changed() || isNew;
    unsaved.put(draft, isDraft && text.value.trim() !== '' ? text.value : undefined);
    desk.href = routeTo('desk', undefined, new URLSearchParams({ agent: `${isDraft ? 'draft' : 'prompt'}:${draft}` }));
  };
  /** @param {readonly string[]} problems @param {readonly string[]} warnings */
  const showFindings = (problems, warnings) => {
    const own = isNew
      ? problems
      : problems.filter((line) => line.includes(isPrompt ? name.slice('prompts/'.length) : 'routes'));
    const others = problems.length - own.length;
    fill(
      findings,
      own.length === 0
        ? h('p', { class: 'good' }, 'This text is as it should be.')
        : h(
            'ul',
            {},
            own.map((line) => h('li', { class: 'problem' }, line)),
          ),
      others > 0
        ? h('p', { class: 'muted' }, `${others} more ${others === 1 ? 'thing is' : 'things are'} wrong elsewhere.`)
        : undefined,
      warnings.length === 0
        ? undefined
        : h(
            'ul',
            {},
            warnings.map((line) => h('li', { class: 'warning' }, line)),
          ),
    );
  };
  const check = async () => {
    const turn = ++asked;
    // It would be refused, and each refusal is kept.
    if (!may('operator')) return fill(findings);
    try {
      const { problems, warnings } = await api.post('agents/file/check', {
        name: isNew ? 'prompts/new-prompt.md' : name,
        text: text.value,
      });
      // Another text is being checked already.
      if (turn === asked) showFindings(problems, warnings);
    } catch (error) {
      if (turn === asked) fill(findings, h('p', { class: 'problem' }, wordsOf(error)));
    }
  };
  const put = (/** @type {string} */ value) => {
    text.value = value;
    showState();
    void check();
  };
  const load = async () => {
    showState();
    if (isNew) {
      kept = NEW_TEXT;
      if (text.value === '') put(NEW_TEXT);
      return;
    }
    try {
      const file = await api.get(`agents/file?name=${encodeURIComponent(name)}`);
      const mine = changed() && hash !== undefined;
      if (hash !== undefined && file.hash !== hash && mine)
        notify('This file was changed elsewhere. Your changes are kept; saving will say what differs.', 'error');
      kept = file.text;
      hash = file.hash;
      if (!mine) put(file.text);
      if (history.open) await loadVersions();
    } catch (error) {
      fill(findings, h('p', { class: 'problem' }, wordsOf(error)));
    }
  };

  const loadVersions = async () => {
    const all = (await api.get(`agents/file/versions?name=${encodeURIComponent(name)}`)).versions;
    if (all.length === 0) {
      fill(versions, h('p', { class: 'muted' }, 'None yet: the first is kept when somebody saves here.'));
      return;
    }
    fill(
      versions,
      h(
        'ul',
        {},
        all.map((/** @type {{ hash: string, at: number, by: string | null, characters: number }} */ one) =>
          h(
            'li',
            {},
            h('span', {}, when(one.at)),
            h('span', { class: 'muted' }, one.by === null ? 'as it was found' : `by ${one.by}`),
            one.hash === hash
              ? h('span', { class: 'tag' }, 'now')
              : h('button', { type: 'button', class: 'button', onclick: () => void compare(one.hash) }, 'Compare'),
          ),
        ),
      ),
    );
  };
  const compare = async (/** @type {string} */ version) => {
    const old = await api.get(`agents/file?name=${encodeURIComponent(name)}&version=${version}`);
    const takes = may('operator');
    openDialog({
      title: 'What this version had',
      ...(takes ? { text: 'Taking it back puts it into the editor; it is saved when you save.' } : {}),
      fields: [diffElement(text.value, old.text)],
      action: takes ? 'Take it back' : 'Close',
      submit: async () => {
        if (!takes) return;
        put(old.text);
        announce('The earlier version is in the editor.');
      },
    });
  };

  text.addEventListener('input', () => {
    showState();
    clearTimeout(timer);
    timer = setTimeout(() => void check(), CHECK_MS);
  });
  revert.addEventListener('click', () => {
    put(kept);
    // There is nothing more to undo: the keyboard goes on in the text.
    text.focus();
  });
  history.addEventListener('toggle', () => {
    if (history.open)
      void loadVersions().catch((error) => fill(versions, h('p', { class: 'problem' }, wordsOf(error))));
  });
  tryIt.addEventListener('click', async () => {
    if (isBusy(tryIt)) return;
    setBusy(tryIt, true);
    try {
      const { prompt } = await api.post('agents/drafts', { text: text.value });
      await tryPrompt(prompt);
    } catch (error) {
      notify(wordsOf(error), 'error');
      void check();
    } finally {
      setBusy(tryIt, false);
    }
  });
  save.addEventListener('click', () => {
    const fields = [diffElement(isNew ? '' : kept, text.value)];
    if (isNew)
      fields.unshift(
        field('Name', {
          name: 'name',
          required: true,
          pattern: '[A-Za-z0-9][A-Za-z0-9_\\-]{0,63}',
          placeholder: 'sales',
        }),
      );
    const dialog = openDialog({
      title: isNew ? 'Save a new prompt' : 'Save these changes',
      text: 'They count for calls that begin afterwards.',
      fields,
      action: 'Save',
      submit: async (data) => {
        const target = isNew ? `prompts/${String(data.get('name')).trim()}.md` : name;
        const file = await api.post('agents/file', {
          name: target,
          text: text.value,
          ...(isNew || hash === undefined ? {} : { expect: hash }),
        });
        notify('Saved.');
        saved();
        if (isNew) {
          text.value = '';
          showState();
          go(routeTo('agents', target));
          return;
        }
        ({ text: kept, hash } = file);
        showState();
        if (history.open) await loadVersions();
      },
    });
    dialog.addEventListener('close', () => {
      if (save.disabled) text.focus();
    });
  });
  return { element, show: () => void load() };
}

/** What differs, with some lines around it. @param {string} before @param {string} after */
function diffElement(before, after) {
  const lines = shortened(diffOf(before, after));
  const signs = { same: ' ', gone: '−', new: '+' };
  const words = { same: '', gone: 'Removed: ', new: 'Added: ' };
  return h(
    'div',
    { class: 'diff', role: 'group', 'aria-label': 'What differs', tabIndex: 0 },
    lines.length === 0
      ? h('p', { class: 'muted' }, 'Nothing differs.')
      : lines.map((line) =>
          line === undefined
            ? h('div', { class: 'diff-gap' }, '⋯')
            : h(
                'div',
                { class: `diff-line ${line.kind}` },
                h('span', { 'aria-hidden': 'true' }, signs[line.kind]),
                h('span', { class: 'visually-hidden' }, words[line.kind]),
                h('span', {}, line.text === '' ? ' ' : line.text),
              ),
        ),
  );
}
