import { hostname } from 'node:os';
import { z } from 'zod';
import { type Fs, PRIVATE, writeAll } from './files.ts';

/**
 * What is known of one recording, in a file of its own beside the audio. It is on the disk, consent and all, before the first byte of audio
 * is. Its size never changes, so that closing it needs no room on a full disk.
 */

export const manifestSchema = z.object({
  version: z.literal(1),
  callId: z.string(),
  format: z.enum(['wav', 'opus']),
  /** Hz of the audio; two channels: the caller, the agent. */
  sampleRate: z.number(),
  consent: z.enum(['notice', 'operator']),
  /** Wall time, ms since 1970. */
  startedAt: z.number(),
  /** The process that writes it. */
  pid: z.number(),
  host: z.string(),
  /** Undefined while it is being written, or when the process was killed. */
  ended: z
    .object({
      /** Why: a `RecordingStop`, or `interrupted` when the process was killed. */
      reason: z.string(),
      durationMs: z.number(),
    })
    .optional(),
});

export type Manifest = z.infer<typeof manifestSchema>;

const BYTES = 1_024;
/** The longest call of another machine, ms: what is unfinished after it was abandoned. */
const ABANDONED_MS = 86_400_000;

function encode(manifest: Manifest): Uint8Array {
  const bytes = new Uint8Array(BYTES).fill(0x20);
  bytes.set(new TextEncoder().encode(JSON.stringify(manifest)).subarray(0, BYTES - 1));
  bytes[BYTES - 1] = 0x0a;
  return bytes;
}

/** Writes a new one, down to the disk. Throws EEXIST when the call has one. */
export function createManifest(fs: Fs, path: string, manifest: Manifest): void {
  const fd = fs.openSync(path, 'wx', PRIVATE);
  try {
    writeAll(fs, fd, encode(manifest), 0);
    fs.fsyncSync(fd);
  } catch (error) {
    // Half of one would be taken for none, and never be deleted.
    fs.rmSync(path, { force: true });
    throw error;
  } finally {
    fs.closeSync(fd);
  }
}

/** Writes it again, in its place. */
export function updateManifest(fs: Fs, path: string, manifest: Manifest): void {
  const fd = fs.openSync(path, 'r+');
  try {
    writeAll(fs, fd, encode(manifest), 0);
  } finally {
    fs.closeSync(fd);
  }
}

/** Undefined when there is none, or none that can be read. */
export function readManifest(fs: Fs, path: string): Manifest | undefined {
  try {
    const result = manifestSchema.safeParse(JSON.parse(fs.readFileSync(path, 'utf8')));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

/** Whether nobody writes this recording any more. */
export function isAbandoned({ pid, host, startedAt }: Manifest): boolean {
  if (host !== hostname()) return Date.now() - startedAt > ABANDONED_MS;
  // A process id of ours that we do not write with was a process's before us: in a container it is the same every time.
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as { code?: unknown }).code === 'ESRCH';
  }
}
