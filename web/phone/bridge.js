import { PhoneError } from './phone-error.js';

/** The daemon's HTTP routes for calls of one page. */

/**
 * @typedef {object} CallOptions
 * @property {string} [voice]
 * @property {string} [agentName] a prompt's name
 * @property {string | Record<string, unknown>} [agent] who answers in place of the agent of route and prompt
 * @property {string} [systemPrompt]
 */
/** @typedef {(path: string, init?: RequestInit) => Promise<Response>} Fetch */

const PATH = '/api/realtime/webrtc/bridge';
/** How long the server may take to answer an offer, ms. */
const ANSWER_MS = 10_000;

export class Bridge {
  #fetch;
  #path;
  #sessionId = '';

  /** @param {{ fetch?: Fetch | undefined, path?: string | undefined }} options */
  constructor({ fetch = globalThis.fetch.bind(globalThis), path = PATH }) {
    this.#fetch = fetch;
    this.#path = path;
  }

  /** The server's id of the last call; '' before the first. */
  get sessionId() {
    return this.#sessionId;
  }

  /**
   * Offers a call; gives the answer's SDP. Rejects with a PhoneError.
   * @param {string} conversationId
   * @param {string | undefined} offer SDP
   * @param {CallOptions} options
   * @param {AbortSignal} signal
   * @returns {Promise<string>}
   */
  async call(conversationId, offer, { voice, agentName, agent, systemPrompt }, signal) {
    const timeout = AbortSignal.timeout(ANSWER_MS);
    const body = {
      conversation_id: conversationId,
      offer,
      voice,
      agent_name: agentName,
      agent,
      system_prompt: systemPrompt,
    };
    let response;
    try {
      response = await this.#ask(this.#path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.any([signal, timeout]),
      });
    } catch {
      throw new PhoneError(timeout.aborted ? 'TIMEOUT' : 'NETWORK');
    }
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new PhoneError(answer.error?.code ?? `HTTP_${response.status}`, answer.error?.message);
    if (!signal.aborted) this.#sessionId = answer.session_id;
    return answer.answer;
  }

  /**
   * Ends the conversation's call, also when the page is about to go.
   * @param {string} conversationId
   */
  end(conversationId) {
    if (this.#sessionId === '') return;
    const path = `${this.#path}/${encodeURIComponent(conversationId)}`;
    void this.#ask(path, { method: 'DELETE', keepalive: true }).catch(() => {});
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   */
  #ask(path, init) {
    const headers = new Headers(init.headers);
    // Shows that the conversation's call is this page's own, where anybody may call.
    if (this.#sessionId !== '') headers.set('x-session-id', this.#sessionId);
    return this.#fetch(path, { ...init, headers });
  }
}
