/** A phone's talk over RTP: the caller's frames become packets, the business's packets are heard, and every one of them is counted by its time. */

import type { Clock } from '../../call/clock.ts';
import { type Codec, pcmu } from '../../media/codecs.ts';
import { createOpusDecoder, createOpusEncoder, opusAvailable } from '../../media/opus.ts';
import { FRAME_MS, streamCodec } from '../phone/codec.ts';
import type { SourceFrame } from '../phone/source.ts';
import { Talk, type TalkOptions } from '../phone/talk.ts';
import { KeyReader, KeySender } from './keys.ts';
import type { RtpPacketIn } from './rtp-peer.ts';
import { type Format, OPUS, PCMU, TELEPHONE_EVENT } from './sdp.ts';

/** What a phone's jitter buffer holds back when nothing is queued, ms. */
const JITTER_MS = 40;
/** More packets in a row are a new beginning and no loss. */
const MOST_LOST = 50;
/** Arrivals that are remembered one by one. */
const LOG_LIMIT = 20_000;

/** What came by RTP. Times are clock ms. */
export interface RtpCounts {
  packets: number;
  /** Before the business's `accept` was answered: WhatsApp would have taken the first of them for the acceptance. */
  packetsBeforeAccept: number;
  /** In gaps of the sequence. */
  lost: number;
  /** Neither the audio's payload type nor that of keys. */
  foreign: number;
  firstMs: number | undefined;
  lastMs: number | undefined;
  readonly arrivalsMs: number[];
}

/** In what a phone on this machine speaks: as Meta's do where libopus is there, else in G.711, which Meta offers too. */
export const ownFormat = (): Format => (opusAvailable().ok ? OPUS : PCMU);

/** Samples of a phone's ear and mouth. Meta's offer says 16 kHz both ways. */
const codecOf = (format: Format): Codec => (format.name === 'opus' ? streamCodec('L16@16000') : pcmu);

interface Voice {
  encode(samples: Int16Array): Uint8Array;
  /** Samples written into `out`. Throws for a packet that cannot be decoded. */
  decode(payload: Uint8Array, out: Int16Array): number;
}

function voiceOf(format: Format, rate: number): Voice {
  if (format.name === 'opus') {
    const options = { sampleRate: rate, channels: 1 } as const;
    const encoder = createOpusEncoder({ ...options, bitrate: 20_000 });
    const decoder = createOpusDecoder(options);
    return { encode: (samples) => encoder.encode(samples), decode: (payload, out) => decoder.decode(payload, out) };
  }
  return {
    encode(samples) {
      const bytes = new Uint8Array(samples.length);
      pcmu.encode(samples, bytes);
      return bytes;
    },
    decode(payload, out) {
      pcmu.decode(payload, out);
      return payload.length;
    },
  };
}

export interface RtpLineOptions extends Omit<TalkOptions, 'codec' | 'jitterMs'> {
  readonly format: Format;
  readonly send: (payload: Uint8Array, fields: { payloadType: number; timestamp: number; marker: boolean }) => void;
  readonly isAccepted: () => boolean;
  /** Sends no audio, as a phone whose microphone or network is dead. */
  readonly mute?: boolean | undefined;
}

export class RtpLine {
  readonly talk: Talk;
  readonly rtp: RtpCounts = {
    packets: 0,
    packetsBeforeAccept: 0,
    lost: 0,
    foreign: 0,
    firstMs: undefined,
    lastMs: undefined,
    arrivalsMs: [],
  };
  readonly sampleRate: number;
  readonly #o: RtpLineOptions;
  readonly #clock: Clock;
  readonly #voice: Voice;
  readonly #keys = new KeySender(FRAME_MS);
  readonly #pressed = new KeyReader();
  readonly #samples: Int16Array;
  /** Where the timestamps begin: anywhere (RFC 3550 section 5.1). */
  readonly #origin = Math.floor(Math.random() * 2 ** 31);
  #sequence: number | undefined;
  #began = true;

  constructor(options: RtpLineOptions) {
    const codec = codecOf(options.format);
    this.#o = options;
    this.#clock = options.clock;
    this.sampleRate = codec.sampleRate;
    this.#voice = voiceOf(options.format, codec.sampleRate);
    // The longest Opus packet has 120 ms.
    this.#samples = new Int16Array((codec.sampleRate / 1_000) * 120);
    this.talk = new Talk(
      { ...options, codec, jitterMs: JITTER_MS },
      {
        media: (frame, timestampMs) => this.#speak(frame, timestampMs),
        key: (digit, durationMs) => this.#keys.press(digit, durationMs),
      },
    );
  }

  /** A packet of the business's came. Never throws. */
  receive(packet: RtpPacketIn): void {
    const { rtp } = this;
    const now = this.#clock.now();
    rtp.packets++;
    rtp.firstMs ??= now;
    rtp.lastMs = now;
    if (rtp.arrivalsMs.length < LOG_LIMIT) rtp.arrivalsMs.push(now);
    if (!this.#o.isAccepted() && rtp.packetsBeforeAccept++ === 0)
      this.#o.timeline.add('fault', 'media before the accept was answered: WhatsApp takes it for the acceptance');
    if (this.talk.ended) return;
    const missing = this.#missing(packet.sequenceNumber);
    if (missing === undefined) return;
    if (packet.payloadType === TELEPHONE_EVENT) this.#onKey(packet);
    else if (packet.payloadType === this.#o.format.payloadType) this.#hear(packet.payload, missing);
    else rtp.foreign++;
  }

  #speak(frame: SourceFrame, timestampMs: number): boolean {
    const { format, send, mute = false } = this.#o;
    const timestamp = (this.#origin + (timestampMs * format.clockRate) / 1_000) >>> 0;
    const keys = this.#keys.next(timestamp);
    for (const key of keys) send(key.payload, { payloadType: TELEPHONE_EVENT, ...key });
    if (mute) return false;
    if (keys.length > 0) return true;
    // The marker begins a talk spurt (RFC 3551 section 4.1).
    send(this.#voice.encode(frame.samples), { payloadType: format.payloadType, timestamp, marker: this.#began });
    this.#began = false;
    return true;
  }

  /** Packets missing before this one; undefined for one that is late or a repetition. */
  #missing(sequenceNumber: number): number | undefined {
    const last = this.#sequence;
    const ahead = last === undefined ? 1 : (sequenceNumber - last) & 0xffff;
    if (ahead === 0 || ahead > 0x8000) return undefined;
    this.#sequence = sequenceNumber;
    if (ahead > MOST_LOST) return 0;
    this.rtp.lost += ahead - 1;
    return ahead - 1;
  }

  #hear(payload: Buffer, missing: number): void {
    let count: number;
    try {
      count = this.#voice.decode(payload, this.#samples);
    } catch {
      this.rtp.foreign++;
      return;
    }
    if (missing > 0) this.talk.missed(missing * FRAME_MS);
    this.talk.hear(this.#samples, count);
  }

  #onKey({ payload, timestamp }: RtpPacketIn): void {
    const key = this.#pressed.read(payload, timestamp);
    if (key === undefined) return;
    this.talk.stats.digitsReceived += key;
    this.#o.timeline.add('dtmf', `the bridge sent digit ${key}`);
  }
}
