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

interface Pending {
  readonly to: string;
  readonly delivery: Delivery;
}

/** What a process left undone, by destination, the oldest first, and how much of it was for destinations that are none any more. */
export interface Left {
  readonly waiting: ReadonlyMap<string, readonly Delivery[]>;
  readonly forgotten: number;
}

/** What a file has of what is not done, in its order; undefined where there is none. */
async function undone(path: string): Promise<Map<string, Pending> | undefined> {
  const rows = new Map<string, Pending>();
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  for (const row of text.split('\n')) {
    const parsed = row === '' ? undefined : line.safeParse(parseJson(row));
    // As a rule a last line, torn by the death of its writer.
    if (parsed?.success !== true) continue;
    if ('done' in parsed.data) rows.delete(keyOf(parsed.data.to, parsed.data.done));
    else {
      const { to, ...delivery } = parsed.data;
      rows.set(keyOf(to, delivery.id), { to, delivery });
    }
  }
  return rows;
}

/**
 * What was not delivered yet, on disk: lines of JSON, one for each delivery that came and one for each that is done. The file is one process's own. Nobody waits for it to
 * be written, and what cannot be written is delivered all the same; only a restart forgets it then. A kill loses at most what came in the
 * last moments, and may have a delivery sent twice, under the same id.
 */
export class WebhookJournal {
  readonly #path: string;
  readonly #failed: (error: unknown) => void;
  readonly #pending = new Map<string, Pending>();
  #lines: string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #scheduled = false;
  #written = 0;

  constructor(path: string, failed: (error: unknown) => void) {
    this.#path = path;
    this.#failed = failed;
  }

  /** What was left undone by the process before, by destination, the oldest first. Destinations that are none any more are forgotten. */
  async open(urls: readonly string[]): Promise<Left> {
    return this.take(this.#path, urls);
  }

  /** Takes over what is undone in a file that nobody writes to any more; it may go when this resolves. Rejects, with nothing taken over, where the disk does not let it. */
  async take(path: string, urls: readonly string[]): Promise<Left> {
    const names = new Map(urls.map((url) => [nameOf(url), url]));
    const waiting = new Map<string, Delivery[]>(urls.map((url) => [url, []]));
    let forgotten = 0;
    const rows = await undone(path);
    if (rows === undefined) return { waiting, forgotten };
    for (const [key, one] of rows) {
      const url = names.get(one.to);
      if (url === undefined) {
        rows.delete(key);
        forgotten++;
        continue;
      }
      waiting.get(url)?.push(one.delivery);
      this.#pending.set(key, one);
    }
    try {
      await this.clean();
    } catch (error) {
      for (const key of rows.keys()) this.#pending.delete(key);
      throw error;
    }
    return { waiting, forgotten };
  }

  /** Deliveries that are not done. */
  get size(): number {
    return this.#pending.size;
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
