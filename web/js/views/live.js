import { h } from '../lib/dom.js';
import { askPlaceCall } from './actions.js';
import { createCallList } from './call-list.js';
import { createCallPane } from './call-pane.js';

/**
 * @typedef {import('../api.js').Api} Api
 * @typedef {import('../model/live-calls.js').LiveCalls} LiveCalls
 */

/** How often the meters of the list are drawn, ms. */
const LEVELS_MS = 90;

/**
 * The view of calls that go on: the list, and the one that is looked at. What moves all the time is drawn at most once a picture, and only
 * where something changed, so that two hundred calls cost little more than one.
 * @param {{ api: Api, calls: LiveCalls, loadHistory: (id: string) => void, changed: () => void }} options
 */
export function createLiveView({ api, calls, loadHistory, changed }) {
  const now = () => Date.now() - calls.skewMs;
  const list = createCallList({ now, place: () => askPlaceCall(api) });
  const pane = createCallPane({ api, now });
  const element = h('div', { class: 'live-view' }, list.element, pane.element);
  /** @type {string | undefined} */
  let chosen;
  /** @type {Map<string, { caller: number | null, agent: number | null }>} */
  const levels = new Map();
  let levelsAt = 0;
  let asked = false;
  let stale = true;

  const draw = () => {
    asked = false;
    const dirty = calls.takeDirty();
    if (dirty.size > 0 || stale) {
      stale = false;
      list.update(calls.list(), chosen);
      showChosen();
      changed();
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
    ask();
  }, 1_000);

  return {
    element,
    /** Something may have changed. */
    ask,
    /** @param {{ callId: string, caller: number | null, agent: number | null }} message dBFS */
    levels(message) {
      levels.set(message.callId, message);
      if (message.callId === chosen) pane.levels(message);
      ask();
    },
    /** @param {string | undefined} id */
    choose(id) {
      const other = id !== chosen;
      chosen = id;
      stale = true;
      element.classList.toggle('has-choice', id !== undefined);
      draw();
      // On a narrow screen the call takes the list's place, and whoever reads by ear must come along.
      if (other && id !== undefined && matchMedia('(max-width: 700px)').matches) pane.focus();
    },
  };
}
