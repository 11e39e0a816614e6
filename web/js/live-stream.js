import { urlOf } from './api.js';

/**
 * The stream of all calls' events. It comes back by itself after a break, asking for what came after the last event it saw, and says at
 * every moment whether what is shown is true.
 */

/** @typedef {{ state: 'connecting' | 'live' | 'offline', retryAt?: number }} StreamStatus */

const PROTOCOL = 'voicebridge.events.v1';
/** Waits between attempts, ms; each is spread by up to a quarter, so that many consoles do not come back at one moment. */
const BACK_OFF = [500, 1_000, 2_000, 4_000, 8_000, 15_000];
/** A socket that neither opens nor fails in this time is given up, ms. */
const OPEN_MS = 10_000;

/** @param {string} text @returns {string} base64url, which is what a subprotocol's name may hold */
export function base64url(text) {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** How long to wait before attempt `n` (from 0), ms. @param {number} n @param {() => number} [random] */
export function backOff(n, random = Math.random) {
  const base = BACK_OFF[Math.min(n, BACK_OFF.length - 1)] ?? 15_000;
  return Math.round(base * (0.75 + random() * 0.5));
}

export class LiveStream {
  /** @type {(message: any) => void} */
  onMessage = () => {};
  /** @type {(status: StreamStatus) => void} */
  onStatus = () => {};
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #attempt = 0;
  #running = false;
  /** @type {string | undefined} */
  #lastId;
  /** @type {() => string | null} */
  #token;
  #at;

  /**
   * @param {() => string | null} token
   * @param {string} [at] the stream with what is asked of it, without a leading slash, as the page has it
   */
  constructor(token, at = 'events?levels=1') {
    this.#token = token;
    this.#at = at;
    // The browser knows of a network that went or came back long before a socket does.
    addEventListener('online', () => this.#running && this.#socket === undefined && this.#connect());
    addEventListener('offline', () => this.#socket?.close());
  }

  start() {
    this.stop();
    this.#running = true;
    this.#attempt = 0;
    this.#connect();
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  /** Forgets what was seen: after signing in as somebody else nothing is replayed. */
  forget() {
    this.#lastId = undefined;
  }

  #connect() {
    clearTimeout(this.#timer);
    this.onStatus({ state: 'connecting' });
    const url = urlOf(this.#at);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    if (this.#lastId !== undefined) url.searchParams.set('after', this.#lastId);
    const token = this.#token();
    const socket = new WebSocket(url, token === null ? [PROTOCOL] : [PROTOCOL, `bearer.${base64url(token)}`]);
    this.#socket = socket;
    const late = setTimeout(() => socket.close(), OPEN_MS);
    socket.onopen = () => {
      clearTimeout(late);
      if (this.#socket !== socket) return;
      this.#attempt = 0;
      this.onStatus({ state: 'live' });
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket || typeof data !== 'string') return;
      const message = JSON.parse(data);
      // What comes late from another instance is no place to come back to.
      if (message.kind === 'event' && message.event.id > (this.#lastId ?? '')) this.#lastId = message.event.id;
      if (message.kind === 'hello') this.#lastId = message.last;
      this.onMessage(message);
    };
    socket.onclose = () => {
      clearTimeout(late);
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#retry();
    };
  }

  #retry() {
    if (!this.#running) return;
    const wait = backOff(this.#attempt);
    this.#attempt += 1;
    this.onStatus({ state: 'offline', retryAt: Date.now() + wait });
    this.#timer = setTimeout(() => this.#connect(), wait);
  }
}
