import type { BigIntStats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file as it was found: `version` changes whenever its content was written anew. */
export interface FoundFile {
  readonly name: string;
  readonly path: string;
  readonly version: string;
}

const versionIn = ({ mtimeNs, size }: BigIntStats): string => `${mtimeNs}-${size}`;

/** The version of one file, which changes whenever it is written anew; `none` of one that is not there. */
export async function versionOf(path: string): Promise<string> {
  try {
    return versionIn(await stat(path, { bigint: true }));
  } catch {
    return 'none';
  }
}

/**
 * The files of a folder (not of folders in it), by name; none when there is no such folder. Dot files are left out, and so is what is no file whatever it is called: a
 * pipe is waited for without an end, a device has none.
 */
export async function scanFolder(folder: string): Promise<FoundFile[]> {
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    names = entries.filter(({ name }) => !name.startsWith('.')).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const found = await Promise.all(
    names.sort().map(async (name): Promise<FoundFile[]> => {
      const path = join(folder, name);
      try {
        const found = await stat(path, { bigint: true });
        return found.isFile() ? [{ name, path, version: versionIn(found) }] : [];
      } catch {
        // Removed since the folder was read.
        return [];
      }
    }),
  );
  return found.flat();
}
