import { randomInt } from 'node:crypto';
import { pcma, pcmu } from '../../src/media/codecs.ts';
import { createOpusEncoder, type OpusEncoder } from '../../src/media/opus.ts';
import { Resampler } from '../../src/media/resample.ts';
import type { AudioLine } from './line.ts';
import { RtpWriter } from './rtp-packet.ts';

/** Audio on its way out: two frames of 10 ms become a packet of 20. */

const PACKET_MS = 20;
const G711_RATE = 8_000;
/** What Opus may be asked to encode at, Hz. */
const OPUS_RATES = [8_000, 16_000, 24_000, 48_000] as const;
/** Where the far end does not bound it, bits per second: enough for CELT at each rate, which costs a fraction of SILK. */
const BITRATE = 64_000;
/** libopus' measure of trouble. With so many bits more of it is not heard. */
const COMPLEXITY = 0;

export class AudioOut {
  readonly #writer: RtpWriter;
  readonly #encode: (samples: Int16Array) => Uint8Array;
  readonly #units: number;
  readonly #packet: Int16Array;
  readonly #resampler: Resampler | undefined;
  #filled = 0;
  packets = 0;
  bytes = 0;

  /** `sendRate`: Hz of the frames it is given. */
  constructor(line: AudioLine, sendRate: 16_000 | 48_000, ssrc: number) {
    const [payloadType, codec] = [...line.codecs][0]!;
    this.#writer = new RtpWriter(ssrc, payloadType, randomInt(0x8000), randomInt(2 ** 32));
    this.#packet = new Int16Array((sendRate * PACKET_MS) / 1_000);
    if (codec === 'opus') {
      const { maxPlaybackRate = 48_000, maxAverageBitrate = BITRATE } = line.opus;
      const most = Math.min(maxPlaybackRate, sendRate);
      const rate = OPUS_RATES.findLast((one) => one <= most) ?? G711_RATE;
      this.#resampler = rate === sendRate ? undefined : new Resampler(sendRate, rate);
      const encoder: OpusEncoder = createOpusEncoder({
        sampleRate: rate,
        channels: 1,
        application: 'audio',
        bitrate: Math.min(510_000, Math.max(6_000, maxAverageBitrate)),
        complexity: COMPLEXITY,
      });
      this.#encode = (samples) => encoder.encode(samples);
      this.#units = 48 * PACKET_MS;
    } else {
      const g711 = codec === 'pcmu' ? pcmu : pcma;
      const bytes = new Uint8Array((G711_RATE * PACKET_MS) / 1_000);
      this.#resampler = new Resampler(sendRate, G711_RATE);
      this.#encode = (samples) => bytes.subarray(0, g711.encode(samples, bytes));
      this.#units = (G711_RATE * PACKET_MS) / 1_000;
    }
  }

  /** Takes 10 ms from `offset`; gives the packet that they fill, if they do. */
  push(samples: Int16Array, offset: number): Buffer | undefined {
    const packet = this.#packet;
    const count = packet.length / 2;
    for (let i = 0; i < count; i++) packet[this.#filled + i] = samples[offset + i] ?? 0;
    this.#filled += count;
    if (this.#filled < packet.length) return undefined;
    this.#filled = 0;
    const payload = this.#encode(this.#resampler === undefined ? packet : this.#resampler.process(packet));
    this.packets++;
    this.bytes += payload.length;
    return this.#writer.write(payload, this.#units);
  }
}
