import type * as nodeFs from 'node:fs';
import { join } from 'node:path';

/** What recordings need of a file system: `node:fs` as it is, or another in its place. All of it is used on the recordings' own thread. */
export type Fs = Pick<
  typeof nodeFs,
  | 'openSync'
  | 'writeSync'
  | 'readSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'fstatSync'
  | 'closeSync'
  | 'statfsSync'
  | 'readFileSync'
  | 'readdirSync'
  | 'rmSync'
>;

export const FORMATS = ['wav', 'opus'] as const;
export type Format = (typeof FORMATS)[number];

/** Ids that are file names as they are. */
export const RECORDING_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;

/** The files of one call's recording. */
export function pathsOf(dir: string, callId: string, format: Format) {
  return {
    /** What is known of it; see `manifest.ts`. */
    manifest: join(dir, `${callId}.json`),
    audio: join(dir, `${callId}.${format === 'wav' ? 'wav' : 'opus'}`),
    peaks: join(dir, `${callId}.peaks`),
  };
}

/** Only this user may read what people said. */
export const PRIVATE = 0o600;

/** Writes all bytes at `at`. Throws what the file system throws; what was written before stays. */
export function writeAll(fs: Fs, fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done, at + done);
}

/** Whether an error of the file system says that there is no room. */
export function isFull(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}
