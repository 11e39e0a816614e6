import { type FileHandle, open } from 'node:fs/promises';
import { interleave, WAV_HEADER_BYTES, wavHeader } from '../media/wav.ts';

/** Only this user may read what people said. */
const PRIVATE = 0o600;

/** What is needed of an open file. */
type Handle = Pick<FileHandle, 'write' | 'close'>;

/**
 * A stereo WAV file that is whole after each piece: whoever opens it while it grows, or after its writer was killed, finds sizes that are true. Written
 * in the background, one piece after the other: nothing here waits for a disk.
 */
export class TapeFile {
  readonly #handle: Handle;
  readonly #rate: number;
  #bytes = 0;
  #last: Promise<void>;
  #failure: unknown;
  #closed: Promise<void> | undefined;

  /** `handle`: an empty file, which is the tape's from now on; `rate` in Hz. */
  constructor(handle: Handle, rate: number) {
    this.#handle = handle;
    this.#rate = rate;
    this.#last = this.#header().catch(this.#failed);
  }

  /** Creates the file, 16-bit stereo at `rate` Hz. Rejects with EEXIST when it is there. */
  static async create(path: string, rate: number): Promise<TapeFile> {
    return new TapeFile(await open(path, 'wx', PRIVATE), rate);
  }

  /** Adds a piece of both channels, left first. After a failure nothing more is written: what stands is whole. */
  write(channels: readonly Int16Array[]): void {
    if (this.#closed !== undefined) return;
    const bytes = interleave(channels);
    this.#last = this.#last
      .then(async () => {
        if (this.#failure !== undefined) return;
        for (let done = 0; done < bytes.length; ) {
          const at = WAV_HEADER_BYTES + this.#bytes + done;
          done += (await this.#handle.write(bytes, done, bytes.length - done, at)).bytesWritten;
        }
        this.#bytes += bytes.length;
        await this.#header();
      })
      .catch(this.#failed);
  }

  /** Waits until all is written and closes the file. Idempotent. Rejects with the first failure. */
  close(): Promise<void> {
    this.#closed ??= this.#last.then(async () => {
      await this.#handle.close();
      if (this.#failure !== undefined) throw this.#failure;
    });
    return this.#closed;
  }

  readonly #failed = (error: unknown): void => {
    this.#failure ??= error;
  };

  async #header(): Promise<void> {
    await this.#handle.write(wavHeader(2, this.#rate, this.#bytes), 0, WAV_HEADER_BYTES, 0);
  }
}
