import { createHash, randomInt } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WAV_HEADER_BYTES } from '../media/wav.ts';
import { type CaseReport, caseReport, type RunReport, runReport } from './report/types.ts';

/**
 * Runs on disk: `<folder>/<run>/run.json`, `suite.yaml` and `<case>/{case.json, tape.wav}`. Each file is replaced as a whole, so that a run whose
 * process is killed keeps what it had.
 */

/** Ids of runs and of cases: what a path may be made of. */
export const RUN_ID = /^[0-9]{8}-[0-9]{6}-[a-z0-9]{6}$/;
export const CASE_ID = /^[a-z0-9][a-z0-9.-]{0,99}$/;

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Sorts by time: `20300102-030405-abc123`. */
export function newRunId(wallMs: number): string {
  const [date = '', time = ''] = new Date(wallMs).toISOString().split('T');
  const random = Array.from({ length: 6 }, () => LETTERS[randomInt(LETTERS.length)]).join('');
  return `${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}-${random}`;
}

/** When the run of this id began, ms since the epoch: to the second. */
export function begunAt(id: string): number {
  const [, year, month, day, hour, minute, second] = /^(.{4})(..)(..)-(..)(..)(..)/.exec(id) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) || 0;
}

export class RunStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A new run's folder, with the suite as it is now; but for one that is masked, whose suite has the words that are left out. */
  async begin(report: RunReport, suiteText: string): Promise<void> {
    await mkdir(this.#of(report.id), { recursive: true, mode: 0o700 });
    if (report.options.mask === 'off') await replace(join(this.#of(report.id), 'suite.yaml'), suiteText);
    await this.save(report);
  }

  async save(report: RunReport): Promise<void> {
    await replace(join(this.#of(report.id), 'run.json'), `${JSON.stringify(report, undefined, 1)}\n`);
  }

  /** When the run was last written, or said to go on, ms since the epoch; 0 where there is none. */
  async writtenAt(run: string): Promise<number> {
    return stat(join(this.#of(run), 'run.json')).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
  }

  /** The run goes on. `wallMs` since the epoch. Never rejects: what is not there need not go on. */
  async beat(run: string, wallMs: number): Promise<void> {
    await utimes(join(this.#of(run), 'run.json'), wallMs / 1000, wallMs / 1000).catch(() => undefined);
  }

  async saveCase(run: string, report: CaseReport): Promise<void> {
    const folder = await this.openCase(run, report.id);
    await replace(join(folder, 'case.json'), `${JSON.stringify(report, undefined, 1)}\n`);
  }

  /** The folder of a case, which is made where there is none. */
  async openCase(run: string, id: string): Promise<string> {
    const folder = join(this.#of(run), id);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  tapeOf(run: string, id: string): string {
    return join(this.#of(run), id, 'tape.wav');
  }

  /** Whether anything is on it: a call that nobody answered leaves an empty one. */
  hasTape(run: string, id: string): boolean {
    const found = statSync(this.tapeOf(run, id), { throwIfNoEntry: false });
    return found !== undefined && found.size > WAV_HEADER_BYTES;
  }

  async removeTape(run: string, id: string): Promise<void> {
    await rm(this.tapeOf(run, id), { force: true });
  }

  /** Undefined where there is no such run, or none that this version reads. */
  async read(run: string): Promise<RunReport | undefined> {
    return RUN_ID.test(run) ? parsed(runReport, await text(join(this.#of(run), 'run.json'))) : undefined;
  }

  async readCase(run: string, id: string): Promise<CaseReport | undefined> {
    if (!RUN_ID.test(run) || !CASE_ID.test(id)) return undefined;
    return parsed(caseReport, await text(join(this.#of(run), id, 'case.json')));
  }

  /** The suite as it was when the run began; undefined where it was not kept. */
  async suiteText(run: string): Promise<string | undefined> {
    return RUN_ID.test(run) ? text(join(this.#of(run), 'suite.yaml')) : undefined;
  }

  /** Ids of all runs, the latest first. */
  async list(): Promise<string[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names
      .filter((name) => RUN_ID.test(name))
      .sort()
      .reverse();
  }

  async remove(run: string): Promise<boolean> {
    if (!RUN_ID.test(run) || !existsSync(this.#of(run))) return false;
    await rm(this.#of(run), { recursive: true, force: true });
    return true;
  }

  #of(run: string): string {
    return join(this.#folder, run);
  }
}

async function replace(path: string, content: string): Promise<void> {
  const next = `${path}.next`;
  await writeFile(next, content, { mode: 0o600 });
  await rename(next, path);
}

async function text(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

function parsed<T>(
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
  json: string | undefined,
): T | undefined {
  if (json === undefined) return undefined;
  try {
    const read = schema.safeParse(JSON.parse(json));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}
