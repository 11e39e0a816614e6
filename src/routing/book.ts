import type { Log } from '../call/leg.ts';
import { errorMessage } from '../errors.ts';
import { versionOf } from '../folder.ts';
import { filesOnDisk } from '../operator-file.ts';
import { loadRoutes, type RouteTargets } from './load.ts';
import type { Routes } from './routes.ts';

export interface RouteBookOptions<T> {
  readonly path: string;
  readonly targets: RouteTargets;
  /** Brings what they name up to now, before they are read again. Never rejects. */
  readonly before: () => Promise<unknown>;
  /** Makes ready what calls by these routes need. Rejects where that cannot be had. */
  readonly open: (routes: Routes) => Promise<T>;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly log: Pick<Log, 'info' | 'error'>;
}

/** What is wrong is read again so often, ms, though its file is as it was: what is missing may be a prompt, or a recording, that is there now. */
const AGAIN_MS = 5_000;

/** The routes, and what was made ready for them. */
export interface OpenRoutes<T> {
  readonly routes: Routes;
  readonly opened: T;
}

/**
 * The routes as their file has them. A changed file, or list of callers that it names, counts for calls that begin after it, as a whole; one that became wrong
 * is logged and the last good routes are kept.
 */
export class RouteBook<T> {
  readonly #o: RouteBookOptions<T>;
  #now: OpenRoutes<T>;
  /** The files that were read last, as they were then. */
  #files: ReadonlyMap<string, string>;
  /** When what they say is to be read again though they are as they were. */
  #againAt = Number.POSITIVE_INFINITY;
  #problem: string | undefined;
  #refreshing: Promise<void> | undefined;

  private constructor(options: RouteBookOptions<T>, now: OpenRoutes<T>, files: ReadonlyMap<string, string>) {
    this.#o = options;
    this.#now = now;
    this.#files = files;
  }

  /** Rejects with CONFIG_INVALID, one line a problem, where the routes are wrong, and as `open` does. */
  static async open<T>(options: RouteBookOptions<T>): Promise<RouteBook<T>> {
    const files = new Map<string, string>();
    return new RouteBook(options, await read(options, files), files);
  }

  /** As of the last look. */
  get now(): OpenRoutes<T> {
    return this.#now;
  }

  /** Reads them again where a file changed since the last look. Never rejects. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const { log, path, now, before } = this.#o;
    if (now() < this.#againAt && (await isSame(this.#files))) return;
    const files = new Map<string, string>();
    try {
      await before();
      this.#now = await read(this.#o, files);
      this.#againAt = Number.POSITIVE_INFINITY;
      this.#problem = undefined;
      log.info({ file: path, routes: this.#now.routes.routes.length }, 'the routes were read again');
    } catch (error) {
      this.#againAt = now() + AGAIN_MS;
      const problem = errorMessage(error);
      if (problem === this.#problem) return;
      this.#problem = problem;
      log.error({ file: path, problem }, 'the routes are wrong; the last good ones stay');
    } finally {
      this.#files = files;
    }
  }
}

/** Reads them, and puts into `files` what they were read from, as it was before: what changes in the middle is read once more. */
async function read<T>(
  { path, targets, open }: RouteBookOptions<T>,
  files: Map<string, string>,
): Promise<OpenRoutes<T>> {
  files.set(path, await versionOf(path));
  const routes = await loadRoutes(path, targets, {
    ...filesOnDisk,
    async read(one) {
      if (!files.has(one)) files.set(one, await versionOf(one));
      return filesOnDisk.read(one);
    },
  });
  return { routes, opened: await open(routes) };
}

async function isSame(files: ReadonlyMap<string, string>): Promise<boolean> {
  const same = await Promise.all([...files].map(async ([path, version]) => (await versionOf(path)) === version));
  return same.every(Boolean);
}
