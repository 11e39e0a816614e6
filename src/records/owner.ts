import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { spoolFiles } from './spool.ts';

/**
 * Whose a folder of spool files is. Each process has a folder named after its instance, with a lock in it that it holds as long as it lives:
 * the operating system drops it however the process ends, so that who finds it free knows its owner to be dead. Process numbers would
 * not do: in containers every process is number 1.
 *
 * The lock is SQLite's own on an empty database (`BEGIN EXCLUSIVE`), because Node has no other way to lock a file.
 * https://www.sqlite.org/lockingv3.html
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
  const lock = new DatabaseSync(join(path, LOCK), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch {
    lock.close();
    return undefined;
  }
  return {
    instance,
    path,
    files: spoolFiles(readdirSync(path)).map((name) => join(path, name)),
    release(remove) {
      if (!lock.isOpen) return;
      // The folder goes before its lock, so that nobody takes what is about to vanish.
      if (remove) rmSync(path, { recursive: true, force: true });
      lock.close();
    },
  };
}

/** Takes the folders that dead processes left below `root`. */
export function takeAbandoned(root: string, own: string): SpoolFolder[] {
  const taken: SpoolFolder[] = [];
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === own || !/^[A-Za-z0-9]+$/.test(entry.name)) continue;
    const folder = takeFolder(root, entry.name);
    if (folder !== undefined) taken.push(folder);
  }
  return taken;
}
