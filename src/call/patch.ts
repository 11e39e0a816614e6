import { type AudioSink, nullSink, type PcmFrame } from '../media/frame.ts';
import { SILENT_PEAK, staysWithin } from '../media/level.ts';

/**
 * A cable that can be plugged: an agent's leg is started before there is a caller and outlives a lost one, so what it writes to must
 * stay the same while the far end changes. Unplugged, it discards. It also measures what passes, for the watchdog.
 */
export class Patch implements AudioSink {
  readonly sampleRate: number;
  #target: AudioSink;
  #samples = 0;
  #audible = false;
  /** Laid over what passes: its samples, and how many of them have passed. */
  #over: Int16Array | undefined;
  #overAt = 0;
  readonly #mixed: { samples: Int16Array; readonly sampleRate: number };

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate;
    this.#target = nullSink(sampleRate);
    this.#mixed = { samples: new Int16Array(0), sampleRate };
  }

  /** Lays a sound (at this patch's rate) over what passes from now on, in the place of one that is still there. It is not measured. */
  lay(samples: Int16Array): void {
    this.#over = samples.length === 0 ? undefined : samples;
    this.#overAt = 0;
  }

  /** Whether a sound is laid over what passes, and has not ended. */
  get laid(): boolean {
    return this.#over !== undefined;
  }

  /** Lets the sound that is laid over end within the next `ms`, without a click; 0: at once. */
  fade(ms: number): void {
    const over = this.#over;
    if (over === undefined) return;
    const rest = over.slice(this.#overAt, this.#overAt + Math.round((this.sampleRate * ms) / 1000));
    for (let i = 0; i < rest.length; i++) rest[i] = Math.round(rest[i]! * (1 - i / rest.length));
    this.lay(rest);
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
    this.#target.write(this.#over === undefined ? frame : this.#mix(this.#over, frame));
  }

  #mix(over: Int16Array, { samples }: PcmFrame): PcmFrame {
    if (this.#mixed.samples.length !== samples.length) this.#mixed.samples = new Int16Array(samples.length);
    const mixed = this.#mixed.samples;
    const at = this.#overAt;
    for (let i = 0; i < samples.length; i++) {
      const sum = samples[i]! + (over[at + i] ?? 0);
      mixed[i] = Math.max(-32_768, Math.min(32_767, sum));
    }
    this.#overAt += samples.length;
    if (this.#overAt >= over.length) this.#over = undefined;
    return this.#mixed;
  }

  clear(): void {
    this.#over = undefined;
    this.#target.clear();
  }

  toString(): string {
    return `patch -> ${this.#target}`;
  }
}
