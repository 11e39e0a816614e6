import { h, setText } from '../js/lib/dom.js';
import { Conversation } from './conversation.js';
import { Phone } from './phone.js';
import { STATE_WORDS } from './words.js';

/** Loudness that fills a meter, and that leaves it empty, dBFS. */
const LOUD_DB = -12;
const QUIET_DB = -60;

/**
 * @typedef {{ fetch?: (path: string, init?: RequestInit) => Promise<Response>, token?: string | (() => string | null | undefined),
 *   processing?: boolean, conversationId?: string, call?: import('./phone.js').CallOptions }} MountOptions
 */

/**
 * Puts the telephone's face into an element: state, call and hang-up, mute, levels, what is said, typed and done. Gives the phone itself and
 * a way to be rid of both.
 * @param {HTMLElement} root
 * @param {MountOptions} [options] `fetch` takes the place of the browser's; `token` is the operators' token, for a fetch that brings none
 */
export function mountPhone(root, options = {}) {
  const phone = new Phone({
    fetch: withToken(options),
    ...(options.processing === undefined ? {} : { processing: options.processing }),
    ...(options.conversationId === undefined ? {} : { conversationId: options.conversationId }),
  });
  const view = new PhoneView(phone, options.call ?? {});
  ensureStyles();
  root.append(view.element);
  return {
    phone,
    destroy() {
      phone.hangUp();
      view.close();
      view.element.remove();
    },
  };
}

class PhoneView {
  #phone;
  #callOptions;
  #conversation;
  #frame = 0;
  #status = h('p', { class: 'vb-status', role: 'status' });
  #notice = h('p', { class: 'vb-notice', role: 'alert', hidden: true });
  #connection = h('p', { class: 'vb-connection' });
  #call = h('button', { type: 'button', class: 'vb-button vb-call' }, 'Call');
  #hangUp = h('button', { type: 'button', class: 'vb-button vb-hangup', hidden: true }, 'Hang up');
  #mute = h('button', { type: 'button', class: 'vb-button', 'aria-pressed': 'false' }, 'Mute microphone');
  #speaker = h('button', { type: 'button', class: 'vb-button', 'aria-pressed': 'false' }, 'Mute speaker');
  #unsilence = h('button', { type: 'button', class: 'vb-button vb-call', hidden: true }, 'Hear the agent');
  #mine = meter('You');
  #agent = meter('Agent');
  #input = h('input', {
    type: 'text',
    class: 'vb-input',
    maxLength: 4000,
    autocomplete: 'off',
    enterKeyHint: 'send',
    'aria-label': 'Message to the agent',
    placeholder: 'Write to the agent',
  });
  #send = h('button', { type: 'submit', class: 'vb-button' }, 'Send');

  /**
   * @param {Phone} phone
   * @param {import('./phone.js').CallOptions} callOptions
   */
  constructor(phone, callOptions) {
    this.#phone = phone;
    this.#callOptions = callOptions;
    this.#conversation = new Conversation((id) => phone.retype(id));
    const form = h('form', { class: 'vb-form' }, this.#input, this.#send);
    this.element = h(
      'div',
      { class: 'vb-phone' },
      h('div', { class: 'vb-head' }, this.#status, this.#connection),
      this.#notice,
      h('div', { class: 'vb-buttons' }, this.#call, this.#hangUp, this.#mute, this.#speaker, this.#unsilence),
      h('div', { class: 'vb-meters' }, this.#mine.element, this.#agent.element),
      this.#conversation.element,
      form,
    );
    this.#call.addEventListener('click', () => this.#place());
    this.#hangUp.addEventListener('click', () => {
      phone.hangUp();
      this.#call.focus();
    });
    this.#mute.addEventListener('click', () => phone.setMuted(!phone.muted));
    this.#speaker.addEventListener('click', () => phone.setSpeakerMuted(!phone.speakerMuted));
    this.#unsilence.addEventListener('click', () => void phone.unsilence());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#input.value.trim();
      if (text === '' || phone.state !== 'connected') return;
      this.#input.value = '';
      phone.type(text);
    });
    phone.addEventListener('change', () => this.#show());
    phone.addEventListener('turn', (event) => this.#conversation.typed(detail(event)));
    phone.addEventListener('event', (event) => this.#conversation.happened(detail(event)));
    this.#show();
  }

  close() {
    cancelAnimationFrame(this.#frame);
  }

  #place() {
    void this.#phone.call(this.#callOptions);
    this.#hangUp.focus();
  }

  #show() {
    const phone = this.#phone;
    const { state, active } = phone;
    const inCall = state === 'connected' || state === 'unstable';
    this.element.dataset['state'] = state;
    setText(this.#status, phone.reason === undefined ? STATE_WORDS[state] : `${STATE_WORDS[state]}. ${phone.reason}`);
    const { ice, peer } = phone.connection;
    setText(this.#connection, active ? `Connection: ${peer}, ICE: ${ice}` : '');
    this.#notice.hidden = phone.microphoneProblem === undefined;
    setText(
      this.#notice,
      phone.microphoneProblem === undefined
        ? ''
        : `${phone.microphoneProblem} The agent hears silence; you can hear it and write to it.`,
    );
    setText(this.#call, state === 'lost' ? 'Reconnect' : state === 'failed' ? 'Try again' : 'Call');
    this.#call.hidden = active;
    this.#hangUp.hidden = !active;
    this.#unsilence.hidden = !phone.silenced;
    press(this.#mute, phone.muted);
    press(this.#speaker, phone.speakerMuted);
    this.#input.disabled = !inCall;
    this.#send.disabled = !inCall;
    if (inCall && this.#frame === 0) this.#frame = requestAnimationFrame(this.#draw);
  }

  /** Levels go with the picture, and stand still where nobody looks. */
  #draw = () => {
    const { mine, agent } = this.#phone.levels;
    this.#mine.show(mine);
    this.#agent.show(agent);
    this.#frame = this.#phone.active ? requestAnimationFrame(this.#draw) : 0;
  };
}

/** @param {string} name whose level it is */
function meter(name) {
  const bar = h('meter', { min: 0, max: 1, value: 0, 'aria-label': `Loudness: ${name}` });
  return {
    element: h('div', { class: 'vb-meter' }, h('span', {}, name), bar),
    /** @param {number} db */
    show(db) {
      bar.value = Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
    },
  };
}

/**
 * @param {HTMLButtonElement} button
 * @param {boolean} pressed
 */
function press(button, pressed) {
  button.setAttribute('aria-pressed', String(pressed));
}

/** @param {Event} event */
function detail(event) {
  return /** @type {CustomEvent} */ (event).detail;
}

/** @param {MountOptions} options */
function withToken({ fetch = (path, init) => globalThis.fetch(path, init), token }) {
  return (/** @type {string} */ path, /** @type {RequestInit} */ init = {}) => {
    const value = typeof token === 'function' ? token() : token;
    if (!value) return fetch(path, init);
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${value}`);
    return fetch(path, { ...init, headers });
  };
}

/** The panel brings its looks along, once a page. */
function ensureStyles() {
  const href = new URL('./phone.css', import.meta.url).href;
  if (document.querySelector(`link[href="${href}"]`) !== null) return;
  document.head.append(h('link', { rel: 'stylesheet', href }));
}
