import { microphoneWords } from './words.js';

/**
 * The caller's side of the audio: the microphone, or a silent stand-in where there is none, so that the call can be made all the same and
 * the agent be heard and written to.
 */

export class Microphone {
  /** @type {MediaStreamTrack} */
  track;
  /** Why it is a stand-in, in words; undefined for a real microphone. */
  problem;
  /** Told when a real microphone goes away in the middle of a call. @type {(() => void) | undefined} */
  onlost;

  /**
   * @param {MediaStreamTrack} track
   * @param {string} [problem]
   */
  constructor(track, problem) {
    this.track = track;
    this.problem = problem;
    if (problem === undefined) track.addEventListener('ended', () => this.onlost?.());
  }

  /**
   * Asks for the microphone. Never rejects.
   * @param {AudioContext} audio makes the stand-in
   * @param {{ processing: boolean, microphoneId?: string | undefined }} options `processing`: echo cancellation, noise suppression and gain
   *   control by the browser; `microphoneId`: the device, the browser's own choice without it
   */
  static async open(audio, { processing, microphoneId = '' }) {
    const devices = globalThis.navigator.mediaDevices;
    if (devices?.getUserMedia === undefined) return Microphone.standIn(audio, microphoneWords(undefined));
    try {
      const stream = await devices.getUserMedia({
        audio: {
          echoCancellation: processing,
          noiseSuppression: processing,
          autoGainControl: processing,
          ...(microphoneId === '' ? {} : { deviceId: { exact: microphoneId } }),
        },
      });
      const [track] = stream.getAudioTracks();
      if (track !== undefined) return new Microphone(track);
      return Microphone.standIn(audio, microphoneWords(new Error()));
    } catch (error) {
      return Microphone.standIn(audio, microphoneWords(error));
    }
  }

  /**
   * A track that is silent and still sends, so that the line stays alive.
   * @param {AudioContext} audio
   * @param {string} problem
   */
  static standIn(audio, problem) {
    const destination = audio.createMediaStreamDestination();
    const source = audio.createConstantSource();
    const gain = audio.createGain();
    gain.gain.value = 0;
    source.connect(gain).connect(destination);
    source.start();
    const [track] = destination.stream.getAudioTracks();
    if (track === undefined) throw new Error('no track for the stand-in');
    return new Microphone(track, problem);
  }

  close() {
    this.onlost = undefined;
    this.track.stop();
  }
}
