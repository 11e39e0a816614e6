import { Api, ApiProblem } from './api.js';
import { watchHealth } from './health.js';
import { guardLeaving } from './leaving.js';
import { isFocusLost } from './lib/busy.js';
import { setAttribute } from './lib/dom.js';
import { LiveStream } from './live-stream.js';
import { LiveCalls } from './model/live-calls.js';
import { LostCalls } from './model/lost-calls.js';
import { Unsaved } from './model/unsaved.js';
import { nameCarriers } from './model/words.js';
import { OwnPhone } from './own-phone.js';
import { onRoute } from './router.js';
import { DaemonStatus } from './status.js';
import { createAgentsView } from './views/agents.js';
import { createDeskView } from './views/desk-view.js';
import { openDialog } from './views/dialogs.js';
import { createHeader } from './views/header.js';
import { createLiveView } from './views/live.js';
import { announce, notify } from './views/notices.js';
import { createOverview } from './views/overview.js';
import { createPastView } from './views/past.js';
import { createPeopleView } from './views/people.js';
import { createPhoneDock } from './views/phone-dock.js';
import { createSetupView } from './views/setup.js';
import { createSignIn } from './views/sign-in.js';

/** Joins the console's parts. */

/** How often, and how long, a record is waited for to have all that the stream did not tell. */
const HISTORY_TRIES = 5;
const HISTORY_WAIT_MS = 1_500;

/** Calls that are listed at most. */
const CALLS_MOST = 1_000;
/** When the calls are listed again where an instance did not answer, ms. */
const RECONCILE_MS = 5_000;

nameCarriers(JSON.parse(document.querySelector('meta[name="carriers"]')?.getAttribute('content') ?? '{}'));

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const api = new Api();
const calls = new LiveCalls();
const stream = new LiveStream(() => api.token);
const daemon = new DaemonStatus(api);
const unsaved = new Unsaved();
const own = new OwnPhone(api);
const phone = createPhoneDock(byId('dock'), own);
const leaving = guardLeaving(() => [
  ...(own.current?.active ? ['Your own call is hung up.'] : []),
  ...(live.listening
    ? ['You leave the call that you listen in to; a caller you speak with goes back to the agent.']
    : []),
  ...(unsaved.edited.length > 0 ? [`What you wrote is not saved: ${unsaved.edited.join(', ')}.`] : []),
]);
const header = createHeader(byId('top'), {
  phoneCall: phone.call,
  togglePhone: () => phone.toggle(header.phoneButton),
  stays: () => leaving.costs,
  signOut: () =>
    leaving.ask('Sign out?', 'Sign out', () => {
      api.setToken(null);
      location.reload();
    }),
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
  desk.ask();
}

const live = createLiveView({
  api,
  calls,
  status: daemon,
  loadHistory,
  changed: () => header.showActive(calls.active),
});
const past = createPastView({ api });
const overview = createOverview({ api });
const people = createPeopleView({ api });
const agents = createAgentsView({
  api,
  unsaved,
  tryPrompt: (prompt) => phone.callPrompt(prompt, header.phoneButton),
});
const desk = createDeskView({ api, own, calls, status: daemon, unsaved, loadHistory });
const setup = createSetupView({ api });
/** What is shown for each view. @type {Record<import('./router.js').View, { element: HTMLElement, show(route: import('./router.js').Route): void }>} */
const views = {
  live: { element: live.element, show: ({ id }) => live.choose(id) },
  calls: past,
  overview: { element: overview.element, show: ({ query }) => overview.show(query) },
  agents,
  desk,
  setup,
  people,
};

const lost = new LostCalls({
  newest: async () => (await api.get('records?limit=200')).records,
  one: async (id) => (await api.get(`records/${encodeURIComponent(id)}?limit=1`)).record,
  found: ({ id, result, reason, durationMs }) => {
    calls.setEnd(id, { result, reason }, durationMs);
    live.ask();
    desk.ask();
  },
});

/** @type {ReturnType<typeof setTimeout> | undefined} */
let reconcileLater;
/** The calls as the daemon lists them: those that began before the stream, and those that ended while it was broken. */
async function reconcile() {
  clearTimeout(reconcileLater);
  try {
    const list = await api.get(`calls?limit=${CALLS_MOST}`);
    const isWhole = list.unreachable === undefined && list.calls.length < CALLS_MOST;
    lost.seek(calls.reconcile(list.calls, Date.now() - calls.skewMs, isWhole));
    // An instance that did not answer comes back, or is known to be gone.
    if (list.unreachable !== undefined) reconcileLater = setTimeout(() => void reconcile(), RECONCILE_MS);
    live.ask();
    desk.ask();
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
/** What says that the daemon is there: its stream, and that it answers at all, which one that hangs does not. */
const there = { stream: false, answers: true };
const showThere = () => {
  for (const view of [live, desk]) view.connected(there.stream && there.answers);
};
stream.onStatus = (status) => {
  header.showStream(status);
  if (status.state !== 'connecting') there.stream = status.state === 'live';
  showThere();
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
    void daemon.look();
    health?.look();
  }
};
stream.onMessage = (message) => {
  if (message.kind === 'levels') {
    live.levels(message);
    desk.levels(message);
  } else if (message.kind === 'hello') calls.setDaemonTime(message.now);
  else if (message.kind === 'notice' && message.type === 'calls.refused') void health?.measure();
  else if (message.kind === 'gap') {
    // Events are lost for good: what is shown is begun anew, from the records.
    calls.clear();
    asked.clear();
    void reconcile();
  } else if (message.kind === 'event') {
    calls.apply(message.event);
    live.ask();
    desk.ask();
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
  overview.refresh();
  agents.refresh();
  desk.refresh();
  setup.refresh();
  people.refresh();
  try {
    header.showMe(await api.get('me'));
  } catch {
    // Who that is can be looked up later; what the role may not do is refused in any case.
  }
}

let wasShown = false;
/** @type {HTMLDialogElement | undefined} */
let leaveQuestion;
/**
 * Whether an operator would leave the caller he speaks with by going there, who goes back to the agent at once: he is asked then.
 * @param {import('./router.js').Route} route
 * @param {() => void} goOn
 */
function holdsCaller({ view, id }, goOn) {
  if (live.takenOver === undefined || (view === 'live' && id === live.takenOver)) return false;
  // It is asked already.
  if (leaveQuestion?.open) return true;
  leaveQuestion = openDialog({
    title: 'Leave the caller?',
    text: 'You speak with the caller, who goes back to the agent when you leave this call.',
    action: 'Leave',
    danger: true,
    submit: async () => goOn(),
  });
  return true;
}
/** @param {import('./router.js').Route} route */
function showRoute(route) {
  header.showView(route.view);
  const view = views[route.view];
  const main = byId('main');
  if (main.firstElementChild !== view.element) main.replaceChildren(view.element);
  setAttribute(main, 'data-view', route.view);
  if (route.view !== 'live') live.leave();
  if (route.view === 'desk') phone.hide();
  else desk.leave();
  view.show(route);
  // What had the focus may be gone with the view that was there before.
  if (isFocusLost() && wasShown) main.focus();
  wasShown = true;
}
onRoute(showRoute, holdsCaller);
daemon.watch(header.showStatus);
void begin().finally(() => {
  health = watchHealth(api, (seen) => {
    header.showHealth(seen);
    live.refused(seen.refusals);
    there.answers = seen.status !== 'unreachable';
    showThere();
  });
});
