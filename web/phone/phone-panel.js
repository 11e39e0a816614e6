import { h } from '../js/lib/dom.js';
import { Conversation } from './conversation.js';
import { Phone } from './phone.js';
import { ensureStyles, PhoneStage } from './phone-stage.js';
import { callWords } from './words.js';

/**
 * @typedef {{ phone?: Phone, fetch?: (path: string, init?: RequestInit) => Promise<Response>,
 *   token?: string | (() => string | null | undefined), onToken?: (token: string) => void, processing?: boolean, conversationId?: string,
 *   call?: import('./phone.js').CallOptions }} MountOptions
 */

/**
 * Puts the telephone's face into an element: state, call and hang-up, mute, levels, what is said, typed and done. Gives the phone itself and
 * a way to be rid of both.
 * @param {HTMLElement} root
 * @param {MountOptions} [options] `phone`: one that there is already, in place of one of its own, which then needs no more than `call`; `fetch` takes the
 *   place of the browser's; `token` is the operators' token, for a fetch that brings none; `onToken` is given another where that is missing or refused:
 *   without it nobody is asked for one
 */
export function mountPhone(root, options = {}) {
  const phone =
    options.phone ??
    new Phone({
      fetch: withToken(options),
      ...(options.processing === undefined ? {} : { processing: options.processing }),
      ...(options.conversationId === undefined ? {} : { conversationId: options.conversationId }),
    });
  const view = new PhoneView(phone, options.call ?? {}, options.onToken);
  ensureStyles();
  ensureStyles('conversation.css');
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
  #onToken;
  #stage;
  #token = h('input', {
    type: 'password',
    class: 'vb-input',
    autocomplete: 'current-password',
    'aria-label': 'Admin token',
    placeholder: 'Admin token',
  });
  #signIn = h(
    'form',
    { class: 'vb-form vb-sign-in', hidden: true },
    this.#token,
    h('button', { type: 'submit', class: 'vb-button vb-call' }, 'Sign in and call'),
  );
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
   * @param {((token: string) => void) | undefined} onToken
   */
  constructor(phone, callOptions, onToken) {
    this.#phone = phone;
    this.#callOptions = callOptions;
    this.#onToken = onToken;
    this.#conversation = new Conversation((id) => phone.retype(id));
    this.#stage = new PhoneStage(phone, () => this.#place());
    const form = h('form', { class: 'vb-form' }, this.#input, this.#send);
    this.element = h(
      'div',
      { class: 'vb-phone' },
      this.#stage.element,
      this.#stage.notice,
      this.#signIn,
      this.#conversation.element,
      form,
    );
    this.#signIn.addEventListener('submit', (event) => {
      event.preventDefault();
      const token = this.#token.value.trim();
      if (token === '') return;
      this.#token.value = '';
      this.#onToken?.(token);
      this.#place();
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#input.value.trim();
      if (text === '' || this.#input.disabled) return;
      this.#input.value = '';
      phone.type(text);
    });
    phone.addEventListener('change', () => this.#show());
    phone.addEventListener('turn', (event) => this.#conversation.typed(detail(event)));
    phone.addEventListener('event', (event) => this.#conversation.happened(detail(event)));
    this.#show();
  }

  close() {
    this.#stage.close();
  }

  #place() {
    // What was lost or failed is called again as it was: a draft, or another prompt, and not whoever the routes give.
    if (callWords(this.#phone.state).isAgain) void this.#phone.reconnect();
    else void this.#phone.call(this.#callOptions);
  }

  #show() {
    const { state, code } = this.#phone;
    const inCall = state === 'connected' || state === 'unstable';
    const asks = this.#onToken !== undefined && /^ADMIN_TOKEN_/.test(code ?? '');
    const wasHidden = this.#signIn.hidden;
    this.#signIn.hidden = !asks;
    if (asks && wasHidden) this.#token.focus();
    this.#input.disabled = !inCall;
    this.#send.disabled = !inCall;
  }
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
