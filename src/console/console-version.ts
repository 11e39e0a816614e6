import { createHash } from 'node:crypto';
import { posix } from 'node:path';

/**
 * Pages name their modules and style sheets by the version of all of them together (`v/VERSION/js/main.js`), so that a browser keeps them for as long as it likes and
 * asks for the page alone; what modules import is named relative to them and has the same version. The page names all modules that it will import, too: a browser
 * then asks for them at once and not level by level. Nothing is built: the files are what they are in the folder.
 */

/** What begins the path of a file that is asked for by its version. */
const PREFIX = 'v/';

/** One version of the files: the same at every instance that has the same ones, and another as soon as one of them is. */
export function versionOf(files: ReadonlyMap<string, { readonly etag: string }>): string {
  const hash = createHash('sha256');
  for (const [path, { etag }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${path}\n${etag}\n`);
  return hash.digest('hex').slice(0, 16);
}

/** Of the path of a request: which file is asked for, and of which version; undefined where none is named. */
export function readVersion(path: string): { readonly path: string; readonly version: string | undefined } {
  const [, version, rest] = /^v\/([0-9a-f]{16})\/(.+)$/.exec(path) ?? [];
  // A page has no version: it is what tells versions.
  return version === undefined || rest === undefined || rest.endsWith('.html')
    ? { path, version: undefined }
    : { path: rest, version };
}

/**
 * A page that names its files by their version.
 * @param folder what is before a file's path in the page's own references: `console/`, or nothing
 * @param source text of a module by its path
 */
export function nameVersions(
  html: string,
  folder: string,
  version: string,
  source: (path: string) => string | undefined,
): string {
  const at = (path: string) => `${folder}${PREFIX}${version}/${path}`;
  return html.replace(
    /^( *)(<(?:link|script)\b[^>]*?\b(?:href|src)=")([^"]+)(".*)$/gm,
    (line, indent, before, to, after) => {
      const path = to.startsWith(folder) ? to.slice(folder.length) : '';
      if (source(path) === undefined) return line;
      const named = `${indent}${before}${at(path)}${after}`;
      if (!before.includes('type="module"')) return named;
      const preloads = imported(path, source).map((one) => `${indent}<link rel="modulepreload" href="${at(one)}" />`);
      return [...preloads, named].join('\n');
    },
  );
}

/** Paths of the modules that a module imports, and those of theirs; not what is imported only once it is needed. */
function imported(path: string, source: (path: string) => string | undefined): string[] {
  const found = new Set([path]);
  // What is found while going through is gone through, too.
  for (const one of found)
    for (const [, name = ''] of (source(one) ?? '').matchAll(/^(?:import|export)\b[^;'"]*?from '(\.[^']+)'/gm)) {
      const next = posix.join(posix.dirname(one), name);
      if (source(next) !== undefined) found.add(next);
    }
  found.delete(path);
  return [...found];
}
