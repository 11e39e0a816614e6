import { fill, h, keyed, setAttribute, setText } from '../lib/dom.js';
import { delay, duration, prettyJson, spokenDuration } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { marked, marksOf } from '../lib/mark.js';
import { isSlow } from '../model/slow.js';
import { routeTo } from '../router.js';

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
  operator: 'ear',
};

/**
 * The conversation: who said what, tools, and what happened between.
 * @param {{ seek?: (entry: Entry) => void, label?: string }} [options] `seek`: lines can be chosen, to hear them
 */
export function createTranscript({ seek, label = 'Conversation' } = {}) {
  const list = h('ol', { class: 'entries' });
  const unwritten = h('p', { class: 'muted entries-dropped', hidden: true });
  const dropped = h('p', { class: 'muted entries-dropped', hidden: true });
  const waiting = h('p', { class: 'muted entries-empty' }, 'Nothing has been said yet.');
  const scroller = h(
    'div',
    { class: 'conversation-scroll', tabIndex: 0, role: 'log', 'aria-live': 'off', 'aria-label': label },
    unwritten,
    dropped,
    list,
    waiting,
  );
  const latest = h('button', { type: 'button', class: 'button small to-latest', hidden: true }, 'Latest');
  const missed = h('p', { class: 'entries-missed', role: 'status', hidden: true });
  const element = h('div', { class: 'conversation' }, scroller, missed, latest);

  /** @type {ReadonlyArray<Entry>} */
  let entries = [];
  let callId = '';
  /** @type {string | undefined} */
  let notWritten;
  let follows = true;
  /** Says that the line that was asked for is none of those that are shown; undefined takes it back. @param {string} [words] */
  const miss = (words) => {
    missed.hidden = words === undefined;
    fill(
      missed,
      words,
      words !== undefined && seek === undefined && h('a', { href: routeTo('calls', callId) }, 'Open the record'),
    );
  };
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
    /** Why callers' words are not written down, in a sentence; undefined: they are. @param {string | undefined} why */
    explain(why) {
      notWritten = why;
    },
    /** @param {CallState} call */
    update(call) {
      if (call.id !== callId) miss();
      callId = call.id;
      entries = call.entries;
      setText(unwritten, notWritten ?? '');
      unwritten.hidden = notWritten === undefined || !entries.some(({ role, typed }) => role === 'caller' && !typed);
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
    /** Shows the line of a moment, and marks it for a while. @param {number} ms since the call began */
    reveal(ms) {
      const entry = entries.findLast(({ atMs }) => atMs <= ms + 50);
      miss(entry === undefined ? `The line at ${duration(ms)} is not shown here. ` : undefined);
      const row = [...list.children].find((one) => /** @type {HTMLElement} */ (one).dataset['key'] === entry?.key);
      if (!(row instanceof HTMLElement)) return;
      follows = false;
      const smooth = !matchMedia('(prefers-reduced-motion: reduce)').matches;
      row.scrollIntoView({ block: 'center', behavior: smooth ? 'smooth' : 'auto' });
      for (const old of list.querySelectorAll('.revealed')) old.classList.remove('revealed');
      requestAnimationFrame(() => row.classList.add('revealed'));
    },
    /** Shows a line that was looked for, with the words marked. @param {string} key @param {string} asked */
    find(key, asked) {
      const row = [...list.children].find((one) => /** @type {HTMLElement} */ (one).dataset['key'] === key);
      const words = row?.querySelector('.words');
      if (!row || !words) return;
      const text = words.textContent ?? '';
      fill(words, marked(text, marksOf(text, asked)));
      row.classList.add('found');
      row.scrollIntoView({ block: 'center' });
      // Who reads by ear or by keys begins where the words are.
      row.querySelector('button')?.focus({ preventScroll: true });
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
      const smooth = !matchMedia('(prefers-reduced-motion: reduce)').matches;
      const behavior = smooth ? 'smooth' : 'auto';
      // Where the page scrolls as a whole, a line that is in sight stays where it is.
      if (scroller.scrollHeight <= scroller.clientHeight) current.scrollIntoView({ block: 'nearest', behavior });
      else scroller.scrollTo({ top: current.offsetTop - scroller.clientHeight / 3, behavior });
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
  const who = h('span', { class: 'who' });
  const waited = h('span', { class: 'waited numeric', hidden: true });
  const element = h('div', { class: 'bubble' }, h('span', { class: 'bubble-head' }, who, waited), words, cut);
  return {
    element,
    /** @param {Entry} entry */
    update({ text = '', final, heardMs, delayMs, wordless, by = 'Caller' }) {
      waited.hidden = delayMs === undefined;
      if (delayMs !== undefined) {
        setText(waited, `after ${delay(delayMs)}`);
        waited.title = 'How long the caller waited for it';
        waited.classList.toggle('slow', isSlow(delayMs));
      }
      setText(who, role === 'agent' ? 'Agent' : typed ? `${by}, in writing` : by);
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
  const outputPart = h('div', { class: 'tool-part' }, h('p', { class: 'tool-part-name' }, 'Result'), output);
  const element = h(
    'details',
    { class: 'tool-card' },
    h('summary', {}, icon('tool'), name, state),
    h('div', { class: 'tool-part' }, h('p', { class: 'tool-part-name' }, 'Arguments'), args),
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
