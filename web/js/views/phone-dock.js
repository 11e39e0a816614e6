import { fill, h, setAttribute, setText } from '../lib/dom.js';
import { duration } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { go, routeTo } from '../router.js';

/**
 * @typedef {import('../own-phone.js').OwnPhone} OwnPhone
 * @typedef {import('../../phone/phone.js').Phone} Phone
 */

const panelModule = () => new URL('../../phone/phone-panel.js', import.meta.url).href;

/**
 * The place of the browser phone: beside what is looked at, so that both can be seen, and for as long as views change. A call of one's own is shown by
 * `call` wherever one is in the console, also while the phone is put away: nobody may have a live microphone without seeing it.
 * @param {HTMLElement} dock
 * @param {OwnPhone} own
 */
export function createPhoneDock(dock, own) {
  const body = h('div', { class: 'phone-body' });
  const close = h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Hide the phone' }, icon('close'));
  const panel = h(
    'section',
    { class: 'phone-panel', id: 'phone-panel', 'aria-labelledby': 'phone-title', hidden: true },
    h('div', { class: 'pane-head' }, h('h2', { id: 'phone-title' }, 'Call the agent'), close),
    body,
  );
  dock.append(panel);
  /** @type {HTMLElement | undefined} */
  let opener;
  let isMounted = false;

  const set = (/** @type {boolean} */ open) => {
    panel.hidden = !open;
    // The views make room for it, where there is some.
    document.body.classList.toggle('with-phone', open);
    if (opener !== undefined) setAttribute(opener, 'aria-expanded', String(open));
    if (open) void mount();
    if (open) close.focus();
    // In a narrow window one's own call takes the place of the button that opened the phone.
    else if (opener?.checkVisibility()) opener.focus();
    else call.focus();
  };
  /** A call is shown where it was made. */
  const show = () => {
    if (own.place === 'desk' && own.current?.active) go(routeTo('desk'));
    else set(true);
  };
  const call = createOwnCall(show);
  own.watch(call.follow);

  const mount = async () => {
    if (isMounted) return own.current;
    fill(body, h('p', { class: 'muted' }, 'One moment …'));
    try {
      const [phone, { mountPhone }] = await Promise.all([own.load(), import(panelModule())]);
      if (isMounted) return phone;
      isMounted = true;
      body.replaceChildren();
      mountPhone(body, { phone });
      return phone;
    } catch {
      fill(body, h('p', { class: 'muted' }, 'This daemon does not offer calls from the browser.'));
      return undefined;
    }
  };
  close.addEventListener('click', () => set(false));
  panel.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') set(false);
  });

  return {
    /** One's own call, for the page's head. */
    call: call.element,
    /**
     * Calls the agent of a prompt; a call that goes on already stays as it is.
     * @param {string} prompt
     * @param {HTMLElement} by what is focused when the phone is put away
     */
    async callPrompt(prompt, by) {
      opener = by;
      set(true);
      const phone = await mount();
      await phone?.call({ agentName: prompt });
    },
    /** Another view takes its place. */
    hide() {
      if (panel.hidden) return;
      panel.hidden = true;
      document.body.classList.remove('with-phone');
      if (opener !== undefined) setAttribute(opener, 'aria-expanded', 'false');
    },
    /** @param {HTMLElement} by the button that was pressed */
    toggle(by) {
      opener = by;
      if (panel.hidden) show();
      else set(false);
    },
  };
}

/** One's own call in a line: how long it lasts, mute and hang-up. @param {() => void} show opens the phone */
function createOwnCall(show) {
  const time = h('button', {
    type: 'button',
    class: 'own-call-time numeric',
    'aria-label': 'Show your call',
    onclick: show,
  });
  const mute = h('button', { type: 'button', class: 'icon-button' });
  const hangUp = h(
    'button',
    {
      type: 'button',
      class: 'icon-button own-call-end',
      'aria-label': 'Hang up your call',
      title: 'Hang up your call',
    },
    icon('hangUp'),
  );
  const element = h(
    'div',
    { class: 'own-call', role: 'group', 'aria-label': 'Your call', hidden: true },
    time,
    mute,
    hangUp,
  );
  /** @type {Phone | undefined} */
  let phone;
  const update = () => {
    element.hidden = phone === undefined || !phone.active;
    if (phone === undefined || element.hidden) return;
    const { muted, since } = phone;
    setText(time, since === undefined ? 'Calling …' : duration(Date.now() - since));
    if (mute.dataset['muted'] === String(muted)) return;
    mute.dataset['muted'] = String(muted);
    fill(mute, icon(muted ? 'microphoneOff' : 'microphone'));
    for (const name of ['aria-label', 'title'])
      setAttribute(mute, name, muted ? 'Unmute your microphone' : 'Mute your microphone');
  };
  mute.addEventListener('click', () => phone?.setMuted(!phone.muted));
  hangUp.addEventListener('click', () => {
    phone?.hangUp();
    update();
    // The button is gone with its call: the keyboard stays near.
    document.getElementById('open-phone')?.focus();
  });
  setInterval(update, 1_000);
  return {
    element,
    focus: () => time.focus(),
    /** @param {Phone} next */
    follow: (next) => {
      phone = next;
      next.addEventListener('change', update);
      update();
    },
  };
}
