import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * `npm run licences`: writes docs/licences.md, the licence of every package that an installation for production can contain, read from the
 * lock file so that it is the same on every platform. Exit status 1 when one has a licence that is not allowed here.
 */

/** Licences that ask for no more than to be named. https://spdx.org/licenses/ */
const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
  'Unlicense',
  'Zlib',
]);

export interface Dependency {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression; undefined when the package does not say. */
  readonly licence: string | undefined;
}

interface LockEntry {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
}

/** The packages of a lock file that are not for development alone, sorted, each version once. */
export function productionDependencies(lockText: string): Dependency[] {
  const { packages } = JSON.parse(lockText) as { packages: Record<string, LockEntry> };
  const found = new Map<string, Dependency>();
  for (const [path, { name: alias, version = '', license, dev }] of Object.entries(packages)) {
    if (path === '' || dev === true) continue;
    const name = alias ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    found.set(`${name} ${version}`, { name, version, licence: license });
  }
  return [...found.values()].toSorted((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1));
}

/** Whether an SPDX expression can be met by allowed licences: one of an OR, all of an AND. Exceptions (WITH) and nesting are not read. */
export function isAllowed(expression: string | undefined): boolean {
  const plain = expression?.replace(/^\((.*)\)$/, '$1') ?? '';
  if (/[()]| WITH /.test(plain)) return false;
  return plain.split(' OR ').some((choice) => choice.split(' AND ').every((licence) => ALLOWED.has(licence.trim())));
}

/** The text of docs/licences.md. */
export function licencesPage(dependencies: readonly Dependency[]): string {
  const counts = Map.groupBy(dependencies, ({ licence }) => licence ?? 'none stated');
  const summary = [...counts].toSorted(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  return [
    '# Licences of the dependencies',
    '',
    'Every package that an installation for production can contain, on any platform. Made from `package-lock.json` by `npm run licences`; a test',
    'fails when this page is out of date or a licence is not one of those that ask only to be named. The texts are in each package’s folder of',
    '`node_modules`, in the image too. Two packages carry native code with licences of its own: `@roamhq/wrtc-*` is built from WebRTC',
    '(BSD-3-Clause, with third parties named in its sources), `@discordjs/opus` contains libopus (BSD-3-Clause).',
    '',
    '| licence | packages |',
    '| --- | ---: |',
    ...summary.map(([licence, packages]) => `| ${licence} | ${packages.length} |`),
    '',
    '| package | version | licence |',
    '| --- | --- | --- |',
    ...dependencies.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence ?? 'none stated'} |`),
    '',
  ].join('\n');
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..');
  const dependencies = productionDependencies(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  writeFileSync(join(root, 'docs/licences.md'), licencesPage(dependencies));
  const refused = dependencies.filter(({ licence }) => !isAllowed(licence));
  for (const { name, version, licence } of refused) {
    process.stderr.write(`${name} ${version}: ${licence ?? 'states no licence'}, which is not allowed here\n`);
  }
  process.stdout.write(`docs/licences.md: ${dependencies.length} packages\n`);
  process.exitCode = refused.length === 0 ? 0 : 1;
}
