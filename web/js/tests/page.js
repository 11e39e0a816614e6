import { Api } from '../api.js';
import { fill, h, setText } from '../lib/dom.js';
import { count, duration, when } from '../lib/format.js';
import { refill } from '../lib/refill.js';
import { LiveStream } from '../live-stream.js';
import { learnRole } from '../model/role.js';
import { field, openDialog, textOf } from '../views/dialogs.js';
import { wordsOf } from '../views/notices.js';
import { createCaseView, stateWord } from './case-view.js';
import { runButton } from './run-buttons.js';

/** The page of tests: suites, runs, cases. Which run and case is shown stands in the fragment, so that it can be sent to others. */

/** How often a run is looked at while the stream of events is away, ms. */
const LOOK_MS = 1_000;
/** What is told in so short a time is looked at once, ms. */
const TOGETHER_MS = 150;

const root = document.getElementById('tests');
if (root === null) throw new Error('the page has no place for the tests');
const api = new Api();
const suites = h('ul', { class: 'tests-list' });
const runs = h('ul', { class: 'tests-list' });
const problem = h('p', { class: 'form-problem', role: 'alert' });
const runPane = h('section', {});
/** How the run that is shown goes, for who has it read out: one sentence, and not all that is drawn anew. */
const heard = h('p', { class: 'visually-hidden', role: 'status' });
const casePane = h('section', {});
fill(
  root,
  h('div', { class: 'tests-side' }, problem, h('h2', {}, 'Suites'), suites, h('h2', {}, 'Runs'), runs),
  h('div', { class: 'tests-main' }, runPane, heard, casePane),
);

/** @type {{ close(): void } | undefined} */
let shownCase;
let shown = '';
let signingIn = false;

const tell = (/** @type {unknown} */ error) => setText(problem, error === undefined ? '' : wordsOf(error));
const place = () => new URLSearchParams(location.hash.slice(1));
const go = (/** @type {string} */ run, /** @type {string} */ one = '') => {
  location.hash = new URLSearchParams({ run, ...(one === '' ? {} : { case: one }) }).toString();
};
const runPath = (/** @type {string} */ id) => `../tests/runs/${encodeURIComponent(id)}`;

api.onDenied = (denied) => {
  if (signingIn) return;
  signingIn = true;
  const dialog = openDialog({
    title: 'Sign in',
    text: `${denied.message} It is kept until you close this tab.`,
    fields: [field('Token', { name: 'token', type: 'password', autocomplete: 'current-password', required: true })],
    action: 'Sign in',
    busy: 'Signing in …',
    lasting: true,
    submit: async (data) => {
      const before = api.token;
      api.setToken(textOf(data, 'token', 'Enter the token.'));
      try {
        await api.get('../tests/suites');
      } catch (error) {
        api.setToken(before);
        throw error;
      }
      await refresh();
      await look();
      stream.start();
    },
  });
  dialog.addEventListener('close', () => {
    signingIn = false;
  });
};

const start = async (/** @type {string} */ suite) => {
  try {
    const { id } = await api.post('../tests/runs', { suite });
    tell(undefined);
    await refresh();
    go(id);
  } catch (error) {
    tell(error);
  }
};

async function refresh() {
  try {
    const [found, past] = await Promise.all([
      api.get('../tests/suites'),
      api.get('../tests/runs'),
      learnRole(api, '../me'),
    ]);
    refill(suites, ...found.suites.map(suiteRow));
    refill(runs, ...past.runs.map(runRow));
    tell(undefined);
  } catch (error) {
    tell(error);
  }
}

const suiteRow = (/** @type {any} */ suite) =>
  h(
    'li',
    { class: 'tests-suite' },
    h(
      'span',
      { title: suite.description ?? '' },
      suite.name ?? suite.file,
      suite.problems.length > 0
        ? h('ul', {}, ...suite.problems.map((/** @type {string} */ one) => h('li', {}, one)))
        : h('span', { class: 'muted' }, ` ${count(suite.cases, 'case')}`),
    ),
    runButton('Run', suite.file, () => void start(suite.file), suite.problems.length > 0),
  );

const runRow = (/** @type {any} */ run) => {
  const button = h(
    'button',
    { type: 'button', class: 'row', 'aria-current': String(run.id === place().get('run')), 'data-key': run.id },
    stateWord(run.state),
    ` ${run.suite}, ${run.counts.passed} of ${run.planned} passed, ${when(Date.parse(run.startedAt))}`,
  );
  button.addEventListener('click', () => go(run.id));
  return h('li', {}, button);
};

function showRun(/** @type {any} */ run) {
  const stop = () => void api.post(`${runPath(run.id)}/stop`).catch(tell);
  const { counts } = run;
  const bad = run.cases.length - counts.passed;
  setText(
    heard,
    run.state === 'running'
      ? `${run.suite}: ${run.cases.length} of ${run.planned} cases are over${bad > 0 ? `, ${bad} did not pass` : ''}.`
      : `${run.suite}: ${run.state}, ${counts.passed} of ${run.planned} cases passed.`,
  );
  refill(
    runPane,
    h('h2', {}, run.suite),
    h('p', {}, stateWord(run.state), ` ${run.id}`),
    run.state === 'running'
      ? h('progress', { max: run.planned, value: run.cases.length, 'aria-label': 'Cases that are over' })
      : undefined,
    h(
      'p',
      { class: 'muted' },
      `${counts.passed} passed, ${counts.failed} failed, ${counts.invalid} invalid, ${counts['not-executed']} not executed, of ${run.planned}`,
    ),
    run.state === 'running' ? runButton('Stop', 'stop', stop) : undefined,
    ...run.gates.map((/** @type {any} */ gate) =>
      h('p', {}, stateWord(gate.state), ` ${gate.figure}: ${gate.value ?? 'too few'} (n ${gate.n})`),
    ),
    h(
      'ul',
      { class: 'tests-list', 'aria-label': 'Cases' },
      ...run.cases.map((/** @type {any} */ one) => {
        const button = h(
          'button',
          {
            ...{ type: 'button', class: 'row', 'aria-current': String(one.id === place().get('case')) },
            'data-key': `case ${one.id}`,
          },
          stateWord(one.state),
          ` ${one.name} `,
          h('span', { class: 'muted' }, `${one.id}, ${duration(one.durationMs)}`),
        );
        button.addEventListener('click', () => go(run.id, one.id));
        return h('li', {}, button);
      }),
    ),
  );
}

async function showCase(/** @type {string} */ run, /** @type {string | null} */ id) {
  const key = `${run}/${id ?? ''}`;
  if (key === shown) return;
  shown = key;
  shownCase?.close();
  shownCase = undefined;
  fill(casePane);
  if (id === null) return;
  try {
    const view = await createCaseView(api, run, await api.get(`${runPath(run)}/cases/${encodeURIComponent(id)}`));
    // Somebody may have gone on meanwhile.
    if (shown !== key) return view.close();
    shownCase = view;
    fill(casePane, view.element);
  } catch (error) {
    // It is not shown: whoever looks again asks again.
    if (shown === key) shown = '';
    throw error;
  }
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let later;
/** Runs tell of themselves; they are asked only where nothing is heard of them. */
let isTold = false;
const stream = new LiveStream(() => api.token, '../events?transient=0');
stream.onStatus = ({ state }) => {
  if (state === 'connecting') return;
  isTold = state === 'live';
  void look();
};
stream.onMessage = ({ kind, type, data }) => {
  if (kind !== 'notice' || !type.startsWith('tests.')) return;
  if (type === 'tests.run_started' || type === 'tests.run_ended') void refresh();
  if (data.run !== place().get('run')) return;
  clearTimeout(later);
  later = setTimeout(() => void look(), TOGETHER_MS);
};

async function look() {
  clearTimeout(later);
  const id = place().get('run');
  if (id === null) return;
  try {
    const run = await api.get(runPath(id));
    if (id !== place().get('run')) return;
    showRun(run);
    await showCase(id, place().get('case'));
    if (run.state === 'running' && !isTold) later = setTimeout(() => void look(), LOOK_MS);
  } catch (error) {
    tell(error);
  }
}

addEventListener('hashchange', () => void look());
await refresh();
await look();
if (!signingIn) stream.start();
