import { accessSync, chmodSync, closeSync, constants, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/**
 * A lock between processes of one machine. Whoever has it holds it as long as he likes or lives: the operating system drops it however the process ends, so that who finds it
 * free knows that nobody is at it. Process numbers would not do: in containers every process is number 1.
 *
 * It is SQLite's own on an empty database (`BEGIN EXCLUSIVE`), because Node has no other way to lock a file. https://www.sqlite.org/lockingv3.html
 */
export interface FileLock {
  /** Idempotent. */
  release(): void;
}

/** Everybody who may make files beside it may hold it, whatever user made it first. */
const MODE = 0o666;
/** SQLite's SQLITE_BUSY, which stands in the low byte of what it tells: somebody else holds the lock. https://www.sqlite.org/rescode.html#busy */
const BUSY = 5;

/**
 * Takes the lock that a file is, which is made where there is none; never waits. Undefined: somebody else has it. Throws where nothing can be locked: there can be no such file or it
 * may not be written (the error of the file system, with its code), it is something else, or its file system has no locks (SQLite's).
 */
export function takeLock(path: string): FileLock | undefined {
  make(path);
  // A file that may not be written SQLite opens to read, and locks it against nobody.
  accessSync(path, constants.W_OK);
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((Number((error as { readonly errcode?: number }).errcode) & 0xff) === BUSY) return undefined;
    throw error;
  }
  return {
    release() {
      if (lock.isOpen) lock.close();
    },
  };
}

/** One that exists is not opened: closing it would drop what this process has locked in it. https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_ */
function make(path: string): void {
  try {
    closeSync(openSync(path, 'wx', MODE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const { mode, uid } = statSync(path);
  // The mask of the process took from it what others need.
  if ((mode & MODE) !== MODE && uid === process.geteuid?.()) chmodSync(path, MODE);
}
