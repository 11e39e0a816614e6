import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file as it was found: `version` changes whenever its content was written anew. */
export interface FoundFile {
  readonly name: string;
  readonly path: string;
  readonly version: string;
}

/** The files of a folder (not of folders in it), by name; none when there is no such folder. Dot files are left out. */
export async function scanFolder(folder: string): Promise<FoundFile[]> {
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    names = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const found = await Promise.all(
    names.sort().map(async (name): Promise<FoundFile[]> => {
      const path = join(folder, name);
      try {
        const { mtimeNs, size } = await stat(path, { bigint: true });
        return [{ name, path, version: `${mtimeNs}-${size}` }];
      } catch {
        // Removed since the folder was read.
        return [];
      }
    }),
  );
  return found.flat();
}
