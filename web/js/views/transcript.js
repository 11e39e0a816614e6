import { fill, h, keyed, setAttribute, setText } from '../lib/dom.js';
import { delay, duration, prettyJson, spokenDuration } from '../lib/format.js';
import { icon } from '../lib/icons.js';

/**
 * @typedef {import('../model/call-state.js').CallState} CallState
 * @typedef {import('../model/call-state.js').Entry} Entry
 */

/** How near its end the view must be for new lines to be followed, px. */
const NEAR = 60;

/** @type {Record<NonNullable<Entry['mark']>, import('../lib/icons.js').IconName>} */
const MARKS = {
  info: 'info',
  warning: 'warning',
  error: 'warning',
  bargeIn: 'bargeIn',
  keypad: 'keypad',
  record: 'record',
};

/**
 * The conversation: who said what, tools, and what happened between.
 * @param {{ seek?: (entry: Entry) => void, label?: string }} [options] `seek`: lines can be chosen, to hear them
 */
export function createTranscript({ seek, label = 'Conversation' } = {}) {
  const list = h('ol', { class: 'entries' });
  const dropped = h('p', { class: 'muted entries-dropped', hidden: true });
  const waiting = h('p', { class: 'muted entries-empty' }, 'Nothing has been said yet.');
  const scroller = h(
    'div',
    { class: 'conversation-scroll', tabIndex: 0, role: 'log', 'aria-live': 'off', 'aria-label': label },
    dropped,
    list,
    waiting,
  );
  const latest = h('button', { type: 'button', class: 'button small to-latest', hidden: true }, 'Latest');
  const element = h('div', { class: 'conversation' }, scroller, latest);

  let follows = true;
  scroller.addEventListener('scroll', () => {
    follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
    latest.hidden = follows || seek !== undefined;
  });
  latest.addEventListener('click', () => {
    scroller.scrollTop = scroller.scrollHeight;
    scroller.focus();
  });

  /** @type {HTMLElement | undefined} */
  let current;
  return {
    element,
    /** @param {CallState} call */
    update(call) {
      keyed(
        list,
        call.entries,
        // Lines of two calls have the same keys: none may take the place of the other's.
        (entry) => `${call.id} ${entry.key}`,
        (entry) => createEntry(entry, seek),
      );
      dropped.hidden = call.dropped === 0;
      if (call.dropped > 0) setText(dropped, `${call.dropped} earlier lines are not shown here.`);
      waiting.hidden = call.entries.length > 0;
      if (follows && seek === undefined) scroller.scrollTop = scroller.scrollHeight;
    },
    /** Marks the line that is being heard, and keeps it in view. @param {string | undefined} key */
    setCurrent(key) {
      const next =
        key === undefined
          ? undefined
          : [...list.children].find((row) => /** @type {HTMLElement} */ (row).dataset['key'] === key);
      if (next === current) return;
      if (current !== undefined) setAttribute(current, 'aria-current', undefined);
      current = /** @type {HTMLElement | undefined} */ (next);
      if (current === undefined) return;
      setAttribute(current, 'aria-current', 'true');
      const top = current.offsetTop - scroller.clientHeight / 3;
      const smooth = !matchMedia('(prefers-reduced-motion: reduce)').matches;
      scroller.scrollTo({ top, behavior: smooth ? 'smooth' : 'auto' });
    },
  };
}

/**
 * @param {Entry} first
 * @param {((entry: Entry) => void) | undefined} seek
 */
function createEntry(first, seek) {
  const body = first.kind === 'speech' ? speech(first) : first.kind === 'tool' ? tool() : mark(first);
  const at = duration(first.atMs);
  let entry = first;
  const time =
    seek === undefined
      ? h('time', { class: 'entry-time numeric' }, at)
      : h(
          'button',
          {
            type: 'button',
            class: 'entry-time numeric',
            'aria-label': `Play from ${spokenDuration(first.atMs)}`,
            onclick: () => seek(entry),
          },
          at,
        );
  const element = h(
    'li',
    { class: `entry ${first.kind} ${first.role ?? first.mark ?? ''}`, dataset: { key: first.key } },
    time,
    body.element,
  );
  if (seek !== undefined && first.kind === 'speech') body.element.addEventListener('click', () => seek(entry));
  let rev = -1;
  return {
    element,
    /** @param {Entry} next */
    update(next) {
      if (next.rev === rev) return;
      entry = next;
      rev = next.rev;
      body.update(next);
    },
  };
}

/** @param {Entry} entry */
function speech({ role, typed }) {
  const words = h('p', { class: 'words' });
  const cut = h('p', { class: 'cut' });
  const element = h(
    'div',
    { class: 'bubble' },
    h('span', { class: 'who' }, role === 'agent' ? 'Agent' : typed ? 'Caller, in writing' : 'Caller'),
    words,
    cut,
  );
  return {
    element,
    /** @param {Entry} entry */
    update({ text = '', final, heardMs, wordless }) {
      setText(words, text !== '' ? text : wordless ? '(spoken, not written down)' : '…');
      element.classList.toggle('unfinished', !final);
      cut.hidden = heardMs === undefined;
      if (heardMs !== undefined)
        fill(cut, icon('bargeIn'), `Interrupted: the caller heard ${(heardMs / 1000).toFixed(1)} s of it`);
    },
  };
}

function tool() {
  const name = h('code', { class: 'tool-name' });
  const state = h('span', { class: 'tool-state' });
  const args = h('pre', { tabIndex: 0, 'aria-label': 'Arguments' });
  const output = h('pre', { tabIndex: 0, 'aria-label': 'Result' });
  const outputPart = h('div', { class: 'tool-part' }, h('h4', {}, 'Result'), output);
  const element = h(
    'details',
    { class: 'tool-card' },
    h('summary', {}, icon('tool'), name, state),
    h('div', { class: 'tool-part' }, h('h4', {}, 'Arguments'), args),
    outputPart,
  );
  return {
    element,
    /** @param {Entry} entry */
    update({ name: called, args: given, status = 'running', outcome, ms, output: result }) {
      setText(name, called ?? '');
      state.dataset['tone'] = status === 'ok' ? 'good' : status === 'running' ? 'warning' : 'bad';
      const took = ms === undefined ? '' : ` · ${delay(ms)}`;
      const words = {
        running: 'running',
        ok: 'done',
        failed: `failed (${outcome})`,
        dropped: `result not used (${outcome})`,
      };
      setText(state, words[status] + took);
      setText(args, given === undefined || given === '' ? 'none' : prettyJson(given));
      outputPart.hidden = result === undefined;
      if (result !== undefined) setText(output, prettyJson(result));
    },
  };
}

/** @param {Entry} entry */
function mark({ mark: kind = 'info' }) {
  const text = h('span');
  return {
    element: h('p', { class: 'mark-line' }, icon(MARKS[kind]), text),
    /** @param {Entry} entry */
    update(entry) {
      setText(text, entry.text ?? '');
    },
  };
}
