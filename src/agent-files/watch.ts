import type { Clock, Timer } from '../call/clock.ts';
import { errorMessage } from '../errors.ts';
import { scanFolder, versionOf } from '../folder.ts';

/**
 * Whether the files that make the agents are right while the daemon runs: they are edited under it, and a mistake in one would else show at the next call.
 * Only what changed is read again; between two looks nothing is.
 */

/** How often it is looked whether a file changed, ms. */
const INTERVAL_MS = 5_000;

export interface FilesWatchOptions {
  readonly clock: Pick<Clock, 'after'>;
  readonly folders: readonly string[];
  readonly files: readonly string[];
  /** Reads all of them; what is wrong, one line each. */
  readonly check: () => Promise<{ readonly problems: readonly string[] }>;
  /** Told when what is wrong is not what was wrong before. */
  readonly changed: (problems: readonly string[]) => void;
  readonly intervalMs?: number;
}

export class FilesWatch {
  readonly #o: FilesWatchOptions;
  #timer: Timer | undefined;
  #versions = '';
  #problems: readonly string[] = [];
  #closed = false;

  /** Looks for the first time at once. */
  constructor(options: FilesWatchOptions) {
    this.#o = options;
    void this.look();
  }

  /** What is wrong, one line each. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** Never rejects. */
  async look(): Promise<void> {
    this.#timer?.cancel();
    const problems = await this.#judge().catch((error: unknown) => [errorMessage(error)]);
    if (this.#closed) return;
    if (problems !== undefined && problems.join('\n') !== this.#problems.join('\n')) {
      this.#problems = problems;
      this.#o.changed(problems);
    }
    this.#timer = this.#o.clock.after(this.#o.intervalMs ?? INTERVAL_MS, () => void this.look());
  }

  /** What is wrong; undefined: nothing changed since the last look. */
  async #judge(): Promise<readonly string[] | undefined> {
    const { folders, files, check } = this.#o;
    const found = [
      ...(await Promise.all(folders.map(scanFolder))).flat(),
      ...(await Promise.all(files.map(async (path) => ({ path, version: await versionOf(path) })))),
    ];
    const versions = found.map(({ path, version }) => `${path} ${version}`).join('\n');
    if (versions === this.#versions) return undefined;
    this.#versions = versions;
    return (await check()).problems;
  }
}
