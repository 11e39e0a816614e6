import { urlOf } from '../api.js';
import { base64url } from '../live-stream.js';
import { errorWords } from '../model/words.js';

/** An operator's line to one call: plays both sides, and carries the microphone to whom it is for. */

/**
 * @typedef {'listen' | 'whisper' | 'takeover'} Mode
 * @typedef {{ state: 'connecting' | 'open' | 'closed', mode: Mode, wanted: Mode, muted: boolean, announced: boolean, untold: boolean, problem?: string | undefined }} LineState
 */

const PROTOCOL = 'voicebridge.listen.v1';
const WORKLET = 'console/js/listen/worklet.js';
const WIRE_RATE = 16_000;

/** Why a socket was closed that nobody here closed. @type {Record<string, string>} */
const ENDS = {
  'call-ended': 'The call is over.',
  'too-many-messages': 'It was asked too often who is to hear you, so this was ended.',
  'too-many-listen': errorWords({ code: 'LISTENERS_TOO_MANY' }),
  'not-announced': 'The caller could not be told that somebody listens, so nobody does.',
  'the token was revoked': 'Your token was revoked.',
  internal: 'Something broke in your line; the call goes on without it.',
  'too slow': 'The connection is too slow to listen.',
};

export class ListenLine {
  /** @type {LineState} */
  state = { state: 'connecting', mode: 'listen', wanted: 'listen', muted: false, announced: false, untold: false };
  /** @type {(state: LineState) => void} */
  onState = () => {};
  /** The loudest sample of the last tenth of a second, 0 to 1. @type {(peak: number) => void} */
  onLevel = () => {};
  #socket;
  #player = new AudioContext({ sampleRate: WIRE_RATE, latencyHint: 'interactive' });
  /** @type {AudioContext | undefined} */
  #recorder;
  /** @type {MediaStream | undefined} */
  #microphone;
  /** The microphone is there, or is being opened, which may wait for the person. @type {Promise<void> | undefined} */
  #recording;
  /** How often it was not wanted any more: one that comes after that is closed at once. */
  #stops = 0;

  /**
   * @param {string} callId
   * @param {string | null} token
   * @param {() => Promise<string>} whyRefused asks why the line was refused, of which a page's WebSocket is told nothing: a sentence
   */
  constructor(callId, token, whyRefused) {
    const url = urlOf(`listen?call=${encodeURIComponent(callId)}`);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, token === null ? [PROTOCOL] : [PROTOCOL, `bearer.${base64url(token)}`]);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    const playing = this.#play();
    socket.onmessage = async ({ data }) => {
      if (typeof data === 'string') this.#told(JSON.parse(data));
      else (await playing)?.port.postMessage(new Int16Array(data));
    };
    let isOpen = false;
    socket.onopen = () => {
      isOpen = true;
    };
    socket.onclose = async ({ reason }) => {
      const words = isOpen ? 'The connection is gone.' : await whyRefused();
      this.#close(ENDS[reason] ?? words);
    };
  }

  /** Whom the microphone is to reach. @param {Mode} mode */
  async speak(mode) {
    if (this.state.state !== 'open') return;
    this.#set({ wanted: mode, problem: undefined });
    if (mode !== 'listen') {
      try {
        await this.#record();
      } catch {
        if (this.#isWanted(mode))
          this.#set({
            wanted: this.state.mode,
            problem: 'The microphone cannot be used. Allow it in the browser and try again.',
          });
        return;
      }
      // Meanwhile the operator may have thought better of it.
      if (!this.#isWanted(mode)) return;
    } else this.#stopMicrophone();
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ mode }));
  }

  /** @param {boolean} muted */
  mute(muted) {
    for (const track of this.#microphone?.getTracks() ?? []) track.enabled = !muted;
    this.#set({ muted });
  }

  close() {
    this.#close(undefined);
  }

  /** @param {{ kind: string, mode?: Mode, announced?: boolean, code?: string, message?: string }} message */
  #told({ kind, mode, announced, code = '', message }) {
    if (kind === 'hello') this.#set({ state: 'open', announced: announced === true });
    else if (kind === 'mode' && mode !== undefined) {
      if (mode === 'listen') this.#stopMicrophone();
      // Who takes over unannounced has to say who he is.
      this.#set({ mode, wanted: mode, untold: announced === false });
    } else if (kind === 'refused') {
      this.#stopMicrophone();
      this.#set({ mode: 'listen', wanted: 'listen', problem: errorWords({ code, message }) });
    }
  }

  async #play() {
    const audio = this.#player;
    try {
      await audio.audioWorklet.addModule(urlOf(WORKLET));
      const player = new AudioWorkletNode(audio, 'listen-player', { numberOfInputs: 0, outputChannelCount: [2] });
      player.port.onmessage = ({ data }) => this.onLevel(data);
      player.connect(audio.destination);
      await audio.resume();
      return player;
    } catch {
      if (this.state.state !== 'closed') this.#close('This browser cannot play the call.');
      return undefined;
    }
  }

  /** @param {Mode} mode */
  #isWanted(mode) {
    return this.state.state === 'open' && this.state.wanted === mode;
  }

  /** Opens the microphone, once however often it is asked for. Rejects where it cannot be used. */
  #record() {
    this.#recording ??= this.#openMicrophone(this.#stops);
    return this.#recording;
  }

  /** @param {number} stops as many as there were when it was wanted */
  async #openMicrophone(stops) {
    try {
      await this.#carry(stops);
    } catch (error) {
      // Nothing stays open that carries nothing.
      if (stops === this.#stops) this.#stopMicrophone();
      throw error;
    }
  }

  /** @param {number} stops as `#openMicrophone` */
  async #carry(stops) {
    const microphone = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
    if (stops !== this.#stops) {
      for (const track of microphone.getTracks()) track.stop();
      return;
    }
    const audio = new AudioContext({ latencyHint: 'interactive' });
    this.#microphone = microphone;
    this.#recorder = audio;
    await audio.audioWorklet.addModule(urlOf(WORKLET));
    if (stops !== this.#stops) return;
    const pieces = new AudioWorkletNode(audio, 'listen-microphone', { numberOfOutputs: 0 });
    pieces.port.onmessage = ({ data }) => {
      const heard = this.state.mode !== 'listen' && this.#socket.readyState === WebSocket.OPEN;
      // What the network does not take now is not said late.
      if (heard && this.#socket.bufferedAmount < WIRE_RATE) this.#socket.send(data);
    };
    audio.createMediaStreamSource(microphone).connect(pieces);
    await audio.resume();
    this.mute(this.state.muted);
  }

  #stopMicrophone() {
    this.#stops += 1;
    this.#recording = undefined;
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    void this.#recorder?.close();
    this.#microphone = undefined;
    this.#recorder = undefined;
  }

  /** @param {string | undefined} problem */
  #close(problem) {
    if (this.state.state === 'closed') return;
    this.#stopMicrophone();
    this.#socket.onclose = null;
    this.#socket.close();
    void this.#player.close();
    this.#set({ state: 'closed', mode: 'listen', wanted: 'listen', problem });
  }

  /** @param {Partial<LineState>} change */
  #set(change) {
    this.state = { ...this.state, ...change };
    this.onState(this.state);
  }
}
