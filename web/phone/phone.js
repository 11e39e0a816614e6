import { LevelMeter } from './level.js';
import { LineWatch } from './line-watch.js';
import { Microphone } from './microphone.js';
import { randomId, TypedTurns } from './typed-turns.js';
import { endWords, errorWords, microphoneWords } from './words.js';

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
 * @typedef {{ voice?: string, agentName?: string, systemPrompt?: string }} CallOptions
 * @typedef {{ fetch?: (path: string, init?: RequestInit) => Promise<Response>, path?: string, conversationId?: string,
 *   processing?: boolean, iceServers?: RTCIceServer[] }} PhoneOptions
 */

const PATH = '/api/realtime/webrtc/bridge';
/** How long gathering candidates may hold the offer up, the server the answer, and the network the media, ms. */
const GATHER_MS = 1_000;
const ANSWER_MS = 25_000;
const MEDIA_MS = 15_000;

export class Phone extends EventTarget {
  #options;
  #path;
  /** @type {PhoneState} */
  #state = 'idle';
  /** @type {string | undefined} */
  #reason;
  /** @type {RTCPeerConnection | undefined} */
  #peer;
  /** @type {RTCDataChannel | undefined} */
  #channel;
  /** @type {AudioContext | undefined} */
  #audio;
  /** @type {Microphone | undefined} */
  #microphone;
  /** @type {{ mine: LevelMeter, agent: LevelMeter | undefined } | undefined} */
  #meters;
  /** @type {LineWatch | undefined} */
  #watch;
  /** @type {AbortController | undefined} */
  #attempt;
  /** @type {WakeLockSentinel | undefined} */
  #awake;
  #speaker = new Audio();
  #silenced = false;
  #muted = false;
  #sessionId = '';
  /** @type {CallOptions} */
  #last = {};
  #turns = new TypedTurns(
    (message) => this.#send(message),
    (turn) => this.#tell('turn', turn),
  );

  /** @param {PhoneOptions} [options] */
  constructor(options = {}) {
    super();
    this.#options = options;
    this.#path = options.path ?? PATH;
    /** The conversation, which stays over reconnects. */
    this.conversationId = options.conversationId ?? randomId();
    this.#speaker.autoplay = true;
    this.#speaker.setAttribute('playsinline', '');
    addEventListener('pagehide', () => this.hangUp());
    addEventListener('offline', () => this.#unstable());
  }

  /** @returns {PhoneState} */
  get state() {
    return this.#state;
  }

  /** Why it is in this state, in words. */
  get reason() {
    return this.#reason;
  }

  /** Whether there is a call, or one is being made. */
  get active() {
    return ['microphone', 'connecting', 'connected', 'unstable'].includes(this.#state);
  }

  /** The server's id of the call; '' without one. */
  get sessionId() {
    return this.#sessionId;
  }

  /** States of the connection as the browser has them: of ICE and of the connection as a whole. */
  get connection() {
    return { ice: this.#peer?.iceConnectionState ?? 'closed', peer: this.#peer?.connectionState ?? 'closed' };
  }

  /** Why the agent hears silence for want of a microphone, in words; undefined where there is one. */
  get microphoneProblem() {
    return this.#microphone?.problem;
  }

  /** Whether the browser waits for a tap before it plays anything. */
  get silenced() {
    return this.#silenced;
  }

  get muted() {
    return this.#muted;
  }

  get speakerMuted() {
    return this.#speaker.muted;
  }

  /** Loudness of both sides, dBFS; -100 without a call. */
  get levels() {
    return { mine: this.#meters?.mine.dbfs() ?? -100, agent: this.#meters?.agent?.dbfs() ?? -100 };
  }

  /** The analyser of what the agent says, for whoever wants its spectrum. */
  get agentAnalyser() {
    return this.#meters?.agent?.analyser;
  }

  /**
   * Calls. To be called from a click or key, so that the browser lets audio play. Resolves when in the call or when that failed; never
   * rejects: `state` and `reason` say what came of it.
   * @param {CallOptions} [options]
   */
  async call(options = this.#last) {
    if (this.active) return;
    this.#last = options;
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#become('microphone');
    try {
      if (globalThis.RTCPeerConnection === undefined) throw new PhoneError('UNSUPPORTED');
      const audio = new AudioContext();
      this.#audio = audio;
      void audio.resume();
      const microphone = await Microphone.open(audio, this.#options.processing ?? true);
      if (attempt.signal.aborted) {
        microphone.close();
        void audio.close();
        return;
      }
      this.#useMicrophone(microphone, audio);
      this.#become('connecting');
      await this.#connect(attempt.signal, options);
    } catch (error) {
      if (attempt.signal.aborted) return;
      const { code, message } = error instanceof PhoneError ? error : new PhoneError('INTERNAL', String(error));
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
    const connected = this.#send({ type: 'hangup' });
    // A server that is not heard may still hear; `keepalive` lets the request outlive the page.
    if (!connected && this.#sessionId !== '')
      void this.#ask(`${this.#path}/${this.conversationId}`, { method: 'DELETE', keepalive: true }).catch(() => {});
    this.#finish('ended', endWords('caller-hangup'));
  }

  /** @param {boolean} muted whether the agent hears silence in place of the microphone */
  setMuted(muted) {
    this.#muted = muted;
    if (this.#microphone !== undefined) this.#microphone.track.enabled = !muted;
    this.#send({ type: 'mute', muted });
    this.#tell('change');
  }

  /** @param {boolean} muted whether the agent is not played */
  setSpeakerMuted(muted) {
    this.#speaker.muted = muted;
    this.#tell('change');
  }

  /** Lets the browser play after it asked for a tap; to be called from one. */
  async unsilence() {
    await this.#play();
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
   * @param {AbortSignal} signal
   * @param {CallOptions} options
   */
  async #connect(signal, options) {
    const peer = new RTCPeerConnection({ iceServers: this.#options.iceServers ?? [], bundlePolicy: 'max-bundle' });
    this.#peer = peer;
    const connected = this.#wire(peer);
    // It may fail before it is waited for.
    connected.catch(() => {});
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const response = await this.#post(signal, {
      conversation_id: this.conversationId,
      offer: peer.localDescription?.sdp,
      voice: options.voice,
      agent_name: options.agentName,
      system_prompt: options.systemPrompt,
    });
    if (signal.aborted) return;
    this.#sessionId = response.session_id;
    await peer.setRemoteDescription({ type: 'answer', sdp: response.answer });
    await within(MEDIA_MS, connected, 'MEDIA_TIMEOUT');
    if (signal.aborted) return;
    this.#watch = new LineWatch(peer, {
      flows: () => this.#become('connected'),
      unstable: () => this.#unstable(),
      lost: () => this.#lose(),
    });
    this.#become('connected');
    if (this.#muted) this.setMuted(true);
    this.#awake = await navigator.wakeLock?.request('screen').catch(() => undefined);
  }

  /**
   * Joins the peer to the rest; resolves when media is connected and the channel open.
   * @param {RTCPeerConnection} peer
   * @returns {Promise<void>}
   */
  #wire(peer) {
    const microphone = /** @type {Microphone} */ (this.#microphone);
    peer.addTransceiver(microphone.track, { direction: 'sendrecv', streams: [new MediaStream([microphone.track])] });
    const channel = peer.createDataChannel('events');
    this.#channel = channel;
    const mine = () => this.#peer === peer;
    channel.addEventListener('message', ({ data }) => {
      if (mine()) this.#hear(String(data));
    });
    peer.addEventListener('track', ({ track, streams }) => {
      if (mine()) this.#listen(streams[0] ?? new MediaStream([track]));
    });
    peer.addEventListener('iceconnectionstatechange', () => this.#tell('change'));
    return new Promise((resolve, reject) => {
      const look = () => {
        if (channel.readyState === 'open' && peer.connectionState === 'connected') resolve();
      };
      channel.addEventListener('open', look);
      channel.addEventListener('close', () => {
        if (mine()) this.#lose();
      });
      peer.addEventListener('connectionstatechange', () => {
        if (!mine()) return;
        this.#tell('change');
        look();
        if (peer.connectionState === 'disconnected') this.#unstable();
        else if (peer.connectionState === 'failed') {
          reject(new PhoneError('MEDIA_TIMEOUT'));
          this.#lose();
        }
      });
    });
  }

  /**
   * @param {Microphone} microphone
   * @param {AudioContext} audio
   */
  #useMicrophone(microphone, audio) {
    this.#microphone = microphone;
    microphone.track.enabled = !this.#muted;
    this.#meters = { mine: new LevelMeter(audio, new MediaStream([microphone.track])), agent: undefined };
    microphone.onlost = () => {
      if (this.#microphone !== microphone) return;
      const standIn = Microphone.standIn(audio, microphoneWords(Object.assign(new Error(), { name: 'TrackEnded' })));
      this.#microphone = standIn;
      void this.#peer?.getSenders()[0]?.replaceTrack(standIn.track);
      this.#tell('change');
    };
  }

  /** @param {MediaStream} stream what the agent says */
  #listen(stream) {
    this.#speaker.srcObject = stream;
    if (this.#audio !== undefined && this.#meters !== undefined)
      this.#meters.agent = new LevelMeter(this.#audio, stream);
    void this.#play();
  }

  async #play() {
    try {
      await this.#audio?.resume();
      await this.#speaker.play();
      this.#silenced = false;
    } catch (error) {
      // A browser plays nothing before the person did something on the page; a load that was replaced is no refusal.
      if (error instanceof Error && error.name === 'NotAllowedError') this.#silenced = true;
    }
    this.#tell('change');
  }

  /** @param {string} text a message of the server's */
  #hear(text) {
    const message = JSON.parse(text);
    switch (message.type) {
      case 'event':
        this.#tell('event', message.event);
        if (message.event.type === 'agent.tool_call') this.#tell('functioncall', message.event.data);
        return;
      case 'text_accepted':
        this.#turns.accepted(message.id);
        return;
      case 'text_failed':
        this.#turns.failed(message.id, message.code, message.message);
        return;
      case 'ended':
        this.#finish('ended', endWords(message.reason));
        return;
      default:
        // A newer server says more than this page knows.
        return;
    }
  }

  #unstable() {
    if (this.#state === 'connected') this.#become('unstable');
  }

  #lose() {
    if (this.#state === 'connected' || this.#state === 'unstable')
      this.#finish('lost', navigator.onLine ? 'The network or the server is gone.' : 'This device is offline.');
  }

  /** @param {object} message */
  #send(message) {
    if (this.#channel?.readyState !== 'open') return false;
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  /**
   * @param {AbortSignal} signal
   * @param {object} body
   * @returns {Promise<{ session_id: string, answer: string }>}
   */
  async #post(signal, body) {
    const timeout = AbortSignal.timeout(ANSWER_MS);
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
    if (response.ok) return answer;
    throw new PhoneError(answer.error?.code ?? `HTTP_${response.status}`, answer.error?.message);
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   */
  #ask(path, init) {
    const { fetch = globalThis.fetch.bind(globalThis) } = this.#options;
    const headers = new Headers(init.headers);
    // Shows that the conversation's call is this page's own, where anybody may call.
    if (this.#sessionId !== '') headers.set('x-session-id', this.#sessionId);
    return fetch(path, { ...init, headers });
  }

  /**
   * Frees everything of the call.
   * @param {PhoneState} state
   * @param {string} reason
   */
  #finish(state, reason) {
    this.#attempt?.abort();
    this.#watch?.close();
    this.#meters?.mine.close();
    this.#meters?.agent?.close();
    this.#microphone?.close();
    const peer = this.#peer;
    this.#peer = undefined;
    this.#channel = undefined;
    this.#microphone = undefined;
    this.#meters = undefined;
    this.#watch = undefined;
    this.#speaker.srcObject = null;
    this.#silenced = false;
    void this.#audio?.close().catch(() => {});
    this.#audio = undefined;
    void this.#awake?.release().catch(() => {});
    this.#awake = undefined;
    // What was sent last, a hang-up, leaves with the next packets.
    if (peer !== undefined) setTimeout(() => peer.close(), 100);
    this.#turns.failAll('CALL_ENDED');
    this.#become(state, reason);
  }

  /**
   * @param {PhoneState} state
   * @param {string} [reason]
   */
  #become(state, reason) {
    if (this.#state === state && this.#reason === reason) return;
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

class PhoneError extends Error {
  /**
   * @param {string} code
   * @param {string} [message]
   */
  constructor(code, message = '') {
    super(message);
    this.code = code;
  }
}

/**
 * Resolves when all candidates are found, or after a while: the server learns further ones from the connection's own checks.
 * @param {RTCPeerConnection} peer
 * @returns {Promise<void>}
 */
function gathered(peer) {
  return new Promise((resolve) => {
    const look = () => {
      if (peer.iceGatheringState === 'complete') resolve();
    };
    peer.addEventListener('icegatheringstatechange', look);
    setTimeout(resolve, GATHER_MS);
    look();
  });
}

/**
 * @template T
 * @param {number} ms
 * @param {Promise<T>} promise
 * @param {string} code
 * @returns {Promise<T>}
 */
function within(ms, promise, code) {
  return Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new PhoneError(code)), ms))]);
}
