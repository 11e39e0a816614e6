import { open } from 'node:fs/promises';
import { TAPE_RATE } from '../measure/tape.ts';
import { l16Decode } from '../media/l16.ts';
import { WAV_HEADER_BYTES } from '../media/wav.ts';
import type { Outline } from './report/html.ts';

/** Bytes of a sample of both sides. */
const SAMPLE_BYTES = 4;
/** Read at a time, bytes: callers are on the line meanwhile, and a tape may be of an hour. */
const PIECE_BYTES = 64 * 1024;

/** The outline of a tape's file, as `TapeFile` writes it, in so many parts of equal length. Rejects where it cannot be read. */
export async function outlineOf(path: string, buckets: number): Promise<Outline> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.max(0, Math.floor((size - WAV_HEADER_BYTES) / SAMPLE_BYTES));
    const parts = Math.min(buckets, length);
    const caller = new Int32Array(parts);
    const agent = new Int32Array(parts);
    const piece = new Uint8Array(PIECE_BYTES);
    const samples = new Int16Array(PIECE_BYTES / 2);
    let part = 0;
    let next = Math.floor(length / parts);
    for (let at = 0; at < length; ) {
      const wanted = Math.min(PIECE_BYTES, (length - at) * SAMPLE_BYTES);
      const { bytesRead } = await file.read(piece, 0, wanted, WAV_HEADER_BYTES + at * SAMPLE_BYTES);
      const count = Math.floor(bytesRead / SAMPLE_BYTES);
      if (count === 0) break;
      l16Decode(piece.subarray(0, count * SAMPLE_BYTES), samples, 'le');
      for (let i = 0; i < count; i++) {
        while (at + i >= next) next = Math.floor(((++part + 1) * length) / parts);
        caller[part] = Math.max(caller[part]!, Math.abs(samples[2 * i]!));
        agent[part] = Math.max(agent[part]!, Math.abs(samples[2 * i + 1]!));
      }
      at += count;
    }
    return { durationMs: Math.round((length * 1000) / TAPE_RATE), caller: sharesOf(caller), agent: sharesOf(agent) };
  } finally {
    await file.close();
  }
}

const sharesOf = (peaks: Int32Array) => Array.from(peaks, (one) => Math.round((one / 32_768) * 1000) / 1000);
