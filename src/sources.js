import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The built form of the program: where it is, and whether it is of the sources that are there. Without types, as `start.js`, which begins with it. */

const ROOT = join(import.meta.dirname, '..');

/** Where `npm run build` puts it: a folder for each digest of sources, which is there once all of it is. What runs goes on loading from its own while the next is built. */
export const BUILT = join(ROOT, 'dist');

/** Beside the sources: what makes the built form of them, and what they need. */
const MADE_BY = ['deploy/bundle.ts', 'package-lock.json'];

/**
 * What the sources are now: one digest of all files of `src/`, of what builds them and of the lock file, by their names and what is in them. Their times say nothing where files were
 * copied. Throws where they cannot be read. `root`: the folder that holds them.
 */
export function sourcesDigest(root = ROOT) {
  const hash = createHash('sha1');
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join('src', name));
  for (const name of [...files, ...MADE_BY]) {
    const content = readFileSync(join(root, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** The folder of the built form of the sources that are there; undefined where there is none. Where nothing was ever built no source is read for it. */
export function builtForm(root = ROOT, built = BUILT) {
  if (!existsSync(built)) return undefined;
  try {
    const dir = join(built, sourcesDigest(root));
    return existsSync(dir) ? dir : undefined;
  } catch {
    return undefined;
  }
}
