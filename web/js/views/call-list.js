import { h, keyed, setAttribute, setText } from '../lib/dom.js';
import { ago, count, duration, meterFill } from '../lib/format.js';
import { roving } from '../lib/roving.js';
import { attentionOf, matches } from '../model/attention.js';
import { elapsedMs } from '../model/call-state.js';
import { refusalWords } from '../model/refusals.js';
import { carrierWords, isSimulated, partyWords, reasonWords, resultTone, transportWords } from '../model/words.js';
import { routeTo } from '../router.js';
import { createFirstSteps } from './first-steps.js';

/**
 * @typedef {import('../model/call-state.js').CallState} CallState
 * @typedef {import('../model/refusals.js').Refusals} Refusals
 */

/** How long a refused caller is spoken of in the list, ms. */
const REFUSED_MS = 600_000;

/** @type {Record<import('../model/call-state.js').Phase, string>} */
export const PHASES = {
  ringing: 'Ringing',
  connecting: 'Connecting',
  talking: 'In progress',
  held: 'On hold',
  ended: 'Ended',
};

/** Who is on the other end. @param {CallState} call */
export const partyOf = ({ info }) => partyWords(info);

/**
 * How a call does, in one word and a colour. Green is what goes on: a call that is over has it no more, however well it went.
 * @param {CallState} call
 * @param {boolean} [isThere] whether the daemon is: without it nobody knows
 */
export function standing(call, isThere = true) {
  if (call.phase === 'ended')
    return {
      tone: resultTone(call.end?.result) === 'bad' ? 'bad' : 'neutral',
      words: call.end === undefined ? 'Ended' : reasonWords(call.end.reason),
    };
  if (!isThere) return { tone: 'neutral', words: 'Not known: no connection' };
  return { tone: call.phase === 'talking' ? 'good' : 'warning', words: PHASES[call.phase] };
}

/** What a call's line in the list is found by. @param {CallState} call @param {number} now */
const lineOf = (call, now) => [
  partyOf(call),
  call.info['prompt'],
  call.info['route'],
  carrierWords(call.info['carrier']),
  transportWords(call.transport),
  standing(call).words,
  attentionOf(call, now).words,
  call.lastWords?.text,
];

/**
 * The list of live calls, each with its two meters: what needs attention first, or the newest. Meters and clocks are set apart from the rest, since they move all
 * the time. Nothing changes its place under a pointer, or under the keyboard.
 * @param {object} options
 * @param {() => number} options.now the daemon's clock, ms since 1970
 * @param {() => boolean} options.isThere whether the daemon is
 * @param {import('../status.js').DaemonStatus} options.status
 * @param {() => void} options.place
 * @param {() => void} options.changed another order or filter was asked for
 */
export function createCallList({ now, isThere, status, place, changed }) {
  const list = h('ul', { class: 'calls', 'aria-label': 'Live calls' });
  const empty = createFirstSteps(status);
  const refused = h('p', { class: 'refused-note', role: 'status', hidden: true });
  const none = h('p', { class: 'empty', hidden: true }, 'No call has these words.');
  const title = h('h2', {}, 'Live calls');
  const tally = h('span', { class: 'muted numeric' });
  const placeButton = h('button', { class: 'button small acts', type: 'button', onclick: place }, 'Place a call');
  const filter = h('input', {
    type: 'search',
    autocomplete: 'off',
    spellcheck: false,
    placeholder: 'Filter',
    'aria-label': 'Filter the calls',
    oninput: changed,
  });
  const order = h(
    'select',
    { class: 'select', 'aria-label': 'Order', onchange: changed },
    h('option', { value: 'attention' }, 'Needs attention'),
    h('option', { value: 'newest' }, 'Newest first'),
  );
  const tools = h('div', { class: 'list-tools' }, filter, order);
  const element = h(
    'section',
    { class: 'list-pane', 'aria-label': 'Live calls' },
    h('div', { class: 'pane-head' }, title, tally, placeButton),
    refused,
    tools,
    list,
    none,
    empty,
  );
  const keys = roving(list, 'a');

  /** @type {Map<string, Row>} */
  const rows = new Map();
  /** Calls whose line is in sight: only these are drawn as often as something is told of them, all others once a second. @type {Set<string>} */
  const seen = new Set();
  const sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const id = target instanceof HTMLElement ? (target.dataset['call'] ?? '') : '';
      if (isIntersecting) seen.add(id);
      else seen.delete(id);
    }
    write(shown.filter(({ id }) => seen.has(id)));
  });
  /** @type {CallState[]} */
  let shown = [];
  /** @type {string | undefined} */
  let chosen;

  /** The calls in the order in which they are, as far as somebody is at one of them. @param {CallState[]} calls */
  const placed = (calls) => {
    if (!list.matches(':hover, :focus-within')) return calls;
    const at = new Map(shown.map((call, index) => [call.id, index]));
    return calls.toSorted((a, b) => (at.get(a.id) ?? -1) - (at.get(b.id) ?? -1));
  };

  /** Their lines say what there is to say. @param {CallState[]} calls */
  const write = (calls) => {
    for (const call of calls) rows.get(call.id)?.update(call, call.id === chosen, now(), isThere());
  };

  return {
    element,
    /** Which order is asked for. */
    get order() {
      return order.value;
    },
    /** @param {CallState[]} all @param {string | undefined} id the chosen one */
    update(all, id) {
      chosen = id;
      const wanted = filter.value.trim();
      const calls = placed(wanted === '' ? all : all.filter((call) => matches(wanted, lineOf(call, now()))));
      shown = calls;
      keyed(
        list,
        calls,
        (call) => call.id,
        (call) => {
          const row = createRow(call.id);
          rows.set(call.id, row);
          sight.observe(row.element);
          return { element: row.element, update: (item) => row.update(item, item.id === chosen, now(), isThere()) };
        },
      );
      const there = new Set(calls.map((call) => call.id));
      for (const [key, row] of rows) {
        if (there.has(key)) continue;
        sight.unobserve(row.element);
        seen.delete(key);
        rows.delete(key);
      }
      list.hidden = calls.length === 0;
      tools.hidden = all.length === 0;
      none.hidden = all.length === 0 || calls.length > 0;
      empty.hidden = all.length > 0;
      const active = all.filter((call) => call.phase !== 'ended').length;
      setText(
        tally,
        all.length === 0 ? '' : wanted === '' ? count(active, 'call') : `${calls.length} of ${all.length}`,
      );
      keys.refresh(id === undefined ? null : (rows.get(id)?.link ?? null));
    },
    /**
     * Calls changed, and nothing else: their lines are written where they stand, as far as they are in sight.
     * @param {ReadonlySet<string>} ids
     * @returns {boolean} false where the list as a whole has to be looked at: one of them is in it no more, or not yet
     */
    touch(ids) {
      if (filter.value.trim() !== '') return false;
      const changed = shown.filter(({ id }) => ids.has(id));
      if (changed.length < ids.size || changed.some(({ phase }) => phase === 'ended')) return false;
      write(changed.filter(({ id }) => seen.has(id)));
      return true;
    },
    /** Callers who were refused of late: they are in no list, and would else be missed. @param {Refusals | undefined} refusals */
    refused(refusals) {
      const last = refusals?.by.toSorted((a, b) => (b.lastAt ?? 0) - (a.lastAt ?? 0))[0];
      const fresh = last?.lastAt !== undefined && Date.now() - last.lastAt < REFUSED_MS;
      refused.hidden = !fresh;
      if (fresh && refusals !== undefined && last.lastAt !== undefined)
        setText(
          refused,
          `${count(refusals.count, 'caller')} refused, the last ${ago(last.lastAt)}: ${refusalWords(last.reason).toLowerCase()}.`,
        );
    },
    /** All meters fall: nothing is heard of any call. */
    silence() {
      for (const row of rows.values()) row.levels(0, 0);
    },
    /** Once a second. */
    tick() {
      write(shown);
      for (const call of shown) rows.get(call.id)?.tick(call, now(), isThere());
    },
    /** @param {ReadonlyMap<string, { caller: number | null, agent: number | null }>} levels dBFS, of calls that were told of since the last time */
    levels(levels) {
      for (const id of seen) {
        const level = levels.get(id);
        if (level !== undefined) rows.get(id)?.levels(meterFill(level.caller), meterFill(level.agent));
      }
    },
  };
}

/** @typedef {ReturnType<typeof createRow>} Row */

/** @param {string} id */
function createRow(id) {
  const party = h('span', { class: 'call-party' });
  const clock = h('span', { class: 'call-clock numeric' });
  const dot = h('span', { class: 'dot', 'aria-hidden': 'true' });
  const state = h('span', { class: 'call-state' });
  const about = h('span', { class: 'call-about muted' });
  const words = h('span', { class: 'call-words muted' });
  const caller = h('i', { class: 'fill caller' });
  const agent = h('i', { class: 'fill agent' });
  const meters = h(
    'span',
    { class: 'meters', 'aria-hidden': 'true' },
    h('span', { class: 'meter' }, caller),
    h('span', { class: 'meter' }, agent),
  );
  const link = h(
    'a',
    { href: routeTo('live', id), tabIndex: -1 },
    h('span', { class: 'call-main' }, party, h('span', { class: 'call-line' }, dot, state, about), words),
    h('span', { class: 'call-side' }, clock, meters),
  );
  let rev = -1;
  return {
    element: h('li', { dataset: { call: id } }, link),
    link,
    /** @param {CallState} call @param {boolean} chosen @param {number} now @param {boolean} isThere */
    update(call, chosen, now, isThere) {
      setAttribute(link, 'aria-current', chosen ? 'true' : undefined);
      if (call.rev === rev) return;
      rev = call.rev;
      setText(party, partyOf(call));
      setText(
        about,
        [
          isSimulated(call.info['model']) ? 'Simulated' : undefined,
          call.info['prompt'],
          carrierWords(call.info['carrier']),
          transportWords(call.transport),
        ]
          .filter(Boolean)
          .join(' · '),
      );
      const said = call.lastWords;
      setText(words, said === undefined ? '' : `${said.who}: ${said.text.slice(0, 160)}`);
      link.classList.toggle('over', call.phase === 'ended');
      if (call.phase === 'ended') this.levels(0, 0);
      this.tick(call, now, isThere);
    },
    /** @param {CallState} call @param {number} now @param {boolean} isThere */
    tick(call, now, isThere) {
      setText(clock, duration(elapsedMs(call, now)));
      const { tone, words: stands } = standing(call, isThere);
      const attention = attentionOf(call, now);
      const calm = attention.words === '' || !isThere;
      setAttribute(dot, 'data-tone', calm ? tone : attention.tone);
      setText(state, calm ? stands : attention.words);
      // What is as it should be need not be spelled out in each of two hundred lines, except to who has them read out.
      state.classList.toggle('visually-hidden', calm && call.phase === 'talking' && isThere);
    },
    /** @param {number} callerFill @param {number} agentFill 0 to 1 */
    levels(callerFill, agentFill) {
      caller.style.transform = `scaleX(${callerFill.toFixed(3)})`;
      agent.style.transform = `scaleX(${agentFill.toFixed(3)})`;
    },
  };
}
