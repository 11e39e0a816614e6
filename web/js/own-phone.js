/**
 * The operator's own telephone: one for the whole console, loaded when it is first needed, so that a call goes on while views change and there is never a
 * second microphone.
 */

/**
 * @typedef {import('./api.js').Api} Api
 * @typedef {import('../phone/phone.js').Phone} Phone
 * @typedef {import('../phone/phone.js').CallOptions} CallOptions
 * @typedef {'dock' | 'desk'} Place
 */

const phoneModule = () => new URL('../phone/phone.js', import.meta.url).href;

export class OwnPhone {
  #api;
  /** @type {Promise<Phone> | undefined} */
  #loading;
  /** @type {Phone | undefined} */
  #phone;
  /** @type {Array<(phone: Phone) => void>} */
  #watchers = [];
  /** Where the call is made that goes on. @type {Place} */
  place = 'dock';

  /** @param {Api} api */
  constructor(api) {
    this.#api = api;
  }

  /** Undefined until it was needed. */
  get current() {
    return this.#phone;
  }

  /** Rejects where the daemon does not bring it. @returns {Promise<Phone>} */
  load() {
    this.#loading ??= this.#load().catch((error) => {
      // It may be there the next time: a page that was just reloaded into a daemon that starts.
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  /** @param {(phone: Phone) => void} told once, when there is one */
  watch(told) {
    if (this.#phone === undefined) this.#watchers.push(told);
    else told(this.#phone);
  }

  async #load() {
    const { Phone } = await import(phoneModule());
    const phone = /** @type {Phone} */ (new Phone({ fetch: this.#fetch }));
    this.#phone = phone;
    phone.addEventListener('change', () => {
      if (!phone.active) this.place = 'dock';
    });
    for (const told of this.#watchers.splice(0)) told(phone);
    return phone;
  }

  /** `fetch` that brings the token and, unlike the console's own, gives refusals as they are. @param {string} path @param {RequestInit} [init] */
  #fetch = (path, init = {}) => {
    const headers = new Headers(init.headers);
    if (this.#api.token !== null) headers.set('authorization', `Bearer ${this.#api.token}`);
    return fetch(new URL(path.replace(/^\//, ''), document.baseURI), { ...init, headers });
  };
}
