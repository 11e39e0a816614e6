import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordedEvent } from './event.ts';
import { parseLine } from './storable.ts';

/** One append-only file of events, a line of JSON each. What `append` resolved for outlives the death of this process. */
export class SpoolFile {
  readonly path: string;
  #handle: FileHandle | undefined;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Makes the file number `n` of a folder; rejects when it is there already. */
  static async create(folder: string, n: number): Promise<SpoolFile> {
    const path = join(folder, spoolName(n));
    // What callers said is for the owner alone.
    return new SpoolFile(path, await open(path, 'ax', 0o600));
  }

  /** Adds whole lines, each with its line feed. */
  async append(lines: string): Promise<void> {
    if (this.#handle === undefined) throw new Error('the spool file is closed');
    await this.#handle.appendFile(lines);
  }

  /** Waits until the disk itself has it: for a power cut, which the kernel's memory does not outlive. */
  async sync(): Promise<void> {
    await this.#handle?.datasync();
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

const NAME = /^\d{8}\.jsonl$/;

function spoolName(n: number): string {
  return `${String(n).padStart(8, '0')}.jsonl`;
}

/** The spool files among a folder's names, in the order in which they were written. */
export function spoolFiles(names: readonly string[]): string[] {
  return names.filter((name) => NAME.test(name)).sort();
}

/** The events of a spool file, and how many lines were none: as a rule the last one, torn by the death of its writer. */
export async function readSpool(path: string): Promise<{ events: RecordedEvent[]; damaged: number }> {
  const events: RecordedEvent[] = [];
  let damaged = 0;
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    if (line === '') continue;
    const event = parseLine(line);
    if (event === undefined) damaged++;
    else events.push(event);
  }
  return { events, damaged };
}

export async function removeSpool(path: string): Promise<void> {
  await rm(path, { force: true });
}
