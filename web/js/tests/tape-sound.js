/** The sound of a tape: asked for once, when somebody wants to hear it, and never heard when its player is gone. */
export class TapeSound {
  #audio;
  #load;
  #free;
  #gone = new AbortController();
  /** @type {Promise<string> | undefined} */
  #loading;
  #ready = false;

  /**
   * @param {Pick<HTMLAudioElement, 'src' | 'currentTime' | 'paused' | 'play' | 'pause'>} audio
   * @param {(signal: AbortSignal) => Promise<string>} load gives an address of the sound
   * @param {(url: string) => void} free is done with the address
   */
  constructor(audio, load, free) {
    this.#audio = audio;
    this.#load = load;
    this.#free = free;
  }

  /** Whether it is there. */
  get isReady() {
    return this.#ready;
  }

  /**
   * Plays. Rejects where it cannot be had, or played.
   * @param {() => number} from where to begin, ms; asked once, when the sound is there
   */
  async play(from) {
    this.#loading ??= this.#load(this.#gone.signal).catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    const url = await this.#loading;
    if (this.#gone.signal.aborted) return;
    if (!this.#ready) {
      this.#ready = true;
      this.#audio.src = url;
      this.#audio.currentTime = from() / 1_000;
    }
    await this.#audio.play();
  }

  close() {
    this.#gone.abort();
    this.#audio.pause();
    this.#loading?.then(this.#free, () => {});
  }
}
