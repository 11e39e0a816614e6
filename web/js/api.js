import { errorWords } from './model/words.js';

/** The daemon's HTTP interface as the console uses it, with the token it keeps for as long as the tab lives. */

const TOKEN_KEY = 'voicebridge.token';
/** Events of a record that are asked for at a time. */
const EVENTS_PAGE = 2_000;

/** A request that was refused or failed; `message` is for people. */
export class ApiProblem extends Error {
  /**
   * @param {number} status 0: no answer came
   * @param {{ code: string, message?: string, issues?: ReadonlyArray<{ path: string, message: string }> }} error
   */
  constructor(status, error) {
    super(errorWords(error));
    this.name = 'ApiProblem';
    this.status = status;
    this.code = error.code;
  }
}

/** Where the page is, so that it also works behind a proxy's path. @param {string} path without a leading slash */
export const urlOf = (path) => new URL(path, document.baseURI);

export class Api {
  /** @type {(problem: ApiProblem) => void} told when a token is needed, or the one there is is not taken */
  onDenied = () => {};
  #token = sessionStorage.getItem(TOKEN_KEY);

  get token() {
    return this.#token;
  }

  /** @param {string | null} token */
  setToken(token) {
    this.#token = token;
    if (token === null) sessionStorage.removeItem(TOKEN_KEY);
    else sessionStorage.setItem(TOKEN_KEY, token);
  }

  /**
   * `fetch` with the token. Rejects with an ApiProblem when there is no answer or none of success; tells `onDenied` of a missing or wrong token.
   * @param {string} path
   * @param {RequestInit} [init]
   */
  async fetch(path, init = {}) {
    const headers = new Headers(init.headers);
    const sent = this.#token;
    if (sent !== null) headers.set('authorization', `Bearer ${sent}`);
    /** @type {Response} */
    let response;
    try {
      response = await fetch(urlOf(path), { ...init, headers, cache: init.cache ?? 'no-store' });
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error;
      throw new ApiProblem(0, { code: 'OFFLINE' });
    }
    if (response.ok) return response;
    const problem = new ApiProblem(response.status, await errorOf(response));
    const denied = response.status === 401;
    // An answer to a token that was changed meanwhile says nothing about the new one.
    if (denied && sent === this.#token) this.onDenied(problem);
    throw problem;
  }

  /**
   * @param {string} path
   * @param {{ signal?: AbortSignal | undefined }} [options]
   * @returns {Promise<any>}
   */
  async get(path, options = {}) {
    return (await this.fetch(path, options.signal === undefined ? {} : { signal: options.signal })).json();
  }

  /**
   * @param {string} path
   * @param {unknown} [body]
   * @param {Record<string, string>} [headers]
   * @returns {Promise<any>} undefined where the answer has no body
   */
  async post(path, body, headers = {}) {
    const response = await this.fetch(path, {
      method: 'POST',
      ...(body === undefined
        ? { headers }
        : { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return text === '' ? undefined : JSON.parse(text);
  }

  /**
   * A call of the records with all its events; those of a long call come in pages.
   * @param {string} id
   * @param {AbortSignal} [signal]
   * @returns {Promise<{ record: any, events: import('./model/call-state.js').RecordedEvent[] }>}
   */
  async record(id, signal) {
    const at = `records/${encodeURIComponent(id)}?limit=${EVENTS_PAGE}`;
    const { record, events, next } = await this.get(at, { signal });
    for (let after = next; typeof after === 'string'; ) {
      const page = await this.get(`${at}&after=${encodeURIComponent(after)}`, { signal });
      events.push(...page.events);
      after = page.next;
    }
    return { record, events };
  }

  /**
   * What operators may do with a call that goes on.
   * @param {string} id
   */
  call(id) {
    const at = `calls/${encodeURIComponent(id)}`;
    return {
      hangUp: () => this.post(`${at}/hangup`),
      /** @param {{ to: string, say?: string }} order */
      transfer: (order) => this.post(`${at}/transfer`, order),
      /** @param {string} digits */
      digits: (digits) => this.post(`${at}/digits`, { digits }),
      /** @param {string} text */
      whisper: (text) => this.post(`${at}/whisper`, { text }),
      /** @param {string} text */
      say: (text) => this.post(`${at}/say`, { text }),
      /** @param {string} text */
      text: (text) => this.post(`${at}/text`, { text }),
    };
  }
}

/**
 * The error an answer tells, also one that a proxy on the way made.
 * @param {Response} response
 */
async function errorOf(response) {
  try {
    const { error } = await response.json();
    if (typeof error?.code === 'string') return error;
  } catch {
    // No JSON: it is not the daemon's own answer.
  }
  return { code: `HTTP ${response.status}`, message: response.statusText };
}
