import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { productionDependencies } from './licences.ts';

/**
 * `npm run sbom`: prints the bill of materials (CycloneDX) of what runs in production, from the lock file, on any platform. npm makes the whole
 * one and this leaves out what is for development alone: `npm sbom --omit dev` cannot be used, since it also leaves out every package that
 * something for development happens to need as well (npm 11: ws and zod, for instance).
 */

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
}

export interface Bom {
  readonly metadata: { component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

/** The part of a bill of materials that is about these packages. Throws when it misses one of them. */
export function restrict(bom: Bom, wanted: ReadonlyArray<{ readonly name: string; readonly version: string }>): Bom {
  const keys = new Set(wanted.map(({ name, version }) => `${name}@${version}`));
  const components = bom.components.filter(({ name, version }) => keys.delete(`${name}@${version}`));
  if (keys.size > 0) throw new Error(`the bill of materials misses ${[...keys].join(', ')}`);
  const refs = new Set([bom.metadata.component, ...components].map((component) => component['bom-ref']));
  const dependencies = bom.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) }));
  return { ...bom, components, dependencies };
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..');
  const args = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx', '--sbom-type', 'application'];
  const printed = execFileSync('npm', args, { cwd: root, maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] });
  const whole = JSON.parse(printed.toString()) as Bom;
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Component;
  Object.assign(whole.metadata.component, { name, version });
  const bom = restrict(whole, productionDependencies(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  process.stdout.write(`${JSON.stringify(bom, undefined, 2)}\n`);
}
