/** Loudness of a stream, by an analyser node that nothing is played from. */
export class LevelMeter {
  #source;
  #analyser;
  #samples;

  /**
   * @param {AudioContext} audio
   * @param {MediaStream} stream
   */
  constructor(audio, stream) {
    this.#source = audio.createMediaStreamSource(stream);
    this.#analyser = audio.createAnalyser();
    this.#analyser.fftSize = 2048;
    this.#analyser.smoothingTimeConstant = 0;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source.connect(this.#analyser);
  }

  /** The node, for whoever wants the spectrum. */
  get analyser() {
    return this.#analyser;
  }

  /** The last 2048 samples' loudness, dBFS (0: a full-scale square wave); -100 for silence. */
  dbfs() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const rms = Math.sqrt(sum / this.#samples.length);
    return rms < 1e-5 ? -100 : 20 * Math.log10(rms);
  }

  close() {
    this.#source.disconnect();
  }
}
