import { staysWithin } from '../../src/media/level.ts';
import { Concealment } from './concealment.ts';
import { JitterBuffer, type JitterPacket } from './jitter-buffer.ts';

/**
 * Audio of one RTP stream, played: packets go in as they come, frames of 10 ms come out as they are due. What is missing is concealed, and delay is won back
 * where it is quiet. Pure: it is asked with the time, and the codec is its owner's.
 */

/** Decodes one payload to mono into `into` and returns how many samples; throws for one that cannot be decoded. */
export type Decode = (payload: Uint8Array, into: Int16Array) => number;

export interface RtpAudioOptions {
  /** Units of the stream's timestamps in a second. */
  readonly clockRate: number;
  /** Hz of what is decoded. */
  readonly sampleRate: number;
  readonly decode: Decode;
}

/** What was heard and what was not, samples and packets since the beginning. */
export interface RtpAudioStats {
  readonly packets: number;
  readonly late: number;
  readonly doubles: number;
  /** Packets that no decoder could read, or that are of no stream. */
  readonly bad: number;
  readonly lost: number;
  readonly played: number;
  readonly concealed: number;
  readonly leftOut: number;
  /** Sum over the frames played of how long what followed them waited, ms. */
  readonly waitedMs: number;
}

const FRAME_MS = 10;
/** The longest packet that Opus has, ms. */
const MOST_PACKET_MS = 120;
/** Loudest sample of audio that may be left out or doubled unheard. */
const QUIET_PEAK = 400;
/** So much spare delay is won back in speech too, ms: it is that of a long stall. */
const TOO_MUCH_MS = 160;

export class RtpAudio {
  readonly #perMs: number;
  readonly #unitsPerSample: number;
  readonly #decode: Decode;
  readonly #jitter: JitterBuffer;
  readonly #concealment: Concealment;
  /** Decoded and not taken yet: from `#from` to `#to`. */
  readonly #ready: Int16Array;
  #from = 0;
  #to = 0;
  readonly #counts = {
    packets: 0,
    late: 0,
    doubles: 0,
    bad: 0,
    lost: 0,
    played: 0,
    concealed: 0,
    leftOut: 0,
    waitedMs: 0,
  };

  constructor({ clockRate, sampleRate, decode }: RtpAudioOptions) {
    this.#perMs = sampleRate / 1_000;
    this.#unitsPerSample = clockRate / sampleRate;
    this.#decode = decode;
    this.#jitter = new JitterBuffer({ clockRate });
    this.#concealment = new Concealment(sampleRate);
    this.#ready = new Int16Array(2 * MOST_PACKET_MS * this.#perMs);
  }

  get stats(): RtpAudioStats {
    return this.#counts;
  }

  push(packet: JitterPacket, now: number): void {
    const counts = this.#counts;
    counts.packets++;
    const taken = this.#jitter.push(packet, now);
    if (taken === 'late') counts.late++;
    else if (taken === 'double') counts.doubles++;
    else if (taken === 'refused') counts.bad++;
  }

  /** Whether the next frame can be had without making anything up. */
  get isReady(): boolean {
    return this.#to - this.#from >= FRAME_MS * this.#perMs || this.#jitter.isReady;
  }

  /** Fills `into` with the next 10 ms. False while nothing has come yet: then it is silence. */
  pull(into: Int16Array, now: number): boolean {
    const need = into.length;
    let started = true;
    while (this.#to - this.#from < need) {
      const next = this.#jitter.next(now);
      if (next.kind === 'packet') this.#take(next.packet);
      else if (next.kind === 'lost') this.#makeUp(next.units / this.#unitsPerSample, 'lost');
      else if (next.kind === 'still') this.#makeUp(next.units / this.#unitsPerSample, 'still');
      else if (next.kind === 'dry') {
        const missing = need - (this.#to - this.#from);
        this.#makeUp(missing, 'dry');
        this.#jitter.dried(missing / this.#perMs);
      } else {
        started = false;
        this.#append(need - (this.#to - this.#from)).fill(0);
      }
    }
    into.set(this.#ready.subarray(this.#from, this.#from + need));
    this.#from += need;
    if (this.#from === this.#to) this.#from = this.#to = 0;
    if (!started) return false;
    const heldMs = (this.#to - this.#from) / this.#perMs;
    this.#jitter.taken(now, heldMs);
    this.#counts.played += need;
    this.#counts.waitedMs += heldMs + this.#jitter.levelMs;
    return true;
  }

  /** Room for so many more samples at the end of what is ready. */
  #append(count: number): Int16Array {
    if (this.#to + count > this.#ready.length) {
      this.#ready.copyWithin(0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
    }
    const room = this.#ready.subarray(this.#to, this.#to + count);
    this.#to += room.length;
    return room;
  }

  #take({ payload }: JitterPacket): void {
    const room = this.#append(MOST_PACKET_MS * this.#perMs);
    let samples = 0;
    try {
      samples = this.#decode(payload, room);
    } catch {
      this.#counts.bad++;
    }
    this.#to -= room.length - samples;
    if (samples === 0) return;
    this.#jitter.lasted(samples * this.#unitsPerSample);
    const decoded = room.subarray(0, samples);
    const ms = samples / this.#perMs;
    const quiet = staysWithin(decoded, QUIET_PEAK);
    const { spareMs, wantedMs } = this.#jitter;
    if (spareMs >= ms && (quiet || spareMs > TOO_MUCH_MS)) {
      this.#concealment.leaveOut(decoded);
      this.#to -= samples;
      this.#jitter.leftOut(ms);
      this.#counts.leftOut += samples;
      return;
    }
    this.#concealment.good(decoded);
    if (wantedMs > 0) {
      const added = this.#append(Math.min(FRAME_MS * this.#perMs, samples));
      if (quiet) added.set(decoded.subarray(0, added.length));
      else this.#concealment.conceal(added);
      this.#counts.concealed += added.length;
      this.#jitter.putIn(added.length / this.#perMs);
    }
  }

  #makeUp(samples: number, why: 'lost' | 'still' | 'dry'): void {
    const room = this.#append(Math.round(samples));
    this.#concealment.conceal(room);
    if (why !== 'still') this.#counts.concealed += room.length;
    if (why === 'lost') this.#counts.lost++;
  }
}
