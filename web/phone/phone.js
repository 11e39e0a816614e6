import { Awake } from './awake.js';
import { Bridge } from './bridge.js';
import { hearing } from './hearing.js';
import { Line } from './line.js';
import { PhoneError } from './phone-error.js';
import { Sound } from './sound.js';
import { randomId, TypedTurns } from './typed-turns.js';
import { endWords, errorWords, isFatal } from './words.js';

/**
 * A telephone in a web page: calls the agent over WebRTC. No part of the page is touched; it tells what happens by events:
 *
 * - `change`: its state, or anything its properties say, is another
 * - `event`: something happened in the call; `detail` is the recorded event ({ id, seq, at, offsetMs, type, data })
 * - `turn`: a typed turn is pending, accepted or failed; `detail` is the turn
 * - `functioncall`: the agent calls a function; `detail` is { toolCallId, name, arguments }. The server runs it; a page may act on it too
 *
 * @typedef {import('./words.js').PhoneState} PhoneState
 * @typedef {import('./typed-turns.js').TypedTurn} TypedTurn
 * @typedef {import('./bridge.js').CallOptions} CallOptions
 * @typedef {{ fetch?: import('./bridge.js').Fetch, path?: string, conversationId?: string, processing?: boolean,
 *   iceServers?: RTCIceServer[] }} PhoneOptions
 */

export class Phone extends EventTarget {
  #iceServers;
  #bridge;
  #sound = new Sound();
  /** @type {PhoneState} */
  #state = 'idle';
  /** @type {string | undefined} */
  #reason;
  /** @type {string | undefined} */
  #code;
  /** The last error the server told of this call. @type {string | undefined} */
  #trouble;
  /** @type {Line | undefined} */
  #line;
  /** @type {AbortController | undefined} */
  #attempt;
  #awake = new Awake();
  /** When the call began to flow, ms since 1970; undefined without one. @type {number | undefined} */
  #since;
  /** @type {CallOptions} */
  #last = {};
  #turns = new TypedTurns(
    (message) => this.#send(message),
    (turn) => this.#tell('turn', turn),
  );

  /** @param {PhoneOptions} [options] */
  constructor(options = {}) {
    super();
    this.#iceServers = options.iceServers ?? [];
    this.#bridge = new Bridge(options);
    /** The conversation, which stays over reconnects. */
    this.conversationId = options.conversationId ?? randomId();
    void this.#sound.use({ processing: options.processing ?? true });
    this.#sound.onchange = () => this.#tell('change');
    this.#sound.ontrack = (track) => this.#line?.replaceTrack(track);
    addEventListener('pagehide', () => this.hangUp());
    addEventListener('offline', () => this.#unstable());
  }

  /** @returns {PhoneState} */
  get state() {
    return this.#state;
  }

  /** The code of what it failed with; undefined where it did not. */
  get code() {
    return this.#state === 'failed' ? this.#code : undefined;
  }

  /** Why it is in this state, in words. */
  get reason() {
    return this.#reason;
  }

  /** Since when one is in the call, ms since 1970; undefined where one is not. */
  get since() {
    return this.#since;
  }

  /** Whether there is a call, or one is being made. */
  get active() {
    return ['microphone', 'connecting', 'connected', 'unstable'].includes(this.#state);
  }

  /** The server's id of the call, or of the last one; '' before the first. */
  get sessionId() {
    return this.#bridge.sessionId;
  }

  /** States of the connection as the browser has them: of ICE and of the connection as a whole. */
  get connection() {
    return this.#line?.states ?? { ice: 'closed', peer: 'closed' };
  }

  /** Why the agent hears silence for want of a microphone, in words; undefined where there is one. */
  get microphoneProblem() {
    return this.#sound.microphoneProblem;
  }

  /** Whether the browser waits for a tap before it plays anything. */
  get silenced() {
    return this.#sound.silenced;
  }

  get muted() {
    return this.#sound.muted;
  }

  get speakerMuted() {
    return this.#sound.speakerMuted;
  }

  /** Loudness of both sides, dBFS; -100 without a call. */
  get levels() {
    return this.#sound.levels;
  }

  /** The analyser of what the agent says, for whoever wants its spectrum. */
  get agentAnalyser() {
    return this.#sound.agentAnalyser;
  }

  /**
   * Calls. To be called from a click or key, so that the browser lets audio play. Resolves when in the call or when that failed; never
   * rejects: `state` and `reason` say what came of it.
   * @param {CallOptions} [options]
   */
  async call(options = this.#last) {
    if (this.active) return;
    this.#last = options;
    this.#trouble = undefined;
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#become('microphone');
    try {
      if (globalThis.RTCPeerConnection === undefined) throw new PhoneError('UNSUPPORTED');
      const track = await this.#sound.open(attempt.signal);
      if (track === undefined) return;
      this.#become('connecting');
      await this.#connect(track, options, attempt.signal);
    } catch (error) {
      if (attempt.signal.aborted) return;
      const { code, message } = error instanceof PhoneError ? error : new PhoneError('INTERNAL', String(error));
      this.#code = code;
      this.#finish('failed', errorWords(code, message));
    }
  }

  /** Places the call again, in the same conversation. */
  reconnect() {
    return this.call(this.#last);
  }

  /** Ends the call, or the attempt. */
  hangUp() {
    if (!this.active) return;
    // A server that is not heard may still hear.
    if (!this.#send({ type: 'hangup' })) this.#bridge.end(this.conversationId);
    this.#finish('ended', endWords('caller-hangup'));
  }

  /** @param {boolean} muted whether the agent hears silence in place of the microphone */
  setMuted(muted) {
    this.#sound.muted = muted;
    this.#send({ type: 'mute', muted });
    this.#tell('change');
  }

  /** @param {boolean} muted whether the agent is not played */
  setSpeakerMuted(muted) {
    this.#sound.speakerMuted = muted;
    this.#tell('change');
  }

  /** Which devices are used from now on, also in a call that goes on. @param {import('./sound.js').Devices} devices */
  use(devices) {
    return this.#sound.use(devices);
  }

  /** Presses keys; false where there is no call. @param {string} digits of 0-9 * # A-D */
  press(digits) {
    return this.#send({ type: 'digits', digits });
  }

  /** Lets the browser play after it asked for a tap; to be called from one. */
  async unsilence() {
    await this.#sound.play();
  }

  /**
   * Writes to the agent, which answers by voice. Gives the turn's id.
   * @param {string} text
   */
  type(text) {
    return this.#turns.add(text);
  }

  /** @param {string} id of a turn that failed */
  retype(id) {
    this.#turns.retry(id);
  }

  /**
   * @param {MediaStreamTrack} track
   * @param {CallOptions} options
   * @param {AbortSignal} signal
   */
  async #connect(track, options, signal) {
    const line = new Line(track, this.#iceServers, {
      message: this.#hear,
      heard: (stream) => this.#sound.listen(stream),
      change: () => this.#tell('change'),
      flows: () => this.#become('connected'),
      unstable: () => this.#unstable(),
      lost: () => this.#lose(),
    });
    this.#line = line;
    const offer = await line.offer();
    const answer = await this.#bridge.call(this.conversationId, offer, options, signal);
    if (signal.aborted) return;
    await line.accept(answer);
    if (signal.aborted) return;
    this.#become('connected');
    if (this.muted) this.setMuted(true);
    await this.#awake.hold(signal);
  }

  /** What the server says in the call. */
  #hear = hearing({
    event: (event) => {
      this.#tell('event', event);
      if (event.type === 'agent.tool_call') this.#tell('functioncall', event.data);
    },
    accepted: (id) => this.#turns.accepted(id),
    failed: (id, code, message) => this.#turns.failed(id, code, message),
    trouble: (code) => {
      this.#trouble = code;
    },
    ended: (reason) => {
      this.#code = this.#trouble;
      if (this.#trouble !== undefined && isFatal(this.#trouble)) this.#finish('failed', errorWords(this.#trouble));
      else this.#finish('ended', endWords(reason));
    },
  });

  #unstable() {
    if (this.#state === 'connected') this.#become('unstable');
  }

  #lose() {
    if (this.#state === 'connected' || this.#state === 'unstable')
      this.#finish('lost', navigator.onLine ? 'The network or the server is gone.' : 'This device is offline.');
  }

  /** @param {object} message */
  #send(message) {
    return this.#line?.send(message) ?? false;
  }

  /**
   * Frees everything of the call.
   * @param {PhoneState} state
   * @param {string} reason
   */
  #finish(state, reason) {
    this.#attempt?.abort();
    this.#line?.close();
    this.#line = undefined;
    this.#sound.close();
    this.#awake.release();
    this.#turns.failAll('CALL_ENDED');
    this.#become(state, reason);
  }

  /**
   * @param {PhoneState} state
   * @param {string} [reason]
   */
  #become(state, reason) {
    if (this.#state === state && this.#reason === reason) return;
    if (state === 'connected') this.#since ??= Date.now();
    else if (state !== 'unstable') this.#since = undefined;
    this.#state = state;
    this.#reason = reason;
    this.#tell('change');
  }

  /**
   * @param {string} type
   * @param {unknown} [detail]
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
