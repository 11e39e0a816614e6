import { fill, h, setAttribute, setText } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { may, mayCall, onRole, setRole } from '../model/role.js';
import { VIEWS } from '../router.js';
import { onTheme, theme, toggleTheme } from '../theme.js';
import { createProblems, createRefusals } from './notes.js';

/** @typedef {import('../live-stream.js').StreamStatus} StreamStatus */

/** A daemon that comes so late to its work is worth a word, ms. */
const LATE_MS = 20;

/** Views that a narrow page shows beside each other, too; the others are behind a button there. */
const ALWAYS = 3;

/** How wide they are there, px. */
const MORE_PX = 190;

/** What the daemon's readiness may be besides "ok", in words. @type {Record<string, string>} */
const HEALTH = {
  ok: 'Healthy',
  degraded: 'Something is wrong',
  draining: 'Draining: no new calls',
  overloaded: 'Overloaded: no new calls',
  'model-unreachable': 'Model unreachable: no new calls',
  'memory-away': 'Shared memory away: no new calls',
  'model-refuses': 'Model refuses calls: check key and credit',
  unreachable: 'Daemon unreachable',
};

/**
 * @param {HTMLElement} top
 * @param {{ signOut(): void, togglePhone(): void, phoneCall: HTMLElement, stays: () => boolean }} actions `phoneCall`: one's own call, where there is one; `stays`:
 *   whether the page is not to be left now
 */
export function createHeader(top, { signOut, togglePhone, phoneCall, stays }) {
  const links = VIEWS.map(([view, words]) =>
    // People are an admin's to see to.
    h('a', { href: `#/${view}`, dataset: { view }, hidden: view === 'people' }, words),
  );
  const badge = h('span', { class: 'badge', 'aria-hidden': 'true', hidden: true });
  links[0]?.append(badge);

  // A page of its own: where that would hang up on somebody it gets a tab of its own, too, which is signed in as this one is.
  const tests = h('a', { href: 'console/tests.html', rel: 'opener' }, 'Tests');
  tests.addEventListener('click', () => {
    tests.target = stays() ? '_blank' : '';
  });
  const more = createMore([...links.slice(ALWAYS), tests]);

  const healthDot = h('span', { class: 'dot', 'aria-hidden': 'true' });
  const healthText = h('span', {}, '…');
  const late = h('span', { class: 'muted numeric late' });
  const refusals = createRefusals();
  const problems = createProblems();
  const streamDot = h('span', { class: 'dot', 'aria-hidden': 'true' });
  const streamText = h('span', { class: 'stream-text' }, 'Connecting');

  const phone = h(
    'button',
    {
      class: 'button',
      type: 'button',
      id: 'open-phone',
      'aria-expanded': 'false',
      'aria-controls': 'phone-panel',
      onclick: togglePhone,
    },
    icon('phone'),
    h('span', { class: 'wide-only' }, 'Call the agent'),
  );
  setAttribute(phone, 'aria-label', 'Call the agent');
  const themeButton = h('button', { class: 'icon-button theme', type: 'button', onclick: toggleTheme });
  const showTheme = () => {
    fill(themeButton, icon(theme() === 'dark' ? 'sun' : 'moon'));
    setAttribute(themeButton, 'aria-label', theme() === 'dark' ? 'Use the light theme' : 'Use the dark theme');
  };
  showTheme();
  onTheme(showTheme);
  const out = h(
    'button',
    {
      class: 'icon-button',
      type: 'button',
      'aria-label': 'Sign out',
      title: 'Sign out',
      hidden: true,
      onclick: signOut,
    },
    icon('signOut'),
  );

  fill(
    top,
    h(
      'h1',
      { class: 'brand', 'aria-label': 'Voice bridge' },
      brandMark(),
      h('span', { class: 'wide-only' }, 'Voice bridge'),
    ),
    h('nav', { 'aria-label': 'Views' }, links.slice(0, ALWAYS), more.button, more.element),
    h(
      'div',
      { class: 'status' },
      problems.element,
      refusals.element,
      h('div', { class: 'status-item', id: 'health' }, healthDot, healthText, late),
      h('div', { class: 'status-item', id: 'stream', role: 'status' }, streamDot, streamText),
    ),
    h('div', { class: 'top-buttons' }, phoneCall, phone, themeButton, out),
  );

  /** @type {import('../status.js').Status | undefined} */
  let known;
  const showPhone = () => {
    phone.hidden = !mayCall(known);
  };
  onRole((role) => {
    document.body.dataset['role'] = role;
    showPhone();
    for (const link of links) {
      if (link.dataset['view'] === 'people') link.hidden = !may('admin');
      if (link.dataset['view'] === 'desk') link.hidden = !may('operator');
    }
  });

  /** @type {StreamStatus} */
  let stream = { state: 'connecting' };
  let isThere = true;
  const showStream = () => {
    streamDot.dataset['tone'] = stream.state === 'live' ? 'good' : stream.state === 'offline' ? 'bad' : 'warning';
    setText(
      streamText,
      stream.state === 'live' ? 'Live' : stream.state === 'offline' ? 'Offline, retrying' : 'Connecting',
    );
    // What is as it should be is said once: by the daemon's health, as that nothing is heard of it is. To who has it read out it is said all the same.
    const isSaid = stream.state === 'live' || !isThere;
    streamDot.hidden = isSaid;
    streamText.classList.toggle('visually-hidden', isSaid);
  };
  showStream();

  return {
    phoneButton: phone,
    /** @param {string} view */
    showView(view) {
      for (const link of links) setAttribute(link, 'aria-current', link.dataset['view'] === view ? 'page' : undefined);
      more.show(VIEWS.slice(ALWAYS).find(([name]) => name === view)?.[1]);
    },
    /** @param {number} n calls that go on */
    showActive(n) {
      badge.hidden = n === 0;
      setText(badge, String(n));
      document.title = n === 0 ? 'Voice bridge' : `(${n}) Voice bridge`;
    },
    /** @param {import('../health.js').Health} health */
    showHealth({ status, loopMs, refusals: refused }) {
      refusals.show(refused);
      isThere = status !== 'unreachable';
      showStream();
      const bad = ['unreachable', 'overloaded', 'model-refuses'].includes(status);
      healthDot.dataset['tone'] = status === 'ok' ? 'good' : bad ? 'bad' : 'warning';
      setText(healthText, HEALTH[status] ?? status);
      setText(late, loopMs === undefined || loopMs < LATE_MS ? '' : `runs ${Math.round(loopMs)} ms late`);
      late.title = 'How late the daemon comes to its work; from 50 ms on callers are refused';
    },
    /** @param {import('../status.js').Status} status */
    showStatus(status) {
      problems.show(status);
      known = status;
      showPhone();
    },
    /** @param {StreamStatus} status */
    showStream(status) {
      stream = status;
      showStream();
    },
    /** @param {boolean} has */
    showToken(has) {
      out.hidden = !has;
    },
    /** Who is signed in: what the role may not do is not offered. @param {{ name: string, role: string }} me */
    showMe({ name, role }) {
      out.title = `Sign out ${name} (${role})`;
      setAttribute(out, 'aria-label', out.title);
      setRole(role);
    },
  };
}

/** Links for which a narrow page has no room: a button shows them there, and elsewhere it is not seen. @param {HTMLElement[]} links */
function createMore(links) {
  const element = h('div', { class: 'views-rest', id: 'views-rest', popover: 'auto' }, links);
  const name = h('span');
  const button = h(
    'button',
    { type: 'button', class: 'views-more' },
    name,
    h('span', { class: 'visually-hidden' }, ' views'),
  );
  setAttribute(button, 'popovertarget', element.id);
  element.addEventListener('beforetoggle', () => {
    const { left, bottom } = button.getBoundingClientRect();
    element.style.top = `${bottom}px`;
    element.style.right = `${Math.max(8, innerWidth - left - MORE_PX)}px`;
  });
  element.addEventListener('click', () => {
    if (element.matches(':popover-open')) element.hidePopover();
  });
  return {
    element,
    button,
    /** @param {string | undefined} shown the title of the view that is shown, where it is one of these */
    show(shown) {
      setText(name, shown ?? 'More');
      button.classList.toggle('here', shown !== undefined);
    },
  };
}

function brandMark() {
  return h('span', { class: 'brand-mark', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'), h('i'));
}
