import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BridgeError, errorMessage } from '../errors.ts';
import { takeLock } from '../file-lock.ts';
import { spoolFiles } from './spool.ts';

/**
 * Whose a folder of spool files is. Each process has a folder named after its instance, with a lock in it (`file-lock.ts`) that it holds as long as it lives: who
 * finds it free knows its owner to be dead.
 */
export interface SpoolFolder {
  readonly instance: string;
  readonly path: string;
  /** Paths of its spool files, oldest first, as they were when it was taken. */
  readonly files: readonly string[];
  /** Gives the lock back; with `remove` the folder goes with all that is in it. */
  release(remove: boolean): void;
}

const LOCK = 'owner.lock';

/** Takes the folder of `instance` below `root`, made when it is missing. Undefined: somebody else has it. Throws when there can be no such folder. */
export function takeFolder(root: string, instance: string): SpoolFolder | undefined {
  const path = join(root, instance);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const lock = takeLock(join(path, LOCK));
  if (lock === undefined) return undefined;
  let released = false;
  return {
    instance,
    path,
    files: spoolFiles(readdirSync(path)).map((name) => join(path, name)),
    release(remove) {
      if (released) return;
      released = true;
      // The folder goes before its lock, so that nobody takes what is about to vanish.
      if (remove) rmSync(path, { recursive: true, force: true });
      lock.release();
    },
  };
}

/** The folder of this process alone, below `root`, which is made when it is missing. Throws CONFIG_INVALID where there can be none, or another process has it. */
export function ownFolder(root: string, instance: string): SpoolFolder {
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const folder = takeFolder(root, instance);
    if (folder !== undefined) return folder;
    throw new Error('another process has the folder of this one');
  } catch (cause) {
    throw new BridgeError('CONFIG_INVALID', `DATA_DIR: ${root} cannot be used: ${errorMessage(cause)}`, { cause });
  }
}

/** Takes the folders that dead processes left below `root`. `cannot` is told of each that nobody can take, which stays as it is. */
export function takeAbandoned(
  root: string,
  own: string,
  cannot: (path: string, why: unknown) => void = () => {},
): SpoolFolder[] {
  const taken: SpoolFolder[] = [];
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === own || !/^[A-Za-z0-9]+$/.test(entry.name)) continue;
    try {
      const folder = takeFolder(root, entry.name);
      if (folder !== undefined) taken.push(folder);
    } catch (error) {
      cannot(join(root, entry.name), error);
    }
  }
  return taken;
}
