import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, appendFile, mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Findings } from '../agent-files/check.ts';
import { type Clock, delay } from '../call/clock.ts';
import { errorMessage } from '../errors.ts';
import { type FileLock, takeLock } from '../file-lock.ts';
import { scanFolder } from '../folder.ts';
import {
  decodeText,
  filesOnDisk,
  filesWith,
  inFormOf,
  type OperatorFiles,
  plainText,
  readOperatorFile,
} from '../operator-file.ts';
import { WorkbenchError } from './errors.ts';

/**
 * The files by which agents are told what they are - prompts and routes - as people edit them: what is saved was checked, whoever saved after somebody else is
 * told so, and what was there before can be had back. The files stay the truth: what is edited by other means counts as well.
 */

/** `prompts/NAME.md`, or `routes`. */
export type FileName = string;

export interface EditedFile {
  readonly name: FileName;
  readonly text: string;
  /** Tells this text from any other. */
  readonly hash: string;
}

/** A text that a file had. */
export interface Version {
  readonly hash: string;
  /** When it was saved, epoch ms, and by whom; of one that was written by other means when it was found, and by nobody. */
  readonly at: number;
  readonly by: string | null;
  readonly characters: number;
}

export interface AgentFilesOptions {
  readonly prompts: string;
  readonly routes: string;
  /** Where versions are kept. */
  readonly history: string;
  /** False: nothing is saved. */
  readonly editable: boolean;
  readonly clock: Clock;
  /** What would be wrong if the files were these. */
  readonly check: (files: OperatorFiles) => Promise<Findings>;
}

const PROMPT = /^prompts\/([A-Za-z0-9][A-Za-z0-9_-]{0,63})\.md$/;
const ROUTES = 'routes';
/** Longest text of a file, characters (a model takes 16,384 tokens of instructions at most), and how many versions of one are kept. */
export const TEXT_MOST = 100_000;
const VERSIONS_MOST = 100;
/** Beside the files, since processes that share those need not share anything else. What it is called keeps it from being taken for one of them. */
const LOCK = '.saving.lock';
/** How often it is looked whether another process has saved, ms, and for how long: it saves within seconds, or hangs. */
const LOOK_MS = 20;
const WAITS_MOST_MS = 10_000;

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** How a system says that a file may not be written. */
const REFUSED = new Set(['EACCES', 'EPERM', 'EROFS']);

/** Where a file really is, since what a link leads to stays there, and who may do what with it; undefined of a new one. */
async function placeOf(path: string): Promise<{ readonly target: string; readonly mode: number | undefined }> {
  try {
    const target = await realpath(path);
    return { target, mode: (await stat(target)).mode & 0o777 };
  } catch {
    return { target: path, mode: undefined };
  }
}

const notWritable = (path: string) => new WorkbenchError('FILES_READ_ONLY', `the daemon may not write to ${path}`);

/** Undefined: another process has it. Throws FILES_READ_ONLY where the daemon may not write it, and FILES_UNLOCKABLE where it can be no lock. */
function lockIn(folder: string): FileLock | undefined {
  const path = join(folder, LOCK);
  try {
    return takeLock(path);
  } catch (error) {
    if (REFUSED.has(String((error as NodeJS.ErrnoException).code))) throw notWritable(path);
    throw new WorkbenchError('FILES_UNLOCKABLE', `${path} cannot be locked: ${errorMessage(error)}`);
  }
}

export class AgentFiles {
  readonly #o: AgentFilesOptions;
  /** What is saved is saved one after the other, here; of several processes the lock beside the files lets one. */
  #saving: Promise<unknown> = Promise.resolve();

  constructor(options: AgentFilesOptions) {
    this.#o = options;
  }

  /** The names of all that there are. */
  async names(): Promise<FileName[]> {
    const found = await scanFolder(this.#o.prompts);
    return [...found.map(({ name }) => `prompts/${name}`).filter((name) => PROMPT.test(name)), ROUTES];
  }

  /** Why nothing can be saved; undefined where it can. */
  async whyReadOnly(): Promise<string | undefined> {
    if (!this.#o.editable) return 'AGENT_FILES is read-only';
    for (const folder of [this.#o.prompts, dirname(this.#o.routes)]) {
      const problem = await access(folder, constants.W_OK).then(
        () => undefined,
        () => `the daemon may not write to ${folder}`,
      );
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** A file as it is. Rejects with FILE_UNKNOWN. */
  async read(name: FileName): Promise<EditedFile> {
    const text = await this.#textOf(name);
    if (text === undefined) throw new WorkbenchError('FILE_UNKNOWN', `there is no file ${name}`);
    return { name, text, hash: hashOf(text) };
  }

  /** What would be wrong if the file had this text. Rejects with FILE_UNKNOWN for a name that no file may have. */
  check(name: FileName, text: string): Promise<Findings> {
    return this.#o.check(filesWith(this.#pathOf(name), text));
  }

  /**
   * Gives a file a text, or makes it. `expect`: the hash of the text that it is in place of; undefined: there must be none yet. Rejects with FILES_READ_ONLY, FILES_BUSY,
   * FILES_UNLOCKABLE, FILE_CHANGED, and FILE_WRONG, whose problems are those that the text brings.
   */
  save(name: FileName, text: string, by: string, expect: string | undefined): Promise<EditedFile> {
    const work = this.#saving.then(() => this.#save(name, text, by, expect));
    this.#saving = work.catch(() => {});
    return work;
  }

  /** The texts that a file had, the newest first. */
  async versions(name: FileName): Promise<Version[]> {
    this.#pathOf(name);
    return (await this.#kept(name)).map(({ text, ...version }) => ({ ...version, characters: text.length })).reverse();
  }

  /** The text of one version. Rejects with FILE_UNKNOWN. */
  async version(name: FileName, hash: string): Promise<EditedFile> {
    const found = (await this.#kept(name)).find((one) => one.hash === hash);
    if (found === undefined) throw new WorkbenchError('FILE_UNKNOWN', `there is no such version of ${name}`);
    return { name, text: found.text, hash };
  }

  async #save(name: FileName, given: string, by: string, expect: string | undefined): Promise<EditedFile> {
    const path = this.#pathOf(name);
    const why = await this.whyReadOnly();
    if (why !== undefined) throw new WorkbenchError('FILES_READ_ONLY', why);
    // Held from the look at what is there until that is replaced: of two who saw the same text the second sees the first one's.
    const lock = await this.#lock(dirname((await placeOf(path)).target));
    try {
      return await this.#replace(name, path, given, by, expect);
    } finally {
      lock.release();
    }
  }

  /** Waits until no other process saves here. Rejects with FILES_BUSY where that takes too long, and as `lockIn` throws. */
  async #lock(folder: string): Promise<FileLock> {
    const { clock } = this.#o;
    const until = clock.now() + WAITS_MOST_MS;
    for (;;) {
      const lock = lockIn(folder);
      if (lock !== undefined) return lock;
      if (clock.now() >= until) throw new WorkbenchError('FILES_BUSY', 'another process is saving, and does not end');
      await delay(clock, LOOK_MS);
    }
  }

  async #replace(
    name: FileName,
    path: string,
    given: string,
    by: string,
    expect: string | undefined,
  ): Promise<EditedFile> {
    const before = await this.#textOf(name);
    if ((before === undefined ? undefined : hashOf(before)) !== expect)
      throw new WorkbenchError('FILE_CHANGED', `${name} is not what it was when it was opened: look at it again`);
    const [now, then] = [await this.check(name, given), await this.#o.check(filesOnDisk)];
    // What was wrong before, elsewhere, keeps nobody from mending this.
    const brought = now.problems.filter((problem) => !then.problems.includes(problem));
    if (brought.length > 0) throw new WorkbenchError('FILE_WRONG', `${name} would be wrong`, brought);
    // As it will be read.
    const text = plainText(given).toWellFormed();
    const { target, mode } = await placeOf(path);
    // Written whole beside it, then put in its place: whoever reads it meanwhile reads one or the other.
    const beside = join(dirname(target), `.${basename(target)}.${randomBytes(4).toString('hex')}`);
    try {
      const file = await open(beside, 'wx', 0o644);
      try {
        if (mode !== undefined) await file.chmod(mode);
        await file.writeFile(before === undefined ? text : inFormOf(await readFile(target), text));
        await file.sync();
      } finally {
        await file.close();
      }
      const was = before === undefined ? [] : [{ text: before, by: null }];
      await this.#keep(name, [...was, { text, by }]);
      await rename(beside, target);
    } catch (error) {
      await rm(beside, { force: true });
      throw REFUSED.has(String((error as NodeJS.ErrnoException).code)) ? notWritable(dirname(target)) : error;
    }
    return { name, text, hash: hashOf(text) };
  }

  /** Where a file is. Throws FILE_UNKNOWN for a name that none may have. */
  #pathOf(name: FileName): string {
    if (name === ROUTES) return this.#o.routes;
    const [, prompt] = PROMPT.exec(name) ?? [];
    if (prompt === undefined || prompt === 'README')
      throw new WorkbenchError('FILE_UNKNOWN', `no file is called ${name}`);
    return join(this.#o.prompts, `${prompt}.md`);
  }

  async #textOf(name: FileName): Promise<string | undefined> {
    const path = this.#pathOf(name);
    try {
      if (!(await stat(path)).isFile()) throw new WorkbenchError('FILE_UNKNOWN', `${name} is no file`);
      return await readOperatorFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #historyOf(name: FileName): string {
    return join(this.#o.history, `${name.replace('/', '~')}.jsonl`);
  }

  /** The versions of a file, the oldest first; a line that is cut off, as by a full disk, is none. */
  async #kept(name: FileName): Promise<Array<Omit<Version, 'characters'> & { readonly text: string }>> {
    this.#pathOf(name);
    const lines = await readFile(this.#historyOf(name)).then(
      (bytes) => decodeText(bytes).split('\n'),
      () => [],
    );
    return lines.flatMap((line) => {
      try {
        const { text, at, by } = JSON.parse(line) as { text: string; at: number; by: string | null };
        return [{ text, at, by, hash: hashOf(text) }];
      } catch {
        return [];
      }
    });
  }

  /** Adds versions, each unless it is the newest that is kept already. */
  async #keep(name: FileName, versions: ReadonlyArray<{ readonly text: string; readonly by: string | null }>) {
    const kept = await this.#kept(name);
    const more = versions.filter(({ text }, at) => (versions[at - 1] ?? kept.at(-1))?.text !== text);
    const at = this.#o.clock.wall();
    const all = [...kept.map(({ hash: _, ...one }) => one), ...more.map((one) => ({ ...one, at }))];
    const lines = (some: readonly object[]) => some.map((one) => `${JSON.stringify(one)}\n`).join('');
    await mkdir(this.#o.history, { recursive: true, mode: 0o700 });
    const path = this.#historyOf(name);
    if (all.length <= VERSIONS_MOST) return appendFile(path, lines(all.slice(kept.length)), { mode: 0o600 });
    const beside = `${path}.new`;
    await rm(beside, { force: true });
    await appendFile(beside, lines(all.slice(-VERSIONS_MOST)), { mode: 0o600 });
    await rename(beside, path);
  }
}
