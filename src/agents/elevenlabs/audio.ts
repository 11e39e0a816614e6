import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import { decodeBase64 } from '../../media/base64.ts';
import type { Codec } from '../../media/codecs.ts';
import { type AudioSink, samplesToMs } from '../../media/frame.ts';
import { link } from '../../media/link.ts';
import { AudioEnvelope, SocketUplink, type UplinkSocket } from '../common/socket-uplink.ts';

/** The longest message of the caller's audio: 200 ms at 48 kHz and 16 bits, bytes. */
const MOST_BYTES = 200 * 48 * 2;
/** A chunk has the bare key and no type. */
const CHUNK = new AudioEnvelope('{"user_audio_chunk":"', '"}', MOST_BYTES);

export interface AudioUpOptions {
  /** Hz of what is given. */
  readonly rate: number;
  readonly codec: Codec;
  readonly socket: UplinkSocket;
  readonly clock: Clock;
  readonly count: Count;
  readonly stalled: () => void;
}

/** The caller's audio on its way up, in the format that the agent asked for. */
export function audioUp({ rate, codec, ...rest }: AudioUpOptions): AudioSink {
  const uplink = new SocketUplink({ ...rest, codec, envelope: CHUNK });
  return link(rate, {
    sampleRate: codec.sampleRate,
    write: ({ samples }) => uplink.send(samples),
    clear: () => uplink.clear(),
    toString: () => `${codec.name} -> base64 -> websocket`,
  });
}

/** The agent's audio on its way down: from base64 in its own format to samples at the leg's rate. */
export class AudioDown {
  readonly #codec: Codec;
  readonly #sink: AudioSink;
  #bytes = Buffer.alloc(0);
  #samples = new Int16Array(0);

  constructor(codec: Codec, rate: number, take: (samples: Int16Array) => void) {
    this.#codec = codec;
    this.#sink = link(codec.sampleRate, {
      sampleRate: rate,
      write: ({ samples }) => take(samples),
      clear() {},
      toString: () => codec.name,
    });
  }

  /** Decodes a chunk and hands it on; false where it is not base64. */
  take(base64: string): boolean {
    const text = Buffer.from(base64, 'latin1');
    if (this.#bytes.length < text.length) this.#bytes = Buffer.alloc(text.length);
    const count = decodeBase64(text, 0, text.length, this.#bytes);
    if (count < 0) return false;
    const most = Math.ceil(count / this.#codec.bytesPerSample);
    if (this.#samples.length < most) this.#samples = new Int16Array(most);
    const samples = this.#samples.subarray(0, this.#codec.decode(this.#bytes.subarray(0, count), this.#samples));
    this.#sink.write({ samples, sampleRate: this.#codec.sampleRate });
    return true;
  }

  /** Milliseconds of audio that a chunk holds. */
  msOf(base64: string): number {
    return samplesToMs((base64.length * 3) / 4 / this.#codec.bytesPerSample, this.#codec.sampleRate);
  }

  /** What comes next has nothing to do with what came before. */
  clear(): void {
    this.#sink.clear();
  }
}
