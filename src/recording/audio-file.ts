import { OggOpusStream } from '../media/ogg-opus.ts';
import { createOpusEncoder, type OpusEncoder } from '../media/opus.ts';
import { WAV_HEADER_BYTES, wavHeader } from '../media/wav.ts';
import { type Format, type Fs, PRIVATE, writeAll } from './files.ts';

/** An audio file that is written piece by piece and is whole after each piece. Its methods throw what the file system throws. */
export interface AudioFile {
  /** Takes interleaved stereo samples. */
  write(stereo: Int16Array): void;
  /** Writes what is left and closes it. After a failed `write` what was written before stays readable. */
  close(): void;
}

/** Bytes of samples in the largest WAV file there can be, less a margin for its header. */
const WAV_MOST_BYTES = 0xffff_ffff - 1_024;
/**
 * What keeps the two sides apart: from here on the codec for music codes each channel by itself (measured: what one side says is 70 dB lower on
 * the other). The codec for speech mixes them, to be heard at -20 dB, and costs three times the time.
 */
const OPUS_BITRATE = 48_000;
/** Encoding is done for all calls on one thread. */
const OPUS_COMPLEXITY = 3;

/** The recording cannot become longer in this format. */
export class TooLongError extends Error {}

/** Creates the file. Throws EEXIST when it is there; an OpusError without the codec. */
export function createAudioFile(
  fs: Fs,
  path: string,
  format: Format,
  options: { readonly sampleRate: number; readonly consent: string; readonly serial: number },
): AudioFile {
  if (format === 'wav') return opened(fs, path, (fd) => new WavFile(fs, fd, options.sampleRate));
  const encoder = createOpusEncoder({
    sampleRate: options.sampleRate,
    channels: 2,
    application: 'audio',
    bitrate: OPUS_BITRATE,
    complexity: OPUS_COMPLEXITY,
  });
  return opened(fs, path, (fd) => new OpusFile(fs, fd, encoder, options));
}

function opened<T>(fs: Fs, path: string, make: (fd: number) => T): T {
  const fd = fs.openSync(path, 'wx', PRIVATE);
  try {
    return make(fd);
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

class WavFile implements AudioFile {
  readonly #fs: Fs;
  readonly #fd: number;
  readonly #rate: number;
  #bytes = 0;

  constructor(fs: Fs, fd: number, rate: number) {
    this.#fs = fs;
    this.#fd = fd;
    this.#rate = rate;
    this.#header();
  }

  write(stereo: Int16Array): void {
    if (this.#bytes + stereo.byteLength > WAV_MOST_BYTES) throw new TooLongError();
    const bytes = new Uint8Array(stereo.buffer, stereo.byteOffset, stereo.byteLength);
    writeAll(this.#fs, this.#fd, bytes, WAV_HEADER_BYTES + this.#bytes);
    this.#bytes += stereo.byteLength;
    // Whoever opens it now, or after the process was killed, finds sizes that are true.
    this.#header();
  }

  close(): void {
    try {
      // A piece that found no room may have been written in part.
      this.#fs.ftruncateSync(this.#fd, WAV_HEADER_BYTES + this.#bytes);
    } finally {
      this.#fs.closeSync(this.#fd);
    }
  }

  #header(): void {
    writeAll(this.#fs, this.#fd, wavHeader(2, this.#rate, this.#bytes), 0);
  }
}

class OpusFile implements AudioFile {
  readonly #fs: Fs;
  readonly #fd: number;
  readonly #stream: OggOpusStream;
  #bytes = 0;
  #broken = false;

  constructor(fs: Fs, fd: number, encoder: OpusEncoder, options: { consent: string; serial: number }) {
    this.#fs = fs;
    this.#fd = fd;
    this.#stream = new OggOpusStream(encoder, options.serial);
    this.#append(this.#stream.begin({ CONSENT: options.consent }));
  }

  write(stereo: Int16Array): void {
    this.#append(this.#stream.write(stereo));
  }

  close(): void {
    try {
      if (!this.#broken) this.#append(this.#stream.end());
    } finally {
      try {
        this.#fs.ftruncateSync(this.#fd, this.#bytes);
      } finally {
        this.#fs.closeSync(this.#fd);
      }
    }
  }

  #append(pages: readonly Uint8Array[]): void {
    for (const page of pages) {
      try {
        writeAll(this.#fs, this.#fd, page, this.#bytes);
      } catch (error) {
        // A page that is missing ends the stream: nothing may follow it.
        this.#broken = true;
        throw error;
      }
      this.#bytes += page.length;
    }
  }
}
