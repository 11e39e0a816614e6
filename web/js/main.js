import { Api, ApiProblem } from './api.js';
import { watchHealth } from './health.js';
import { setAttribute } from './lib/dom.js';
import { LiveStream } from './live-stream.js';
import { LiveCalls } from './model/live-calls.js';
import { nameCarriers } from './model/words.js';
import { onRoute } from './router.js';
import { createHeader } from './views/header.js';
import { createLiveView } from './views/live.js';
import { announce, notify } from './views/notices.js';
import { createPastView } from './views/past.js';
import { createPhoneDock } from './views/phone-dock.js';
import { createSignIn } from './views/sign-in.js';

/** Joins the console's parts. */

/** How often, and how long, a record is waited for to have all that the stream did not tell. */
const HISTORY_TRIES = 5;
const HISTORY_WAIT_MS = 1_500;

nameCarriers(JSON.parse(document.querySelector('meta[name="carriers"]')?.getAttribute('content') ?? '{}'));

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const api = new Api();
const calls = new LiveCalls();
const stream = new LiveStream(() => api.token);
const phone = createPhoneDock(byId('dock'), api);
const header = createHeader(byId('top'), {
  togglePhone: () => phone.toggle(header.phoneButton),
  signOut: () => {
    api.setToken(null);
    location.reload();
  },
});

/** Calls whose history was asked for: once each. @type {Set<string>} */
const asked = new Set();
/** @param {string} id */
async function loadHistory(id) {
  if (asked.has(id)) return;
  asked.add(id);
  for (let n = 1; n <= HISTORY_TRIES; n++) {
    // The record of a call that only just began is not written yet.
    const age = Date.now() - calls.skewMs - (calls.get(id)?.startedAt ?? 0);
    if (n > 1 || age < HISTORY_WAIT_MS) await new Promise((resolve) => setTimeout(resolve, HISTORY_WAIT_MS));
    try {
      const { events } = await api.record(id);
      if (calls.addHistory(id, events, n === HISTORY_TRIES)) break;
    } catch (error) {
      // Without records the call is shown from here on, which the conversation shows by itself.
      if (!(error instanceof ApiProblem) || error.code !== 'RECORD_UNKNOWN') break;
    }
  }
  live.ask();
}

const live = createLiveView({ api, calls, loadHistory, changed: () => header.showActive(calls.active) });
const past = createPastView({ api });

/** The calls as the daemon lists them: those that began before the stream, and those that ended while it was broken. */
async function reconcile() {
  try {
    const list = await api.get('calls?limit=1000');
    calls.reconcile(list.calls, Date.now() - calls.skewMs);
    live.ask();
    if (!list.calls.some((/** @type {{ id: string }} */ call) => calls.lacksHistory(call.id))) return;
    calls.describe((await api.get('records?active=true&limit=200')).records);
    live.ask();
  } catch {
    // The stream says what goes on from now; a missing token is asked for elsewhere.
  }
}

const signIn = createSignIn(api, begin);
api.onDenied = (problem) => {
  stream.stop();
  header.showStream({ state: 'offline' });
  signIn.ask(problem);
};

/** @type {ReturnType<typeof watchHealth> | undefined} */
let health;
let wasLive = false;
stream.onStatus = (status) => {
  header.showStream(status);
  if (status.state === 'offline' && wasLive) {
    notify('The connection to the daemon is gone. What is shown may be out of date; it is being tried again.', 'error');
    wasLive = false;
  }
  // A refused upgrade tells a page nothing; a plain request tells whether it is the token.
  if (status.state === 'offline') {
    void reconcile();
    health?.look();
  }
  if (status.state === 'live') {
    if (document.querySelector('.toast.error') !== null) announce('The connection to the daemon is back.');
    for (const toast of document.querySelectorAll('.toast.error')) toast.remove();
    wasLive = true;
    void reconcile();
    health?.look();
  }
};
stream.onMessage = (message) => {
  if (message.kind === 'levels') live.levels(message);
  else if (message.kind === 'hello') calls.setDaemonTime(message.now);
  else if (message.kind === 'gap') {
    // Events are lost for good: what is shown is begun anew, from the records.
    calls.clear();
    asked.clear();
    void reconcile();
  } else if (message.kind === 'event') {
    calls.apply(message.event);
    live.ask();
  }
};

/** Begins to watch: at the start, and whenever somebody signed in. */
async function begin() {
  header.showToken(api.token !== null);
  try {
    await api.get('calls?limit=1');
  } catch (error) {
    const { status } = /** @type {ApiProblem} */ (error);
    // Who may not ask is asked; whatever else it is, the stream tries again by itself.
    if (status === 401 || status === 403) return;
  }
  stream.start();
  past.refresh();
}

onRoute((route) => {
  header.showView(route.view);
  const view = route.view === 'live' ? live.element : past.element;
  const main = byId('main');
  if (main.firstElementChild !== view) main.replaceChildren(view);
  setAttribute(main, 'data-view', route.view);
  if (route.view === 'live') live.choose(route.id);
  else past.show(route);
});
void begin().finally(() => {
  health = watchHealth(api, header.showHealth);
});
