import { type AudioSink, nullSink, type PcmFrame } from '../media/frame.ts';

/**
 * A cable that can be plugged: an agent's leg is started before there is a caller and outlives a lost one, so what it writes to must
 * stay the same while the far end changes. Unplugged, it discards. It also measures what passes, for the watchdog.
 */
export class Patch implements AudioSink {
  readonly sampleRate: number;
  #target: AudioSink;
  #samples = 0;
  #peak = 0;

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate;
    this.#target = nullSink(sampleRate);
  }

  /** Plugs it into `sink` (which has this patch's rate), or out. */
  connect(sink: AudioSink | undefined): void {
    this.#target = sink ?? nullSink(this.sampleRate);
  }

  /** Samples passed and their highest magnitude since the last reading. */
  read(): { samples: number; peak: number } {
    const reading = { samples: this.#samples, peak: this.#peak };
    this.#samples = 0;
    this.#peak = 0;
    return reading;
  }

  write(frame: PcmFrame): void {
    const { samples } = frame;
    this.#samples += samples.length;
    // Every fourth sample is enough to tell speech from silence.
    for (let i = 0; i < samples.length; i += 4) {
      const magnitude = Math.abs(samples[i] as number);
      if (magnitude > this.#peak) this.#peak = magnitude;
    }
    this.#target.write(frame);
  }

  clear(): void {
    this.#target.clear();
  }

  toString(): string {
    return `patch -> ${this.#target}`;
  }
}
