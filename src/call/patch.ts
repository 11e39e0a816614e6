import { type AudioSink, nullSink, type PcmFrame } from '../media/frame.ts';
import { staysWithin } from '../media/level.ts';

/** Audio whose peak is not above this (about -54 dBFS) is near-silence. */
const SILENT_PEAK = 63;

/**
 * A cable that can be plugged: an agent's leg is started before there is a caller and outlives a lost one, so what it writes to must
 * stay the same while the far end changes. Unplugged, it discards. It also measures what passes, for the watchdog.
 */
export class Patch implements AudioSink {
  readonly sampleRate: number;
  #target: AudioSink;
  #samples = 0;
  #audible = false;

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate;
    this.#target = nullSink(sampleRate);
  }

  /** Plugs it into `sink` (which has this patch's rate), or out. */
  connect(sink: AudioSink | undefined): void {
    this.#target = sink ?? nullSink(this.sampleRate);
  }

  /** Samples passed since the last reading, and whether there was anything to be heard in them. */
  read(): { samples: number; audible: boolean } {
    const reading = { samples: this.#samples, audible: this.#audible };
    this.#samples = 0;
    this.#audible = false;
    return reading;
  }

  write(frame: PcmFrame): void {
    const { samples } = frame;
    this.#samples += samples.length;
    // Every sample, until one is heard: of a tone every fourth may be zero. Once speech has passed nothing is looked at until the next reading.
    if (!this.#audible) this.#audible = !staysWithin(samples, SILENT_PEAK);
    this.#target.write(frame);
  }

  clear(): void {
    this.#target.clear();
  }

  toString(): string {
    return `patch -> ${this.#target}`;
  }
}
