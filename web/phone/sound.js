import { LevelMeter } from './level.js';
import { Microphone } from './microphone.js';
import { microphoneWords } from './words.js';

/** What the caller says and hears: the microphone or its stand-in, the speaker, and how loud both are. */

/**
 * @typedef {object} Devices
 * @property {string} [microphoneId] '' or none: the browser's own choice
 * @property {string} [speakerId] as `microphoneId`
 * @property {boolean} [processing] echo cancellation and the like by the browser
 */

export class Sound {
  /** Anything that the properties say is another. */
  onchange = () => {};
  /** Another track takes the microphone's place. @type {(track: MediaStreamTrack) => void} */
  ontrack = () => {};
  /** @type {AudioContext | undefined} */
  #audio;
  /** @type {Microphone | undefined} */
  #microphone;
  /** @type {{ mine: LevelMeter, agent: LevelMeter | undefined } | undefined} */
  #meters;
  #speaker = new Audio();
  #silenced = false;
  #muted = false;
  /** @type {{ microphoneId: string, speakerId: string, processing: boolean }} */
  #devices = { microphoneId: '', speakerId: '', processing: true };

  constructor() {
    this.#speaker.autoplay = true;
    this.#speaker.setAttribute('playsinline', '');
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

  set muted(muted) {
    this.#muted = muted;
    if (this.#microphone !== undefined) this.#microphone.track.enabled = !muted;
  }

  get speakerMuted() {
    return this.#speaker.muted;
  }

  set speakerMuted(muted) {
    this.#speaker.muted = muted;
  }

  /** Loudness of both sides, dBFS; -100 without a call. */
  get levels() {
    return { mine: this.#meters?.mine.dbfs() ?? -100, agent: this.#meters?.agent?.dbfs() ?? -100 };
  }

  /** The analyser of what the agent says. */
  get agentAnalyser() {
    return this.#meters?.agent?.analyser;
  }

  /**
   * Asks for the microphone; gives its track, or a silent one's. To be called from a click or key, so that the browser lets audio play.
   * @param {AbortSignal} signal
   * @returns {Promise<MediaStreamTrack | undefined>} undefined when it was called off meanwhile
   */
  async open(signal) {
    const audio = new AudioContext();
    this.#audio = audio;
    void audio.resume();
    const microphone = await Microphone.open(audio, this.#devices);
    if (signal.aborted) {
      microphone.close();
      void audio.close().catch(() => {});
      return undefined;
    }
    this.#take(audio, microphone);
    return microphone.track;
  }

  /**
   * Which devices are used from now on, also by a call that goes on. What is left out stays.
   * @param {Devices} devices
   */
  async use(devices) {
    const before = this.#devices;
    this.#devices = { ...before, ...devices };
    const { microphoneId, processing, speakerId } = this.#devices;
    if (speakerId !== before.speakerId) await this.#speaker.setSinkId?.(speakerId).catch(() => {});
    const audio = this.#audio;
    if (audio === undefined || this.#microphone === undefined) return;
    if (microphoneId === before.microphoneId && processing === before.processing) return;
    const next = await Microphone.open(audio, this.#devices);
    // The call may be over by then, or another device be chosen.
    const now = this.#devices;
    if (this.#audio !== audio || now.microphoneId !== microphoneId || now.processing !== processing)
      return next.close();
    this.#replace(audio, next);
  }

  /** @param {AudioContext} audio @param {Microphone} microphone */
  #take(audio, microphone) {
    this.#microphone = microphone;
    microphone.track.enabled = !this.#muted;
    this.#meters?.mine.close();
    this.#meters = {
      mine: new LevelMeter(audio, new MediaStream([microphone.track])),
      agent: this.#meters?.agent,
    };
    microphone.onlost = () => {
      if (this.#microphone !== microphone) return;
      const lost = microphoneWords(Object.assign(new Error(), { name: 'TrackEnded' }));
      this.#replace(audio, Microphone.standIn(audio, lost));
    };
  }

  /** @param {AudioContext} audio @param {Microphone} next */
  #replace(audio, next) {
    this.#microphone?.close();
    this.#take(audio, next);
    this.ontrack(next.track);
    this.onchange();
  }

  /** @param {MediaStream} stream what the agent says */
  listen(stream) {
    this.#speaker.srcObject = stream;
    if (this.#audio !== undefined && this.#meters !== undefined)
      this.#meters.agent = new LevelMeter(this.#audio, stream);
    void this.play();
  }

  /** Lets the browser play; to be called from a tap where it asked for one. */
  async play() {
    try {
      await this.#audio?.resume();
      await this.#speaker.play();
      this.#silenced = false;
    } catch (error) {
      // A browser plays nothing before the person did something on the page; a load that was replaced is no refusal.
      if (error instanceof Error && error.name === 'NotAllowedError') this.#silenced = true;
    }
    this.onchange();
  }

  /** The call is over. */
  close() {
    this.#meters?.mine.close();
    this.#meters?.agent?.close();
    this.#meters = undefined;
    this.#microphone?.close();
    this.#microphone = undefined;
    this.#speaker.srcObject = null;
    this.#silenced = false;
    void this.#audio?.close().catch(() => {});
    this.#audio = undefined;
  }
}
