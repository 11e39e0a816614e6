import { LevelMeter } from './level.js';
import { Microphone } from './microphone.js';

/** The microphones and loudspeakers of this machine, and how they do before anybody is called. */

/** The tone that tries a loudspeaker: Hz, ms, and how loud, 0 to 1. */
const TONE_HZ = 440;
const TONE_MS = 700;
const TONE_GAIN = 0.2;

/** @typedef {{ id: string, label: string }} Device */

/**
 * What there is. Before the microphone was allowed a browser tells no names, and `named` is false.
 * @returns {Promise<{ microphones: Device[], speakers: Device[], named: boolean }>}
 */
export async function listDevices() {
  const all = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  const of = (/** @type {MediaDeviceKind} */ kind) =>
    all
      .filter((one) => one.kind === kind && one.deviceId !== '' && one.deviceId !== 'default')
      .map(({ deviceId, label }) => ({ id: deviceId, label }));
  return {
    microphones: of('audioinput'),
    speakers: of('audiooutput'),
    named: all.some(({ kind, label }) => kind === 'audioinput' && label !== ''),
  };
}

/** @param {() => void} told when one is plugged in or taken away */
export function watchDevices(told) {
  navigator.mediaDevices?.addEventListener?.('devicechange', told);
}

/** A microphone that is listened to by its owner alone. */
export class Preview {
  #audio;
  #microphone;
  #meter;

  /** @param {AudioContext} audio @param {Microphone} microphone */
  constructor(audio, microphone) {
    this.#audio = audio;
    this.#microphone = microphone;
    this.#meter = new LevelMeter(audio, new MediaStream([microphone.track]));
  }

  /**
   * Opens one; asks for it where it was not allowed yet. Never rejects: `problem` says why there is none.
   * @param {{ processing: boolean, microphoneId?: string }} options
   */
  static async open(options) {
    const audio = new AudioContext();
    return new Preview(audio, await Microphone.open(audio, options));
  }

  /** Why there is none, in words; undefined where there is one. */
  get problem() {
    return this.#microphone.problem;
  }

  /** dBFS. */
  get level() {
    return this.#meter.dbfs();
  }

  close() {
    this.#meter.close();
    this.#microphone.close();
    void this.#audio.close().catch(() => {});
  }
}

/** The microphone that is being tried: one at a time, and none that comes when nobody waits for it any more, as after a question to the person. */
export class Trial {
  #open;
  #wanted = 0;
  #active = false;
  /** @type {Preview | undefined} */
  #preview;

  /** @param {(options: { processing: boolean, microphoneId?: string }) => Promise<Preview>} [open] */
  constructor(open = Preview.open) {
    this.#open = open;
  }

  /** Whether one is tried, or is being opened for that. */
  get active() {
    return this.#active;
  }

  /** dBFS; -100 without one. */
  get level() {
    return this.#preview?.level ?? -100;
  }

  /**
   * Tries this one in place of any other. Gives what was opened; undefined where that was stopped, or another was asked for, meanwhile.
   * @param {{ processing: boolean, microphoneId?: string }} options
   */
  async start(options) {
    this.stop();
    this.#active = true;
    const wanted = this.#wanted;
    const opened = await this.#open(options);
    if (wanted !== this.#wanted) {
      opened.close();
      return undefined;
    }
    this.#preview = opened;
    return opened;
  }

  stop() {
    this.#wanted += 1;
    this.#active = false;
    this.#preview?.close();
    this.#preview = undefined;
  }
}

/** Plays a short tone. Rejects where the loudspeaker cannot be used. @param {string} speakerId '' for the browser's own choice */
export async function playTone(speakerId) {
  const audio = new AudioContext();
  const destination = audio.createMediaStreamDestination();
  const tone = audio.createOscillator();
  const gain = audio.createGain();
  tone.frequency.value = TONE_HZ;
  gain.gain.value = TONE_GAIN;
  tone.connect(gain).connect(destination);
  const speaker = new Audio();
  speaker.srcObject = destination.stream;
  try {
    if (speakerId !== '') await speaker.setSinkId(speakerId);
    await audio.resume();
    await speaker.play();
    tone.start();
    await new Promise((resolve) => setTimeout(resolve, TONE_MS));
  } finally {
    speaker.srcObject = null;
    await audio.close().catch(() => {});
  }
}
