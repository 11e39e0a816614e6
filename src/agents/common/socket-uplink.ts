import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import { base64Length, encodeBase64 } from '../../media/base64.ts';
import type { Codec } from '../../media/codecs.ts';
import { samplesToMs } from '../../media/frame.ts';
import { AudioBacklog } from './backlog.ts';

/** Audio in the socket at which sending stops, and at which it goes on, ms. */
const HIGH_WATER_MS = 1_000;
const LOW_WATER_MS = 800;
/** Audio kept while sending is stopped, ms: with what the socket holds it makes 5 s. The oldest gives way. */
const BACKLOG_MS = 4_000;
/** A line that took nothing for so long is lost, ms. */
export const STALL_LIMIT_MS = 10_000;

/** The longest run sent as one message, ms; what is given at once is sent at once, but a whole second would stall the socket. */
const MAX_RUN_MS = 200;
const FRAME_MS = 20;
/** A WebSocket frame's head and mask, bytes (RFC 6455 section 5.2). */
const FRAME_BYTES = 8;

/** The longest run at the highest rate that is sent, bytes: 48 kHz, 16 bits, two channels. */
const MOST_BYTES = MAX_RUN_MS * 48 * 2 * 2;
/** One run encoded, for all calls of the process: a message is put together and sent before the next is begun. */
const ENCODED = Buffer.allocUnsafeSlow(MOST_BYTES);

/** What stands around the audio in a text message, which carries it in base64. Of its own for each form of message, and shared by calls. */
export class AudioEnvelope {
  /** Bytes around the base64 text of one message: the JSON, and the frame's head and mask (RFC 6455 section 5.2). */
  readonly overhead: number;
  readonly #head: number;
  readonly #tail: Buffer;
  readonly #message: Buffer;
  /** The message of the length sent last; a new view is made only when the length changes. */
  #last: Buffer;

  /** `head` and `tail`: what stands before and behind the base64 text. `bytes`: the longest run of audio, encoded. */
  constructor(head: string, tail: string, bytes: number) {
    this.#tail = Buffer.from(tail);
    this.#head = Buffer.byteLength(head);
    this.overhead = this.#head + this.#tail.length + FRAME_BYTES;
    this.#message = Buffer.allocUnsafeSlow(this.#head + base64Length(bytes) + this.#tail.length);
    this.#message.write(head);
    this.#last = this.#message;
  }

  /** The message with the first `count` bytes of `bytes`. Borrowed until the next one. */
  around(bytes: Uint8Array, count: number): Buffer {
    // Base64 needs no escaping, so the message is put together, not serialised.
    const end = encodeBase64(bytes, count, this.#message, this.#head);
    this.#message.set(this.#tail, end);
    const length = end + this.#tail.length;
    if (this.#last.length !== length) this.#last = this.#message.subarray(0, length);
    return this.#last;
  }
}

/** What the uplink needs of a socket. */
export interface UplinkSocket {
  readonly bufferedBytes: number;
  /** Sends a text message given as UTF-8 bytes, which are copied before it returns. */
  sendUtf8(bytes: Uint8Array): boolean;
  /** Sends a binary message, whose bytes are the socket's from then on. */
  sendBinary(bytes: Uint8Array): boolean;
}

export interface SocketUplinkOptions {
  readonly socket: UplinkSocket;
  readonly codec: Codec;
  /** Left out: audio goes in binary messages that hold nothing else. */
  readonly envelope?: AudioEnvelope | undefined;
  /** Each sample goes so many times: the far end wants the same in all its channels. 1 when left out. */
  readonly channels?: 1 | 2;
  readonly clock: Clock;
  readonly count: Count;
  /** Called once when the line took nothing for 10 s. */
  readonly stalled: () => void;
}

/**
 * The caller's audio on its way to an agent: encoded, one message a frame, put together without a string.
 * When the network does not keep up the newest 5 s are kept and sent in a burst once it does, so that no word inside them is lost.
 */
export class SocketUplink {
  readonly #o: SocketUplinkOptions;
  readonly #channels: number;
  readonly #bytesPerMs: number;
  readonly #runSamples: number;
  readonly #frame: Int16Array;
  /** Where every sample goes twice. */
  readonly #doubled: Int16Array;
  readonly #backlog: AudioBacklog;
  #stoppedAt: number | undefined;

  constructor(options: SocketUplinkOptions) {
    const { codec, envelope, channels = 1 } = options;
    const rate = codec.sampleRate;
    this.#o = options;
    this.#channels = channels;
    const bytesPerMs = (rate * channels * codec.bytesPerSample) / 1000;
    this.#bytesPerMs =
      envelope === undefined
        ? bytesPerMs + FRAME_BYTES / FRAME_MS
        : (bytesPerMs * 4) / 3 + envelope.overhead / FRAME_MS;
    this.#runSamples = (rate * MAX_RUN_MS) / 1000;
    this.#frame = new Int16Array((rate * FRAME_MS) / 1000);
    this.#doubled = new Int16Array(channels === 1 ? 0 : this.#runSamples * 2);
    this.#backlog = new AudioBacklog((rate * BACKLOG_MS) / 1000);
  }

  /** Milliseconds of audio that wait on this side of the network. */
  get queuedMs(): number {
    return this.#socketMs() + samplesToMs(this.#backlog.length, this.#o.codec.sampleRate);
  }

  send(samples: Int16Array): void {
    if (this.#stoppedAt !== undefined && this.#socketMs() < LOW_WATER_MS) {
      this.#stoppedAt = undefined;
      this.#drain();
    }
    if (this.#stoppedAt === undefined && this.#socketMs() <= HIGH_WATER_MS) {
      this.#sendAll(samples);
      return;
    }
    const now = this.#o.clock.now();
    this.#stoppedAt ??= now;
    const lost = this.#backlog.push(samples);
    if (lost > 0) this.#o.count('ms_uplink_dropped', samplesToMs(lost, this.#o.codec.sampleRate));
    if (now - this.#stoppedAt > STALL_LIMIT_MS) this.#o.stalled();
  }

  clear(): void {
    this.#backlog.clear();
  }

  #socketMs(): number {
    return this.#o.socket.bufferedBytes / this.#bytesPerMs;
  }

  #drain(): void {
    while (this.#backlog.length > 0) {
      if (this.#socketMs() > HIGH_WATER_MS) {
        this.#stoppedAt = this.#o.clock.now();
        return;
      }
      const count = this.#backlog.shift(this.#frame);
      this.#append(count === this.#frame.length ? this.#frame : this.#frame.subarray(0, count));
    }
  }

  #sendAll(samples: Int16Array): void {
    if (samples.length <= this.#runSamples) {
      if (samples.length > 0) this.#append(samples);
      return;
    }
    for (let at = 0; at < samples.length; at += this.#runSamples) {
      this.#append(samples.subarray(at, at + this.#runSamples));
    }
  }

  #append(samples: Int16Array): void {
    const { codec, envelope, socket } = this.#o;
    const bytes = codec.encode(this.#channels === 1 ? samples : this.#double(samples), ENCODED);
    if (envelope !== undefined) socket.sendUtf8(envelope.around(ENCODED, bytes));
    else socket.sendBinary(Buffer.from(ENCODED.subarray(0, bytes)));
  }

  #double(samples: Int16Array): Int16Array {
    for (let i = 0; i < samples.length; i++) {
      this.#doubled[2 * i] = samples[i]!;
      this.#doubled[2 * i + 1] = samples[i]!;
    }
    return this.#doubled.subarray(0, samples.length * 2);
  }
}
