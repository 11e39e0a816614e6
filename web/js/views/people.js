import { copyText } from '../lib/copy.js';
import { fill, h, setText } from '../lib/dom.js';
import { createTable } from '../lib/table.js';
import { field, openDialog, textOf } from './dialogs.js';
import { notify, wordsOf } from './notices.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {{ id: string, name: string, role: string, createdAt: string, createdBy: string, revokedAt: string | null }} Person
 * @typedef {{ id: string, at: string, name: string, role: string, action: string, target: string | null, status: number, address: string }} AuditEntry
 */

const ROLES = [
  ['viewer', 'Viewer: reads'],
  ['operator', 'Operator: also acts on calls'],
  ['admin', 'Admin: also removes, and sees to people'],
];
const PAGE = 100;

const when = (/** @type {string} */ iso) =>
  h('time', { dateTime: iso }, new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' }));

const named = (/** @type {string[]} */ names) => names.map((name) => ({ name }));

/**
 * Who may operate the daemon, and what was done.
 * @param {{ api: Api }} options
 */
export function createPeopleView({ api }) {
  const people = createTable(named(['Name', 'Role', 'Since', 'Made by', 'Token']), { 'aria-label': 'Tokens' });
  const entries = createTable(named(['When', 'Who', 'What', 'To', 'Answer', 'From']), { 'aria-label': 'Entries' });
  const nobody = h('p', { class: 'muted nobody', hidden: true }, 'Nobody has a token of their own yet.');
  const problem = h('p', { class: 'form-problem', role: 'alert' });
  const more = h('button', { type: 'button', class: 'button', hidden: true }, 'Older');
  const filter = h('input', {
    type: 'search',
    placeholder: 'Id of a call, a record, a person; a file',
    'aria-label': 'Done to',
    autocomplete: 'off',
    spellcheck: false,
  });
  const form = h(
    'form',
    { class: 'people-filter', role: 'search' },
    filter,
    h('button', { class: 'button', type: 'submit' }, 'Find'),
  );
  const none = h('p', { class: 'muted', hidden: true }, 'Nothing was done that this finds.');
  const add = h(
    'button',
    { type: 'button', class: 'button primary', onclick: () => askAdd() },
    'Give somebody a token',
  );
  const element = h(
    'div',
    { class: 'people-view' },
    h(
      'section',
      { class: 'card', 'aria-labelledby': 'people-title' },
      h('div', { class: 'people-head' }, h('h2', { id: 'people-title' }, 'People'), add),
      h(
        'p',
        { class: 'muted' },
        'Each has a token of their own. The token of the settings is an admin’s, too, and is not listed.',
      ),
      problem,
      people.element,
      nobody,
    ),
    h(
      'section',
      { class: 'card', 'aria-labelledby': 'audit-title' },
      h('div', { class: 'people-head' }, h('h2', { id: 'audit-title' }, 'What was done'), form),
      entries.element,
      none,
      more,
    ),
  );
  /** @type {string | null} */
  let next = null;

  /** @param {() => Promise<void>} work */
  const attempt = async (work) => {
    try {
      setText(problem, '');
      await work();
    } catch (error) {
      setText(problem, wordsOf(error));
    }
  };

  const loadPeople = async () => {
    const all = /** @type {{ people: Person[] }} */ (await api.get('people')).people;
    fill(
      people.body,
      all.map((one) =>
        people.row(
          [
            one.name,
            one.role,
            when(one.createdAt),
            one.createdBy,
            one.revokedAt === null
              ? h(
                  'button',
                  {
                    type: 'button',
                    class: 'button small',
                    'aria-label': `Revoke the token of ${one.name}`,
                    onclick: () => askRevoke(one),
                  },
                  'Revoke',
                )
              : 'revoked',
          ],
          one.revokedAt === null ? '' : 'over',
        ),
      ),
    );
    people.element.hidden = all.length === 0;
    nobody.hidden = all.length > 0;
  };

  /** @param {boolean} older behind those that are shown */
  const loadAudit = async (older) => {
    const query = new URLSearchParams({ limit: String(PAGE) });
    const target = filter.value.trim();
    if (target !== '') query.set('target', target);
    if (older && next !== null) query.set('before', next);
    const page = /** @type {{ entries: AuditEntry[], next: string | null }} */ (await api.get(`audit?${query}`));
    const rows = page.entries.map(({ at, name, role, action, target: to, status, address }) =>
      entries.row([
        when(at),
        `${name} (${role})`,
        action,
        to ?? '',
        h('span', { class: status >= 400 ? 'bad' : '' }, String(status)),
        address,
      ]),
    );
    if (older) entries.body.append(...rows);
    else fill(entries.body, rows);
    next = page.next;
    more.hidden = next === null;
    none.hidden = entries.body.childElementCount > 0;
    entries.element.hidden = !none.hidden;
  };

  const load = () => attempt(async () => void (await Promise.all([loadPeople(), loadAudit(false)])));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void attempt(() => loadAudit(false));
  });
  more.addEventListener('click', () => void attempt(() => loadAudit(true)));

  function askAdd() {
    const role = h(
      'select',
      { name: 'role', id: 'field-role', class: 'select' },
      ROLES.map(([value = '', words = '']) => h('option', { value }, words)),
    );
    openDialog({
      title: 'Give somebody a token',
      text: 'It is shown once, and can be revoked at any time.',
      fields: [
        field(
          'Name',
          { name: 'name', maxLength: 60, required: true },
          'It stands beside all that is done with the token.',
        ),
        h('div', { class: 'field' }, h('label', { htmlFor: 'field-role' }, 'Role'), role),
      ],
      action: 'Make a token',
      busy: 'Making …',
      async submit(data) {
        const name = textOf(data, 'name', 'Enter a name.');
        const made = await api.post('people', { name, role: textOf(data, 'role') });
        showToken(name, made.token);
        await load();
      },
    });
  }

  /** @param {Person} person */
  function askRevoke(person) {
    openDialog({
      title: `Revoke the token of ${person.name}?`,
      text: 'It is refused from now on, everywhere, and what it has open is closed.',
      action: 'Revoke',
      busy: 'Revoking …',
      danger: true,
      async submit() {
        await api.fetch(`people/${encodeURIComponent(person.id)}`, { method: 'DELETE' });
        notify(`The token of ${person.name} was revoked.`);
        await load();
      },
    });
  }

  let isShown = false;
  return {
    element,
    show() {
      isShown = true;
      void load();
    },
    /** After signing in. */
    refresh() {
      if (isShown) void load();
    },
  };
}

/** @param {string} name @param {string} token */
function showToken(name, token) {
  const shown = h('input', { id: 'field-token', name: 'token', readOnly: true, value: token, spellcheck: false });
  shown.addEventListener('focus', () => shown.select());
  openDialog({
    title: `The token of ${name}`,
    text: 'Copy it now: it is shown nowhere else, and never again.',
    fields: [h('div', { class: 'field' }, h('label', { htmlFor: 'field-token' }, 'Token'), shown)],
    action: 'Copy and close',
    submit: async () => {
      shown.select();
      await copyText(token);
    },
  });
}
