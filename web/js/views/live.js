import { h } from '../lib/dom.js';
import { askPlaceCall } from './actions.js';
import { createCallList } from './call-list.js';
import { createCallPane } from './call-pane.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../model/live-calls.js').LiveCalls} LiveCalls
 * @typedef {import('../status.js').DaemonStatus} DaemonStatus
 */

/** As wide as the style sheets take it for one column. */
const NARROW_PX = 700;
/** How often the meters of the list are drawn, ms. */
const LEVELS_MS = 90;
/** How often the list is put in order while calls only change, ms: nothing jumps about faster than it can be read. */
const ORDER_MS = 250;

/**
 * The view of calls that go on: the list, and the one that is looked at. What moves all the time is drawn at most once a picture, and only
 * where something changed, so that two hundred calls cost little more than one.
 * @param {{ api: Api, calls: LiveCalls, status: DaemonStatus, loadHistory: (id: string) => void, changed: () => void }} options
 */
export function createLiveView({ api, calls, status, loadHistory, changed }) {
  /** When the daemon was lost, by its clock; undefined while it is there: from then on nothing that is shown goes on. @type {number | undefined} */
  let lostAt;
  const now = () => lostAt ?? Date.now() - calls.skewMs;
  const isThere = () => lostAt === undefined;
  const list = createCallList({
    now,
    isThere,
    status,
    place: () => askPlaceCall(api, status),
    changed: () => {
      stale = true;
      ask();
    },
  });
  const pane = createCallPane({ api, now, isThere, status });
  const element = h('div', { class: 'live-view' }, list.element, pane.element);
  /** @type {string | undefined} */
  let chosen;
  /** @type {Map<string, { caller: number | null, agent: number | null }>} */
  const levels = new Map();
  let levelsAt = 0;
  let asked = false;
  let stale = true;
  let orderedAt = 0;
  let orderAsked = false;

  const orderSoon = () => {
    if (orderAsked) return;
    orderAsked = true;
    setTimeout(() => {
      orderAsked = false;
      stale = true;
      ask();
    }, ORDER_MS);
  };
  const draw = () => {
    asked = false;
    const dirty = calls.takeDirty();
    // Another view is looked at: only how many there are is seen of them.
    if (!element.isConnected) {
      stale ||= dirty.size > 0;
      levels.clear();
      return changed();
    }
    // Of two hundred calls a few change between two pictures: their lines alone are written, and all are put in order now and then.
    if (stale || (dirty.size > 0 && (performance.now() - orderedAt >= ORDER_MS || !list.touch(dirty)))) {
      stale = false;
      orderedAt = performance.now();
      list.update(list.order === 'newest' ? calls.list() : calls.listByAttention(now()), chosen);
      showChosen();
      changed();
    } else if (dirty.size > 0) {
      if (chosen !== undefined && dirty.has(chosen)) showChosen();
      orderSoon();
    }
    // All meters together, as often as each of them is told: two hundred calls would else be drawn sixty times a second.
    if (levels.size > 0 && performance.now() - levelsAt >= LEVELS_MS) {
      levelsAt = performance.now();
      list.levels(levels);
      levels.clear();
    }
  };
  /** A browser draws nothing in a tab that is not seen: what came meanwhile is drawn at once when it is. */
  const ask = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(draw);
  };
  const showChosen = () => {
    const call = chosen === undefined ? undefined : calls.get(chosen);
    // Asked for once each: the chosen call may become known only after it was chosen.
    if (call !== undefined && chosen !== undefined && calls.lacksHistory(chosen)) loadHistory(chosen);
    pane.update(call, chosen !== undefined && call === undefined);
  };

  setInterval(() => {
    calls.sweep(chosen);
    list.tick();
    pane.tick();
    // One that is listened to is shown a moment longer than it is known.
    if (chosen !== undefined && calls.get(chosen) === undefined) showChosen();
    // A line that falls silent tells nothing, and still is to be seen.
    stale ||= list.order === 'attention';
    ask();
  }, 1_000);

  return {
    element,
    /** Something may have changed. */
    ask,
    /** @param {import('../model/refusals.js').Refusals | undefined} refusals */
    refused(refusals) {
      list.refused(refusals);
    },
    /** Whether the daemon is there: without it clocks and meters stand, and no state is said to go on. @param {boolean} there */
    connected(there) {
      if (there === isThere()) return;
      lostAt = there ? undefined : Date.now() - calls.skewMs;
      element.classList.toggle('stale', !there);
      calls.touch();
      if (!there) {
        levels.clear();
        list.silence();
        pane.silence();
      }
      ask();
    },
    /** Another view is shown. */
    leave: () => pane.leave(),
    /** Whether an operator's line to a call is open. */
    get listening() {
      return pane.listening;
    },
    /** The call in which an operator speaks with the caller from here; undefined where none does. */
    get takenOver() {
      return pane.takenOver;
    },
    /** @param {{ callId: string, caller: number | null, agent: number | null }} message dBFS */
    levels(message) {
      if (!isThere()) return;
      levels.set(message.callId, message);
      calls.loud(message.callId, message, now());
      if (message.callId === chosen) pane.levels(message);
      ask();
    },
    /** @param {string | undefined} id */
    choose(id) {
      const other = id !== chosen;
      if (other) pane.leave();
      chosen = id;
      stale = true;
      element.classList.toggle('has-choice', id !== undefined);
      draw();
      // On a narrow screen the call takes the list's place, and whoever reads by ear must come along.
      if (other && id !== undefined && element.clientWidth <= NARROW_PX) pane.focus();
    },
  };
}
