import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { uptime } from 'node:os';
import { dirname } from 'node:path';
import { errorMessage } from '../errors.ts';
import type { UsesKept } from './local-window.ts';

/**
 * The uses that an hourly limit counts, on disk, so that a restart does not begin a new hour. Each is kept by two clocks: the wall's, and
 * the machine's time since it was started, which nobody sets. As long as the machine runs the second alone counts, so that no change of
 * the clock makes an hour shorter; after a restart of the machine the wall's does.
 */

const HOUR_MS = 3_600_000;

/** Which start of the machine this is, and for how long it has run, ms; undefined where that cannot be known. */
export type SinceBoot = () => { readonly boot: string; readonly ms: number } | undefined;

export interface HourFileOptions {
  readonly path: string;
  /** Monotonic ms of this process, and ms since the epoch. */
  readonly clock: { now(): number; wall(): number };
  readonly sinceBoot?: SinceBoot;
  readonly log: { warn(fields: object, message: string): void };
}

interface Kept {
  /** Wall time, ms since the epoch. */
  readonly wall: number;
  /** Time since the start of the machine that `boot` names, ms. */
  readonly up?: number;
}

interface Content {
  readonly boot?: string;
  readonly uses: readonly Kept[];
}

export class HourFile implements UsesKept {
  readonly #o: HourFileOptions;
  readonly #sinceBoot: SinceBoot;
  /** What the file held of the last hour when it was opened, monotonic ms (before the process began: negative), the oldest first. */
  readonly uses: UsesKept['uses'];
  #next: Content | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: HourFileOptions, sinceBoot: SinceBoot, uses: UsesKept['uses']) {
    this.#o = options;
    this.#sinceBoot = sinceBoot;
    this.uses = uses;
  }

  /** Reads the file. One that cannot be read is said, and counts as none: a broken file stops no call. Never rejects. */
  static async open(options: HourFileOptions): Promise<HourFile> {
    const sinceBoot = options.sinceBoot ?? (await bootClock());
    const content = await read(options);
    const { clock } = options;
    const [now, wall, boot] = [clock.now(), clock.wall(), sinceBoot()];
    const uses = content.uses
      .map((use) => {
        const same = boot !== undefined && boot.boot === content.boot && use.up !== undefined;
        // One that lies in the future was made before the clock was set back: it counts from now on.
        return Math.max(0, same ? boot.ms - (use.up ?? 0) : wall - use.wall);
      })
      .filter((age) => age < HOUR_MS)
      .sort((a, b) => b - a)
      .map((age) => ({ at: now - age }));
    return new HourFile(options, sinceBoot, uses);
  }

  /** These are the uses of the last hour now. The disk is waited for by nobody; what comes while it writes goes with the next. */
  keep(uses: UsesKept['uses']): void {
    const { clock } = this.#o;
    const [now, wall, boot] = [clock.now(), clock.wall(), this.#sinceBoot()];
    const kept = uses.map(({ at }) => {
      const age = now - at;
      return { wall: Math.round(wall - age), ...(boot === undefined ? {} : { up: Math.round(boot.ms - age) }) };
    });
    const waiting = this.#next !== undefined;
    this.#next = { ...(boot === undefined ? {} : { boot: boot.boot }), uses: kept };
    if (!waiting) this.#writing = this.#writing.then(() => this.#write());
  }

  /** Resolves when all is written. Never rejects. */
  close(): Promise<void> {
    return this.#writing;
  }

  async #write(): Promise<void> {
    const content = this.#next;
    this.#next = undefined;
    const { path, log } = this.#o;
    const beside = `${path}.new`;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const file = await open(beside, 'w', 0o600);
      try {
        await file.writeFile(JSON.stringify(content));
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(beside, path);
    } catch (error) {
      log.warn({ detail: errorMessage(error) }, 'the uses of an hourly limit cannot be stored: a restart forgets them');
    }
  }
}

async function read({ path, log }: HourFileOptions): Promise<Content> {
  try {
    const content: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (isContent(content)) return content;
    log.warn({}, 'the stored uses of an hourly limit are not what was written: they are counted anew');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn(
        { detail: errorMessage(error) },
        'the stored uses of an hourly limit cannot be read: they are counted anew',
      );
  }
  return { uses: [] };
}

const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);

function isContent(value: unknown): value is Content {
  const { boot, uses } = (value ?? {}) as Partial<Record<keyof Content, unknown>>;
  if (!Array.isArray(uses) || (boot !== undefined && typeof boot !== 'string')) return false;
  return uses.every(
    (use: Partial<Record<keyof Kept, unknown>> | null) =>
      use !== null && isNumber(use?.wall) && (use.up === undefined || isNumber(use.up)),
  );
}

/** The machine's own: Linux names each of its starts. https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html (random/boot_id) */
async function bootClock(): Promise<SinceBoot> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
  return () => (boot === '' ? undefined : { boot, ms: uptime() * 1_000 });
}
