import { appendFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { RecordedEvent } from './event.ts';
import { parseLine } from './storable.ts';

/** Events that the store will never take, in a file for an operator to look at: a line of JSON each. */
export class RefusedEvents {
  readonly #path: string;
  /** Changes of the file, one after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** Rejects when the disk does not take it. */
  add(event: RecordedEvent): Promise<void> {
    const line = `${JSON.stringify(event)}\n`;
    return this.#next(() => appendFile(this.#path, line, { mode: 0o600 }));
  }

  /** Takes the events of these calls out. Rejects when the disk does not let it. */
  forget(callIds: ReadonlySet<string>): Promise<void> {
    return this.#next(async () => {
      const lines = (await this.#read()).split('\n').filter((line) => line !== '');
      const kept = lines.filter((line) => !callIds.has(parseLine(line)?.callId ?? ''));
      if (kept.length === lines.length) return;
      if (kept.length === 0) return rm(this.#path, { force: true });
      await writeFile(`${this.#path}.new`, `${kept.join('\n')}\n`, { mode: 0o600 });
      await rename(`${this.#path}.new`, this.#path);
    });
  }

  async #read(): Promise<string> {
    try {
      return await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') return '';
      throw error;
    }
  }

  #next(change: () => Promise<void>): Promise<void> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => {});
    return done;
  }
}
