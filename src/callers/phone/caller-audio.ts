import type { Count } from '../../call/counters.ts';
import type { Codec } from '../../media/codecs.ts';
import type { AudioSink } from '../../media/frame.ts';
import type { ByteOrder } from '../../media/l16.ts';
import { EarlyBuffer } from './early.ts';
import { inOrder } from './formats.ts';
import { Inbound } from './inbound.ts';
import type { PhoneLegOptions } from './options.ts';
import type { DtmfMessage, MediaMessage } from './protocol.ts';

/** Frames are counted by so many: a fifth of a second of them. */
const COUNTED_AT_ONCE = 10;
/** Decoded frames of all legs of the process: each is written on, or copied, before the next is decoded. */
let decoded = new Int16Array(480);

/** Who is told of a key that the caller pressed. */
export type OnDigit = (digit: string, durationMs: number | undefined) => void;

/** What the caller says and presses, from the carrier's messages to the call: decoded, in order, and kept for a while until the call can hear. */
export class CallerAudio {
  #codec: Codec;
  readonly #count: Count;
  readonly #inbound: Inbound;
  readonly #early: EarlyBuffer;
  readonly #frame: { samples: Int16Array; readonly sampleRate: number };
  /** The front of `decoded` of the length received last. */
  #pcm = decoded;
  #frames = 0;
  #peer: AudioSink | undefined;
  #onDigit: OnDigit | undefined;

  /** `ordered`: as `CarrierMedia.ordered`. */
  constructor(codec: Codec, ordered: boolean, options: PhoneLegOptions, count: Count, now: number) {
    this.#codec = codec;
    this.#count = count;
    this.#frame = { samples: decoded, sampleRate: codec.sampleRate };
    this.#early = new EarlyBuffer(codec.sampleRate, options.maxEarlyMs);
    this.#inbound = new Inbound(
      {
        sampleRate: codec.sampleRate,
        count,
        reorderMs: ordered ? 0 : options.reorderMs,
        maxFillMs: options.maxFillMs,
        wallGapMs: options.wallGapMs,
        write: (samples) => this.#deliver(samples),
      },
      now,
    );
  }

  /** The call can hear: what was said until now is replayed to it, in order, and all that follows goes to it. */
  open(peer: AudioSink, onDigit: OnDigit, now: number): void {
    this.#peer = peer;
    this.#onDigit = onDigit;
    this.#inbound.reset(now);
    for (const item of this.#early.take()) {
      if (item.kind === 'media') this.#inbound.push(item.samples, item.timestampMs, now);
      else onDigit(item.digit, item.durationMs);
    }
  }

  /** Takes one run of the caller's audio. */
  media({ payload, timestampMs }: MediaMessage, now: number): void {
    if (++this.#frames === COUNTED_AT_ONCE) this.countFrames();
    const samples = payload.length / this.#codec.bytesPerSample;
    if (samples === 0) return;
    if (!Number.isInteger(samples)) {
      // Half a sample: taking the rest would be a guess about which half is missing.
      this.#count('frames_invalid');
      return;
    }
    if (this.#pcm.length !== samples) {
      if (decoded.length < samples) decoded = new Int16Array(samples);
      this.#pcm = decoded.subarray(0, samples);
    }
    this.#codec.decode(payload, this.#pcm);
    if (this.#peer !== undefined) {
      this.#inbound.push(this.#pcm, timestampMs, now);
      return;
    }
    const dropped = this.#early.media(this.#pcm, timestampMs);
    if (dropped > 0) this.#count('ms_dropped_holdback', Math.round(dropped));
  }

  digit({ digit, durationMs }: DtmfMessage): void {
    if (this.#onDigit === undefined) this.#early.dtmf(digit, durationMs);
    else this.#onDigit(digit, durationMs);
  }

  /** Every 20 ms while `waits` is true, once the call can hear. */
  tick(now: number): void {
    this.#inbound.tick(now);
  }

  /** As `Inbound.waits`. */
  waits(now: number): boolean {
    return this.#inbound.waits(now);
  }

  /** As `Inbound.resume`. */
  resume(now: number): void {
    this.#inbound.resume(now);
  }

  /** L16 turns out to be in this byte order. */
  recode(order: ByteOrder): void {
    this.#codec = inOrder(this.#codec, order);
  }

  /** A new stream of the same rate begins: nothing of the old one is waited for. */
  restart(codec: Codec, now: number): void {
    this.#codec = codec;
    this.#inbound.reset(now);
    this.#early.take();
  }

  /** Adds up some frames at a time: the books are looked up by name, the call's and the process's. */
  countFrames(): void {
    if (this.#frames > 0) this.#count('frames_in', this.#frames);
    this.#frames = 0;
  }

  #deliver(samples: Int16Array): void {
    // Most often it is the same view: storing it again would be a write to old memory, and work for the collector.
    if (this.#frame.samples !== samples) this.#frame.samples = samples;
    this.#peer?.write(this.#frame);
  }
}
