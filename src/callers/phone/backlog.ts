import type { Codec } from '../../media/codecs.ts';
import type { PhoneLegOptions } from './options.ts';

/**
 * Watches a carrier that does not read. A paused reader makes no error: the socket's buffer just grows, so the watermarks are ours.
 * They are in milliseconds of audio, because that is how stale the caller's ear would be.
 */

/** Buffered audio at which a blocked stream is taken to flow again, ms. */
const RESUME_MS = 1_000;
/** Text around the base64 of one chunk, with its share of the marks, bytes; and what is around one that is sent as it is. */
const OVERHEAD_BYTES = 120;
const BINARY_OVERHEAD_BYTES = 30;

/** What to do: nothing, discard everything (said once, when the stream becomes blocked), or give the stream up. */
export type BacklogVerdict = 'ok' | 'drop' | 'close';

export class Backlog {
  readonly #bytesPerMs: number;
  readonly #dropMs: number;
  readonly #closeMs: number;
  #blockedSince: number | undefined;

  /** `isBinary`: audio goes as it is, not as base64 in a text. */
  constructor(
    codec: Codec,
    options: Pick<PhoneLegOptions, 'chunkMs' | 'dropBacklogMs' | 'closeBacklogMs'>,
    isBinary = false,
  ) {
    const audioPerMs = (codec.sampleRate * codec.bytesPerSample) / 1000;
    this.#bytesPerMs = isBinary
      ? audioPerMs + BINARY_OVERHEAD_BYTES / options.chunkMs
      : (audioPerMs * 4) / 3 + OVERHEAD_BYTES / options.chunkMs;
    this.#dropMs = options.dropBacklogMs;
    this.#closeMs = options.closeBacklogMs;
  }

  /** Whether audio is being dropped because the carrier does not take it. */
  get blocked(): boolean {
    return this.#blockedSince !== undefined;
  }

  check(bufferedBytes: number, now: number): BacklogVerdict {
    if (bufferedBytes === 0) {
      this.#blockedSince = undefined;
      return 'ok';
    }
    const ms = bufferedBytes / this.#bytesPerMs;
    if (this.#blockedSince === undefined) {
      if (ms <= this.#dropMs) return 'ok';
      if (ms > this.#closeMs) return 'close';
      this.#blockedSince = now;
      return 'drop';
    }
    if (ms < RESUME_MS) {
      this.#blockedSince = undefined;
      return 'ok';
    }
    // While blocked nothing is sent, so what would have been queued by now is the time that passed.
    return ms + (now - this.#blockedSince) > this.#closeMs ? 'close' : 'ok';
  }
}
