import type { Count } from '../../call/counters.ts';
import type { Codec } from '../../media/codecs.ts';
import { msToSamples, samplesToMs } from '../../media/frame.ts';
import type { ByteOrder } from '../../media/l16.ts';
import { Backlog } from './backlog.ts';
import { burstChunkMs } from './burst-chunk.ts';
import { ByteQueue } from './byte-queue.ts';
import type { CarrierMedia } from './carrier-media.ts';
import { cushionMostMs } from './cushion.ts';
import { inOrder } from './formats.ts';
import type { PhoneLegOptions } from './options.ts';
import type { Playing } from './playing.ts';
import type { PhoneWire } from './wire.ts';

/** What the messages go through; see `PhoneWire`. */
export type OutboundWire = Pick<
  PhoneWire,
  'media' | 'binary' | 'mark' | 'clear' | 'cork' | 'uncork' | 'bufferedBytes' | 'rttMs'
>;

/** What a carrier says of the audio that is sent to it. */
export type SendingRules = Pick<CarrierMedia, 'media' | 'mark' | 'wholeFrames'>;

/** Samples encoded at a time. */
const ENCODE_SAMPLES = 4_800;
/** They are copied before the next are encoded: one memory for all legs of the process. */
const ENCODED = Buffer.allocUnsafeSlow(ENCODE_SAMPLES * 2);

/** What is queued and sent: audio in the carrier's codec, cut into messages, no further ahead of real time than the lead, with marks between. */
export class Sender {
  readonly #wire: OutboundWire;
  readonly #rules: SendingRules;
  readonly #playing: Playing;
  readonly #count: Count;
  readonly #options: PhoneLegOptions;
  readonly #rate: number;
  /** In samples: a message of a live source's audio, and of a bursty one's; a frame of the carrier's; audio between marks. */
  readonly #chunk: number;
  readonly #burstChunk: number;
  readonly #frame: number;
  readonly #markEvery: number;
  readonly #liveLeadMs: number;
  readonly #queue = new ByteQueue();
  /** Samples that were queued and sent so far, and where what goes whole begins and ends among them, the oldest first. */
  #queuedUpTo = 0;
  #sentUpTo = 0;
  #wholes: Array<{ readonly from: number; readonly to: number }> = [];
  #codec: Codec;
  #backlog: Backlog;
  #unmarked = 0;
  /** Whether something was sent since nothing waited in the socket: asking it costs more than knowing. */
  #mayWait = false;
  /** Whether anything was sent that a clear could still discard. */
  #clearable = false;
  #lastSent = Number.NEGATIVE_INFINITY;
  /** The lead is full until then, unless an echo says that the carrier is further on, ms. */
  #fullUntil = Number.NEGATIVE_INFINITY;

  constructor(
    init: { codec: Codec; rules: SendingRules; wire: OutboundWire; playing: Playing; count: Count },
    options: PhoneLegOptions,
  ) {
    const { codec, rules } = init;
    this.#codec = codec;
    this.#rules = rules;
    this.#wire = init.wire;
    this.#playing = init.playing;
    this.#count = init.count;
    this.#options = options;
    this.#rate = codec.sampleRate;
    this.#backlog = this.#newBacklog();
    const { wholeFrames } = rules;
    this.#frame = wholeFrames === undefined ? 1 : msToSamples(wholeFrames.ms, this.#rate);
    const whole = (ms: number) => {
      const frames = wholeFrames?.oneAMessage ? 1 : Math.floor(msToSamples(ms, this.#rate) / this.#frame);
      return Math.max(1, frames) * this.#frame;
    };
    this.#chunk = whole(options.chunkMs);
    this.#burstChunk = whole(burstChunkMs(options));
    this.#markEvery = msToSamples(options.markMs, this.#rate);
    this.#liveLeadMs = Math.max(options.leadMs, cushionMostMs(options) + options.chunkMs);
  }

  get codec(): Codec {
    return this.#codec;
  }

  /** Audio that waits here, ms. */
  get queuedMs(): number {
    return samplesToMs(this.#queued(), this.#rate);
  }

  /** When audio was sent last, ms. */
  get lastSent(): number {
    return this.#lastSent;
  }

  /** Whether the carrier takes nothing, so that what is written now could only be thrown away. */
  get blocked(): boolean {
    return this.#backlog.blocked;
  }

  /** The lead may be full no more: something was learnt. */
  look(): void {
    this.#fullUntil = Number.NEGATIVE_INFINITY;
  }

  /** Whether nothing can be sent yet, for all that is known. */
  isFull(now: number): boolean {
    return now < this.#fullUntil;
  }

  /** Whether nothing is left to be sent, answered or taken. */
  isEmpty(): boolean {
    return this.#queue.length === 0 && this.#unmarked === 0 && this.#playing.marksOut === 0 && !this.#mayWait;
  }

  /** Queues what the agent wrote. `whole`: once any of it is sent all of it is, however far ahead that is. */
  push(samples: Int16Array, whole = false): void {
    // Where a carrier wants whole frames it begins with one.
    const odd = whole && this.#frame > 1 ? this.#queued() % this.#frame : 0;
    if (odd > 0) this.pad(this.#frame - odd);
    this.#playing.wrote(samples.length);
    const from = this.#queuedUpTo;
    this.#queuedUpTo += samples.length;
    if (whole) this.#wholes.push({ from, to: this.#queuedUpTo });
    this.#encode(samples);
  }

  /** Queues silence of our own. */
  pad(samples: number): void {
    this.#playing.padded(samples);
    this.#queuedUpTo += samples;
    this.#queue.fill(this.#codec.silence, samples * this.#codec.bytesPerSample);
  }

  /**
   * Sends whole chunks as far as the lead allows; with `flush` also what is left of the last, and a mark behind it. `live`: the pace of the
   * source. What of it is text leaves together, as `Socket.cork` says.
   */
  pump(now: number, flush: boolean, live: boolean): void {
    this.#wire.cork();
    try {
      this.#pump(now, flush, live);
    } finally {
      this.#wire.uncork();
    }
  }

  #pump(now: number, flush: boolean, live: boolean): void {
    const leadMs = live ? this.#liveLeadMs : this.#options.leadMs;
    const chunk = live ? this.#chunk : this.#burstChunk;
    for (let left = this.#queued(); left > 0; left = this.#queued()) {
      const whole = this.#wholes.length === 0 ? undefined : this.#nextWhole();
      const begun = whole !== undefined && whole.from < this.#sentUpTo;
      if (left < chunk && !flush && !begun) return;
      let samples = Math.min(left, chunk);
      // No message has a part of what goes whole beside something else: that would begin it.
      if (whole !== undefined)
        samples = Math.min(samples, (whole.from > this.#sentUpTo ? whole.from : whole.to) - this.#sentUpTo);
      const unplayedMs = this.#playing.unplayedMs(now);
      const over = unplayedMs + samplesToMs(samples, this.#rate) - leadMs;
      if (over > 0 && !begun) {
        // The carrier plays in real time.
        this.#fullUntil = now + over;
        return;
      }
      const missing = this.#frame === 1 ? 0 : (this.#frame - (samples % this.#frame)) % this.#frame;
      if (missing > 0) this.pad(missing);
      samples += missing;
      if (!this.#send(samples, now)) return;
      // The first mark of a talkspurt comes at once: it tells how much the carrier gathers before it begins to play.
      if (this.#unmarked >= this.#markEvery || unplayedMs <= 0) this.#mark(now);
    }
    if (flush && this.#unmarked > 0) this.#mark(now);
  }

  /** Silence for a carrier that takes a stream on which nothing comes for a dead one: a chunk whenever all was played. */
  hum(now: number): void {
    if (this.#queue.length > 0 || this.blocked || this.#playing.unplayedMs(now) > 0) return;
    this.pad(this.#chunk);
    this.#send(this.#chunk, now);
    // Nobody needs to know how far silence was played.
    this.#unmarked = 0;
    this.#playing.settle(now);
  }

  /** Discards all that was not played, here and at the carrier. The message leaves before this returns. */
  clear(now: number): void {
    if (this.#clearable) this.#wire.clear();
    this.#count('ms_cleared', Math.round(this.#discard(now)));
  }

  /**
   * Looks at what the network has not taken. `dropped`: it was so much that all was discarded; `stuck`: the carrier takes no audio any more, and the
   * stream is to be given up.
   */
  lookAtBacklog(now: number): 'ok' | 'dropped' | 'stuck' {
    if (!this.#mayWait) return 'ok';
    const waiting = this.#wire.bufferedBytes;
    const verdict = this.#backlog.check(waiting, now);
    // Until the backlog is gone it is asked for again.
    this.#mayWait = waiting > 0;
    if (verdict === 'ok') return 'ok';
    if (verdict === 'close') return 'stuck';
    this.#count('ms_dropped_backpressure', Math.round(this.#discard(now)));
    this.#wire.clear();
    return 'dropped';
  }

  /** A new stream of the same rate begins on the same socket: nothing queued or sent before counts. */
  restart(codec: Codec, now: number): void {
    this.#count('ms_cleared', Math.round(this.#discard(now)));
    this.#codec = codec;
    this.#backlog = this.#newBacklog();
    this.#playing.restart();
  }

  /** L16 turns out to be in this byte order: what waits here goes in it, too. */
  recode(order: ByteOrder): void {
    const codec = inOrder(this.#codec, order);
    if (codec.name === this.#codec.name) return;
    this.#codec = codec;
    this.#queue.swap16();
  }

  /** The next of what goes whole that was not sent to its end. */
  #nextWhole(): { readonly from: number; readonly to: number } | undefined {
    while (this.#wholes.length > 0 && this.#wholes[0]!.to <= this.#sentUpTo) this.#wholes.shift();
    return this.#wholes[0];
  }

  #newBacklog(): Backlog {
    return new Backlog(this.#codec, this.#options, this.#rules.media === undefined);
  }

  #encode(samples: Int16Array): void {
    for (let at = 0; at < samples.length; at += ENCODE_SAMPLES) {
      const part = samples.length <= ENCODE_SAMPLES ? samples : samples.subarray(at, at + ENCODE_SAMPLES);
      this.#queue.push(ENCODED, this.#codec.encode(part, ENCODED));
    }
  }

  #queued(): number {
    return this.#queue.length / this.#codec.bytesPerSample;
  }

  /** Sends the first samples of the queue; false when the wire takes none. */
  #send(samples: number, now: number): boolean {
    const bytes = samples * this.#codec.bytesPerSample;
    const sent =
      this.#rules.media === undefined
        ? this.#wire.binary(this.#queue.take(bytes))
        : this.#wire.media(this.#queue.takeBase64(bytes));
    if (!sent) return false;
    this.#mayWait = true;
    this.#sentUpTo += samples;
    this.#count('frames_out');
    this.#lastSent = now;
    this.#clearable = true;
    this.#playing.sent(samples, now);
    this.#unmarked += samples;
    return true;
  }

  #mark(now: number): void {
    this.#unmarked = 0;
    if (this.#rules.mark === undefined) this.#playing.settle(now);
    else this.#wire.mark(this.#playing.mark(now));
  }

  /** Returns how much of what was written will not be played, ms. */
  #discard(now: number): number {
    this.#fullUntil = Number.NEGATIVE_INFINITY;
    this.#queue.clear();
    this.#wholes = [];
    this.#sentUpTo = this.#queuedUpTo;
    this.#unmarked = 0;
    this.#clearable = false;
    return this.#playing.discard(now);
  }
}
