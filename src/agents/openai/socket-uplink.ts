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

const APPEND_HEAD = '{"type":"input_audio_buffer.append","audio":"';
const APPEND_TAIL = '"}';
const [QUOTE = 0, BRACE = 0] = Buffer.from(APPEND_TAIL);
/** Bytes around the base64 text of one message: the JSON, and the frame's head and mask (RFC 6455 section 5.2). */
const OVERHEAD_BYTES = APPEND_HEAD.length + APPEND_TAIL.length + 8;

/** The longest run at the highest rate a session takes, bytes: 24 kHz, 16 bits. */
const MOST_BYTES = MAX_RUN_MS * 24 * 2;
/** One run encoded, and one message, for all calls of the process: a message is put together and sent before the next is begun. */
const ENCODED = Buffer.allocUnsafeSlow(MOST_BYTES);
const MESSAGE = Buffer.allocUnsafeSlow(APPEND_HEAD.length + base64Length(MOST_BYTES) + APPEND_TAIL.length);
MESSAGE.write(APPEND_HEAD, 'latin1');

/** What the uplink needs of a socket. */
export interface UplinkSocket {
  readonly bufferedBytes: number;
  /** Sends a text message given as UTF-8 bytes, which are copied before it returns. */
  sendUtf8(bytes: Uint8Array): boolean;
}

/**
 * The caller's audio on its way to the model: encoded, in base64, one message a frame, put together without a string.
 * When the network does not keep up the newest 5 s are kept and sent in a burst once it does, so that no word inside them is lost.
 */
export class SocketUplink {
  readonly #socket: UplinkSocket;
  readonly #codec: Codec;
  readonly #clock: Clock;
  readonly #count: Count;
  readonly #stalled: () => void;
  readonly #bytesPerMs: number;
  readonly #runSamples: number;
  /** The message of the length sent last; a new view is made only when the length changes. */
  #message = MESSAGE;
  readonly #frame: Int16Array;
  readonly #backlog: AudioBacklog;
  #stoppedAt: number | undefined;

  /** `stalled` is called once when the line took nothing for 10 s. */
  constructor(socket: UplinkSocket, codec: Codec, clock: Clock, count: Count, stalled: () => void) {
    const rate = codec.sampleRate;
    this.#socket = socket;
    this.#codec = codec;
    this.#clock = clock;
    this.#count = count;
    this.#stalled = stalled;
    this.#bytesPerMs = (rate * codec.bytesPerSample * 4) / 3 / 1000 + OVERHEAD_BYTES / FRAME_MS;
    this.#runSamples = (rate * MAX_RUN_MS) / 1000;
    this.#frame = new Int16Array((rate * FRAME_MS) / 1000);
    this.#backlog = new AudioBacklog((rate * BACKLOG_MS) / 1000);
  }

  /** Milliseconds of audio that wait on this side of the network. */
  get queuedMs(): number {
    return this.#socketMs() + samplesToMs(this.#backlog.length, this.#codec.sampleRate);
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
    const now = this.#clock.now();
    this.#stoppedAt ??= now;
    const lost = this.#backlog.push(samples);
    if (lost > 0) this.#count('ms_uplink_dropped', samplesToMs(lost, this.#codec.sampleRate));
    if (now - this.#stoppedAt > STALL_LIMIT_MS) this.#stalled();
  }

  clear(): void {
    this.#backlog.clear();
  }

  #socketMs(): number {
    return this.#socket.bufferedBytes / this.#bytesPerMs;
  }

  #drain(): void {
    while (this.#backlog.length > 0) {
      if (this.#socketMs() > HIGH_WATER_MS) {
        this.#stoppedAt = this.#clock.now();
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
    const bytes = this.#codec.encode(samples, ENCODED);
    // Base64 needs no escaping, so the message is put together, not serialised.
    const end = encodeBase64(ENCODED, bytes, MESSAGE, APPEND_HEAD.length);
    MESSAGE[end] = QUOTE;
    MESSAGE[end + 1] = BRACE;
    if (this.#message.length !== end + 2) this.#message = MESSAGE.subarray(0, end + 2);
    this.#socket.sendUtf8(this.#message);
  }
}
