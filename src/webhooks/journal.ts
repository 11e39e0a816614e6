import { createHash } from 'node:crypto';
import { appendFile, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { type Delivery, WEBHOOK_EVENTS } from './delivery.ts';

/** The file is written anew when it has grown by this much, bytes. */
const COMPACT_BYTES = 8 * 1024 * 1024;

const line = z.union([
  z.object({
    to: z.string(),
    id: z.string(),
    event: z.enum(WEBHOOK_EVENTS),
    at: z.number(),
    body: z.string(),
  }),
  z.object({ to: z.string(), done: z.string() }),
]);

/** A destination as the file names it: its URL may hold a secret, which has no place on a disk. */
const nameOf = (url: string) => createHash('sha256').update(url).digest('base64url').slice(0, 22);
const keyOf = (to: string, id: string) => `${to} ${id}`;

/**
 * What was not delivered yet, on disk: lines of JSON, one for each delivery that came and one for each that is done. Nobody waits for it to
 * be written, and what cannot be written is delivered all the same; only a restart forgets it then. A kill loses at most what came in the
 * last moments, and may have a delivery sent twice, under the same id.
 */
export class WebhookJournal {
  readonly #path: string;
  readonly #failed: (error: unknown) => void;
  readonly #pending = new Map<string, { to: string; delivery: Delivery }>();
  #lines: string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #scheduled = false;
  #written = 0;

  constructor(path: string, failed: (error: unknown) => void) {
    this.#path = path;
    this.#failed = failed;
  }

  /** What was left undone by the process before, by destination, the oldest first. Destinations that are none any more are forgotten. */
  async open(urls: readonly string[]): Promise<{ waiting: Map<string, Delivery[]>; forgotten: number }> {
    const names = new Map(urls.map((url) => [nameOf(url), url]));
    let text = '';
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    for (const row of text.split('\n')) {
      const parsed = row === '' ? undefined : line.safeParse(parseJson(row));
      // As a rule a last line, torn by the death of its writer.
      if (parsed?.success !== true) continue;
      if ('done' in parsed.data) this.#pending.delete(keyOf(parsed.data.to, parsed.data.done));
      else {
        const { to, ...delivery } = parsed.data;
        this.#pending.set(keyOf(to, delivery.id), { to, delivery });
      }
    }
    const waiting = new Map<string, Delivery[]>(urls.map((url) => [url, []]));
    let forgotten = 0;
    for (const [key, { to, delivery }] of this.#pending) {
      const url = names.get(to);
      if (url === undefined) {
        this.#pending.delete(key);
        forgotten++;
      } else waiting.get(url)?.push(delivery);
    }
    if (text !== '') await this.#rewrite();
    return { waiting, forgotten };
  }

  add(url: string, delivery: Delivery): void {
    const to = nameOf(url);
    this.#pending.set(keyOf(to, delivery.id), { to, delivery });
    this.#put({ to, ...delivery });
  }

  /** Delivered, or given up. */
  done(url: string, id: string): void {
    const to = nameOf(url);
    if (this.#pending.delete(keyOf(to, id))) this.#put({ to, done: id });
  }

  /** Takes what is done off the disk too. Rejects when the disk does not let it. */
  async clean(): Promise<void> {
    const cleaned = this.#writing.then(() => this.#rewrite());
    this.#writing = cleaned.catch(() => {});
    await cleaned;
  }

  /** Leaves on disk what is not done, and nothing else. Never rejects. */
  async close(): Promise<void> {
    await this.#writing;
    try {
      await this.#rewrite();
    } catch (error) {
      this.#failed(error);
    }
  }

  #put(row: object): void {
    this.#lines.push(`${JSON.stringify(row)}\n`);
    if (this.#scheduled) return;
    // All lines that come while one write is on its way go with the next.
    this.#scheduled = true;
    this.#writing = this.#writing.then(async () => {
      this.#scheduled = false;
      const text = this.#lines.join('');
      this.#lines = [];
      try {
        if (this.#written > COMPACT_BYTES) await this.#rewrite();
        else {
          await mkdir(dirname(this.#path), { recursive: true });
          // What callers said and who called is for the owner alone.
          await appendFile(this.#path, text, { mode: 0o600 });
          this.#written += text.length;
        }
      } catch (error) {
        this.#failed(error);
      }
    });
  }

  async #rewrite(): Promise<void> {
    this.#written = 0;
    if (this.#pending.size === 0) {
      await rm(this.#path, { force: true });
      return;
    }
    const rows = [...this.#pending.values()].map(({ to, delivery }) => `${JSON.stringify({ to, ...delivery })}\n`);
    const beside = `${this.#path}.new`;
    await mkdir(dirname(this.#path), { recursive: true });
    const file = await open(beside, 'w', 0o600);
    try {
      await file.writeFile(rows.join(''));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(beside, this.#path);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
