/**
 * Opus by the optional package `@discordjs/opus` (libopus 1.3.1).
 *
 * The binding trusts its caller: an encoder given a frame of a length Opus does not know copies a negative number of bytes and aborts
 * the whole process. So every argument is checked here first, and no input can reach the native code in a form it does not expect.
 * A machine where the package could not be built still runs everything else; see `opusAvailable()`.
 */

import { createRequire } from 'node:module';
import { l16Decode } from './l16.ts';
import { checkOpusPacket, OPUS_MAX_PACKET_MS } from './opus-packet.ts';

/** Why an Opus call was refused. None of them leaves the encoder or decoder in a worse state than before. */
export type OpusErrorCode =
  /** The package is missing or does not load. */
  | 'OPUS_UNAVAILABLE'
  /** An option that the codec does not know. */
  | 'OPUS_OPTION'
  /** A frame to encode that is not 2.5, 5, 10, 20, 40 or 60 ms long. */
  | 'OPUS_FRAME_SIZE'
  /** A packet that breaks the framing rules of RFC 6716, or that the decoder refused. */
  | 'OPUS_PACKET'
  /** A destination that is too short for the packet's samples. */
  | 'OPUS_BUFFER';

export class OpusError extends Error {
  readonly code: OpusErrorCode;

  constructor(code: OpusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OpusError';
    this.code = code;
  }
}

/** The part of the native class that is used here. */
interface NativeOpus {
  encode(pcm: Buffer): Buffer;
  decode(packet: Buffer): Buffer;
  applyEncoderCTL(ctl: number, value: number): void;
  applyDecoderCTL(ctl: number, value: number): void;
}
type NativeOpusClass = new (rate: number, channels: number) => NativeOpus;
type Loaded = { readonly ok: true; readonly native: NativeOpusClass } | { readonly ok: false; readonly reason: string };

// Request numbers of libopus' opus_encoder_ctl and opus_decoder_ctl (opus_defines.h).
const OPUS_SET_APPLICATION = 4000;
const OPUS_SET_BITRATE = 4002;
const OPUS_SET_COMPLEXITY = 4010;
const OPUS_SET_INBAND_FEC = 4012;
const OPUS_SET_PACKET_LOSS_PERC = 4014;
const OPUS_RESET_STATE = 4028;
const APPLICATION = { voip: 2048, audio: 2049 } as const;

const SAMPLE_RATES: readonly number[] = [8000, 12_000, 16_000, 24_000, 48_000];
/** Frame lengths in samples at 48 kHz: 2.5, 5, 10, 20, 40 and 60 ms. */
const FRAMES_AT_48K: readonly number[] = [120, 240, 480, 960, 1920, 2880];

let loaded: Loaded | undefined;

function load(): Loaded {
  loaded ??= tryLoad();
  return loaded;
}

function tryLoad(): Loaded {
  try {
    const module: unknown = createRequire(import.meta.url)('@discordjs/opus');
    const native = (module as { OpusEncoder?: unknown } | null)?.OpusEncoder;
    if (typeof native !== 'function') return { ok: false, reason: '@discordjs/opus has no OpusEncoder' };
    return { ok: true, native: native as NativeOpusClass };
  } catch (error) {
    const message = String(error instanceof Error ? error.message : error).split('\n', 1)[0]!;
    if (message.includes("'@discordjs/opus'")) return { ok: false, reason: '@discordjs/opus is not installed' };
    const hint = 'rebuild it under the Node that runs this: npm rebuild @discordjs/opus';
    return { ok: false, reason: `@discordjs/opus is installed but does not load (${hint}): ${message}` };
  }
}

/** Whether Opus can be used on this machine, and if not, why. The package is looked for once, at the first question. */
export function opusAvailable(): { ok: true } | { ok: false; reason: string } {
  const result = load();
  return result.ok ? { ok: true } : { ok: false, reason: result.reason };
}

export interface OpusDecoderOptions {
  /** 8000, 12000, 16000, 24000 or 48000 Hz: libopus converts by itself, whatever the packets were made at. */
  readonly sampleRate: number;
  readonly channels: 1 | 2;
}

export interface OpusEncoderOptions extends OpusDecoderOptions {
  /** 0 (fast) to 10 (best); default 5, at half the cost of 10. */
  readonly complexity?: number;
  /** Bits per second, 6000 to 510000 (RFC 6716 section 2.1.1); default: libopus chooses by rate and channels. */
  readonly bitrate?: number;
  /** What the encoder favours; default 'voip'. */
  readonly application?: 'voip' | 'audio';
  /** Carry a coarse copy of each frame in the next packet for this expected loss, 1 to 100 percent; default none. */
  readonly fecForLossPercent?: number;
}

/** Creates the native object, whose own checks come too late to be relied on. */
function create(options: OpusDecoderOptions): NativeOpus {
  const { sampleRate, channels } = options;
  if (!SAMPLE_RATES.includes(sampleRate))
    throw new OpusError('OPUS_OPTION', `not an Opus sample rate: ${String(sampleRate)}`);
  if (channels !== 1 && channels !== 2) throw new OpusError('OPUS_OPTION', `not 1 or 2 channels: ${String(channels)}`);
  const result = load();
  if (!result.ok) throw new OpusError('OPUS_UNAVAILABLE', result.reason);
  return new result.native(sampleRate, channels);
}

function checkInteger(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new OpusError('OPUS_OPTION', `${name} is not an integer from ${least} to ${most}: ${String(value)}`);
}

/** Encodes one stream. */
export class OpusEncoder {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  readonly #native: NativeOpus;
  /** One copy of the frame in memory of our own, per frame length seen: at most six. */
  readonly #frames = new Map<number, { pcm: Int16Array; bytes: Buffer }>();

  constructor(options: OpusEncoderOptions) {
    const complexity = checkInteger('complexity', options.complexity ?? 5, 0, 10);
    const favoured = options.application ?? 'voip';
    if (!Object.hasOwn(APPLICATION, favoured))
      throw new OpusError('OPUS_OPTION', `not an application: ${String(favoured)}`);
    const bitrate = options.bitrate === undefined ? undefined : checkInteger('bitrate', options.bitrate, 6000, 510_000);
    const loss =
      options.fecForLossPercent === undefined
        ? 0
        : checkInteger('fecForLossPercent', options.fecForLossPercent, 1, 100);
    this.#native = create(options);
    this.sampleRate = options.sampleRate;
    this.channels = options.channels;
    this.#native.applyEncoderCTL(OPUS_SET_APPLICATION, APPLICATION[favoured]);
    this.#native.applyEncoderCTL(OPUS_SET_COMPLEXITY, complexity);
    if (bitrate !== undefined) this.#native.applyEncoderCTL(OPUS_SET_BITRATE, bitrate);
    if (loss > 0) {
      this.#native.applyEncoderCTL(OPUS_SET_INBAND_FEC, 1);
      this.#native.applyEncoderCTL(OPUS_SET_PACKET_LOSS_PERC, loss);
    }
  }

  /** Whether `samples` per channel are a frame that Opus can encode. */
  isFrameSize(samples: number): boolean {
    return FRAMES_AT_48K.includes((samples * 48_000) / this.sampleRate);
  }

  /**
   * Encodes one frame of exactly 2.5, 5, 10, 20, 40 or 60 ms (interleaved when stereo) to a packet the caller owns.
   * Throws an OpusError `OPUS_FRAME_SIZE` for any other length.
   */
  encode(samples: Int16Array): Uint8Array {
    const length = samples instanceof Int16Array ? samples.length : Number.NaN;
    if (!this.isFrameSize(length / this.channels)) {
      throw new OpusError('OPUS_FRAME_SIZE', `${length} samples are not 2.5, 5, 10, 20, 40 or 60 ms of audio`);
    }
    let frame = this.#frames.get(length);
    if (!frame) {
      const pcm = new Int16Array(length);
      frame = { pcm, bytes: Buffer.from(pcm.buffer) };
      this.#frames.set(length, frame);
    }
    frame.pcm.set(samples);
    return this.#native.encode(frame.bytes);
  }
}

/** Decodes one stream. */
export class OpusDecoder {
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  readonly #native: NativeOpus;

  constructor(options: OpusDecoderOptions) {
    this.#native = create(options);
    this.sampleRate = options.sampleRate;
    this.channels = options.channels;
  }

  /** Length that holds any packet's samples: 120 ms of all channels. */
  get maxSamples(): number {
    return (this.sampleRate / 1000) * OPUS_MAX_PACKET_MS * this.channels;
  }

  /**
   * Decodes one packet into `dst` and returns the samples written (of all channels, interleaved).
   * Throws an OpusError: `OPUS_PACKET` for a packet that is not well formed or that libopus refuses, `OPUS_BUFFER` when `dst` is too
   * short; the packet is then not decoded.
   */
  decode(packet: Uint8Array, dst: Int16Array): number {
    if (!(packet instanceof Uint8Array)) throw new OpusError('OPUS_PACKET', 'the packet is not a Uint8Array');
    // A copy, because memory shared with another thread could change between the check and the decoding.
    const bytes = Buffer.from(packet);
    const check = checkOpusPacket(bytes);
    if (!check.ok) throw new OpusError('OPUS_PACKET', check.reason);
    const expected = (check.tenthsMs * this.sampleRate * this.channels) / 10_000;
    if (!(dst instanceof Int16Array) || dst.length < expected) {
      throw new OpusError('OPUS_BUFFER', `the packet holds ${expected} samples, more than the destination`);
    }
    let pcm: Buffer;
    try {
      pcm = this.#native.decode(bytes);
    } catch (cause) {
      throw new OpusError('OPUS_PACKET', 'libopus refused the packet', { cause });
    }
    return l16Decode(pcm, dst, 'le');
  }

  /** Forgets the past: the next packet is the first of a new stream. */
  reset(): void {
    this.#native.applyDecoderCTL(OPUS_RESET_STATE, 0);
  }
}

/** A new encoder. Throws an OpusError: `OPUS_OPTION` for an option Opus does not know, `OPUS_UNAVAILABLE` without the package. */
export function createOpusEncoder(options: OpusEncoderOptions): OpusEncoder {
  return new OpusEncoder(options);
}

/** A new decoder. Throws as `createOpusEncoder` does. */
export function createOpusDecoder(options: OpusDecoderOptions): OpusDecoder {
  return new OpusDecoder(options);
}
