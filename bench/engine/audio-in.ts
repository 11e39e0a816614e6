import { pcma, pcmu } from '../../src/media/codecs.ts';
import { createOpusDecoder } from '../../src/media/opus.ts';
import type { AudioCodec, AudioLine } from './line.ts';
import { RtpAudio, type RtpAudioStats } from './rtp-audio.ts';
import { readRtp } from './rtp-packet.ts';

/** Audio on its way in: packets as they come, frames of 10 ms as they are due. */

const FRAME_MS = 10;
/** A timer that comes later than this was held up by the process, ms: what came meanwhile has not been read yet. */
const STALLED_MS = 45;
/** What is made up for after a stall, frames; what is older is left out. */
const MOST_DUE = 100;

export class AudioIn {
  readonly #line: AudioLine;
  readonly #told: (samples: Int16Array, sampleRate: number) => void;
  #audio: RtpAudio | undefined;
  #codec: AudioCodec | undefined;
  #ssrc: number | undefined;
  #frame = new Int16Array(0);
  #rate = 48_000;
  #playedUntil: number | undefined;
  #lastTick = 0;

  constructor(line: AudioLine, told: (samples: Int16Array, sampleRate: number) => void) {
    this.#line = line;
    this.#told = told;
  }

  get codec(): AudioCodec | undefined {
    return this.#codec;
  }

  get rate(): number {
    return this.#rate;
  }

  get stats(): RtpAudioStats | undefined {
    return this.#audio?.stats;
  }

  /** One packet of RTP; what is of no codec that was agreed on is passed over. */
  push(bytes: Buffer, now: number): void {
    const packet = readRtp(bytes);
    const codec = packet && this.#line.codecs.get(packet.payloadType);
    if (packet === undefined || codec === undefined) return;
    if (codec !== this.#codec || packet.ssrc !== this.#ssrc) this.#begin(codec, packet.ssrc);
    this.#audio?.push(packet, now);
  }

  /** To be called every 20 ms: tells the frames that are due. */
  tick(now: number): void {
    const audio = this.#audio;
    if (audio === undefined) return;
    const stalled = now - this.#lastTick > STALLED_MS && this.#lastTick > 0;
    this.#lastTick = now;
    this.#playedUntil ??= now - 2 * FRAME_MS;
    if (now - this.#playedUntil > MOST_DUE * FRAME_MS) this.#playedUntil = now - MOST_DUE * FRAME_MS;
    // Half a millisecond: a timer is never on the dot.
    while (this.#playedUntil + FRAME_MS <= now + 0.5) {
      if (stalled && !audio.isReady) return;
      this.#playedUntil += FRAME_MS;
      if (audio.pull(this.#frame, now)) this.#told(this.#frame, this.#rate);
    }
  }

  #begin(codec: AudioCodec, ssrc: number): void {
    this.#codec = codec;
    this.#ssrc = ssrc;
    this.#rate = codec === 'opus' ? 48_000 : 8_000;
    this.#frame = new Int16Array((this.#rate * FRAME_MS) / 1_000);
    if (codec === 'opus') {
      const decoder = createOpusDecoder({ sampleRate: 48_000, channels: 1 });
      const decode = (payload: Uint8Array, into: Int16Array) => decoder.decode(payload, into);
      this.#audio = new RtpAudio({ clockRate: 48_000, sampleRate: 48_000, decode });
    } else {
      const { decode } = codec === 'pcmu' ? pcmu : pcma;
      this.#audio = new RtpAudio({ clockRate: 8_000, sampleRate: 8_000, decode });
    }
  }
}
