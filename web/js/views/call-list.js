import { h, keyed, setAttribute, setText } from '../lib/dom.js';
import { count, duration, meterFill } from '../lib/format.js';
import { roving } from '../lib/roving.js';
import { elapsedMs } from '../model/call-state.js';
import { carrierWords, partyWords, reasonWords, resultTone, transportWords } from '../model/words.js';
import { routeTo } from '../router.js';

/** @typedef {import('../model/call-state.js').CallState} CallState */

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

/** How a call does, in one word and a colour. @param {CallState} call */
export function standing(call) {
  if (call.phase === 'ended')
    return {
      tone: resultTone(call.end?.result),
      words: call.end === undefined ? 'Ended' : reasonWords(call.end.reason),
    };
  return { tone: call.phase === 'talking' ? 'good' : 'warning', words: PHASES[call.phase] };
}

/**
 * The list of live calls, each with its two meters. Meters and clocks are set apart from the rest, since they move all the time.
 * @param {{ now: () => number, place(): void }} options `now`: the daemon's clock, ms since 1970
 */
export function createCallList({ now, place }) {
  const list = h('ul', { class: 'calls', 'aria-label': 'Live calls' });
  const empty = h(
    'div',
    { class: 'empty' },
    h('p', {}, 'No calls at the moment.'),
    h('p', { class: 'muted' }, 'A call appears here as soon as a carrier or a web page asks for it.'),
  );
  const title = h('h2', {}, 'Live calls');
  const tally = h('span', { class: 'muted numeric' });
  const placeButton = h('button', { class: 'button small', type: 'button', onclick: place }, 'Place a call');
  const element = h(
    'section',
    { class: 'list-pane', 'aria-label': 'Live calls' },
    h('div', { class: 'pane-head' }, title, tally, placeButton),
    list,
    empty,
  );
  const keys = roving(list, 'a');

  /** @type {Map<string, Row>} */
  const rows = new Map();
  /** @type {CallState[]} */
  let shown = [];
  /** @type {string | undefined} */
  let chosen;

  return {
    element,
    /** @param {CallState[]} calls @param {string | undefined} id the chosen one */
    update(calls, id) {
      shown = calls;
      chosen = id;
      keyed(
        list,
        calls,
        (call) => call.id,
        (call) => {
          const row = createRow(call.id);
          rows.set(call.id, row);
          return { element: row.element, update: (item) => row.update(item, item.id === chosen, now()) };
        },
      );
      for (const key of rows.keys()) if (!calls.some((call) => call.id === key)) rows.delete(key);
      list.hidden = calls.length === 0;
      empty.hidden = calls.length > 0;
      const active = calls.filter((call) => call.phase !== 'ended').length;
      setText(tally, calls.length === 0 ? '' : count(active, 'call'));
      keys.refresh(id === undefined ? null : (rows.get(id)?.link ?? null));
    },
    /** Once a second. */
    tick() {
      for (const call of shown) rows.get(call.id)?.tick(call, now());
    },
    /** @param {ReadonlyMap<string, { caller: number | null, agent: number | null }>} levels dBFS, of calls that were told of since the last time */
    levels(levels) {
      for (const [id, { caller, agent }] of levels) rows.get(id)?.levels(meterFill(caller), meterFill(agent));
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
    h('span', { class: 'call-main' }, party, h('span', { class: 'call-line' }, dot, state, about)),
    h('span', { class: 'call-side' }, clock, meters),
  );
  let rev = -1;
  return {
    element: h('li', { dataset: { call: id } }, link),
    link,
    /** @param {CallState} call @param {boolean} chosen @param {number} now */
    update(call, chosen, now) {
      setAttribute(link, 'aria-current', chosen ? 'true' : undefined);
      if (call.rev === rev) return;
      rev = call.rev;
      const { tone, words } = standing(call);
      setText(party, partyOf(call));
      dot.dataset['tone'] = tone;
      setText(state, words);
      // What is as it should be need not be spelled out in each of two hundred lines, except to who has them read out.
      state.classList.toggle('visually-hidden', call.phase === 'talking');
      setText(
        about,
        [call.info['prompt'], carrierWords(call.info['carrier']), transportWords(call.transport)]
          .filter(Boolean)
          .join(' · '),
      );
      link.classList.toggle('over', call.phase === 'ended');
      if (call.phase === 'ended') this.levels(0, 0);
      this.tick(call, now);
    },
    /** @param {CallState} call @param {number} now */
    tick(call, now) {
      setText(clock, duration(elapsedMs(call, now)));
    },
    /** @param {number} callerFill @param {number} agentFill 0 to 1 */
    levels(callerFill, agentFill) {
      caller.style.transform = `scaleX(${callerFill.toFixed(3)})`;
      agent.style.transform = `scaleX(${agentFill.toFixed(3)})`;
    },
  };
}
