import { fill, h, setAttribute, setText } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { onTheme, theme, toggleTheme } from '../theme.js';

/** @typedef {import('../live-stream.js').StreamStatus} StreamStatus */

const VIEWS = /** @type {const} */ ([
  ['live', 'Live'],
  ['calls', 'Past calls'],
]);

/** What the daemon's readiness may be besides "ok", in words. @type {Record<string, string>} */
const HEALTH = {
  ok: 'Healthy',
  draining: 'Draining: no new calls',
  overloaded: 'Overloaded: no new calls',
  'model-unreachable': 'Model unreachable: no new calls',
  'model-refuses': 'Model refuses calls: check key and credit',
  unreachable: 'Daemon unreachable',
};

/**
 * @param {HTMLElement} top
 * @param {{ signOut(): void, togglePhone(): void }} actions
 */
export function createHeader(top, { signOut, togglePhone }) {
  const links = VIEWS.map(([view, words]) => h('a', { href: `#/${view}`, dataset: { view } }, words));
  const badge = h('span', { class: 'badge', 'aria-hidden': 'true', hidden: true });
  links[0]?.append(badge);

  const healthDot = h('span', { class: 'dot', 'aria-hidden': 'true' });
  const healthText = h('span', {}, '…');
  const loop = h('span', { class: 'muted numeric loop' });
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
  const themeButton = h('button', { class: 'icon-button', type: 'button', onclick: toggleTheme });
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
    h('h1', { class: 'brand' }, brandMark(), h('span', { class: 'wide-only' }, 'Voice bridge')),
    h('nav', { 'aria-label': 'Views' }, links),
    h(
      'div',
      { class: 'status' },
      h('div', { class: 'status-item', id: 'health' }, healthDot, healthText, loop),
      h('div', { class: 'status-item', id: 'stream', role: 'status' }, streamDot, streamText),
    ),
    h('div', { class: 'top-buttons' }, phone, themeButton, out),
  );

  /** @type {StreamStatus} */
  let stream = { state: 'connecting' };
  const showStream = () => {
    streamDot.dataset['tone'] = stream.state === 'live' ? 'good' : stream.state === 'offline' ? 'bad' : 'warning';
    setText(
      streamText,
      stream.state === 'live' ? 'Live' : stream.state === 'offline' ? 'Offline, retrying' : 'Connecting',
    );
  };
  showStream();

  return {
    phoneButton: phone,
    /** @param {string} view */
    showView(view) {
      for (const link of links) setAttribute(link, 'aria-current', link.dataset['view'] === view ? 'page' : undefined);
    },
    /** @param {number} n calls that go on */
    showActive(n) {
      badge.hidden = n === 0;
      setText(badge, String(n));
      document.title = n === 0 ? 'Voice bridge' : `(${n}) Voice bridge`;
    },
    /** @param {import('../health.js').Health} health */
    showHealth({ status, loopMs }) {
      const bad = ['unreachable', 'overloaded', 'model-refuses'].includes(status);
      healthDot.dataset['tone'] = status === 'ok' ? 'good' : bad ? 'bad' : 'warning';
      setText(healthText, HEALTH[status] ?? status);
      setText(loop, loopMs === undefined ? '' : `loop ${loopMs < 10 ? loopMs.toFixed(1) : Math.round(loopMs)} ms`);
      loop.title = 'How late the daemon’s event loop runs';
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
  };
}

function brandMark() {
  return h('span', { class: 'brand-mark', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'), h('i'));
}
