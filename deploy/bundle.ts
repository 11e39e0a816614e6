import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';
import { BUILT, sourcesDigest } from '../src/sources.js';

/**
 * `npm run build`: the daemon's program as a few files of JavaScript in a folder of `dist/`, which `npm start` begins with as long as they are of the sources that are there. It is
 * the same program: what it loads is loaded in one piece instead of module by module, without types and comments (docs/decisions/0064-a-built-form.md).
 */

const root = join(import.meta.dirname, '..');
const source = join(root, 'src');

/** Packages that every daemon loads at its start; all others stay where they were installed, for whoever needs them. */
const TAKEN_IN = ['zod', 'yaml', 'libphonenumber-js', 'fastify', '@fastify/formbody', 'pino', 'prom-client', 'ws'];
/** What packages do without where it is not installed, and add-ons, which are no JavaScript. */
const OPTIONAL = ['bufferutil', 'utf-8-validate'];

const packageOf = (name: string) => name.split('/', name.startsWith('@') ? 2 : 1).join('/');

function isOutside(id: string, importer: string | undefined): boolean {
  if (id.startsWith('.') || id.startsWith('/') || id.startsWith('virtual:')) return false;
  const name = packageOf(id);
  if (OPTIONAL.includes(name)) return true;
  // What a package that is taken in needs is taken in with it.
  const isOurs = importer === undefined || importer.startsWith(`${source}${sep}`);
  return isOurs && !TAKEN_IN.includes(name);
}

const WORKER = /new URL\('(\.\.?\/[^']+|[^'/]+)\.ts', import\.meta\.url\)/g;
const TOOLS = 'virtual:packages-of-tools';

/** The name of a thread's or a process's own file. */
const entryOf = (path: string) => `${relative(source, path).replace(/\.ts$/, '').replaceAll(sep, '-')}.js`;

/**
 * Sources know where they are: beside what they read, and beside the modules of their threads and processes. Those modules become files of `dist/`, too; all else
 * is found where the sources are.
 */
function places(dir: string): Plugin {
  return {
    name: 'places',
    transform(code, id) {
      const isRegistry = id === join(source, 'tools/registry.ts');
      if (!id.startsWith(`${source}${sep}`) || (!isRegistry && !code.includes('import.meta'))) return null;
      const threads = code.replace(WORKER, (_, name: string) => {
        const path = resolve(dirname(id), `${name}.ts`);
        this.emitFile({ type: 'chunk', id: path, fileName: entryOf(path) });
        return `new URL('./${entryOf(path)}', import.meta['url'])`;
      });
      const here = JSON.stringify(relative(dir, id).replaceAll(sep, '/'));
      const placed = threads.replaceAll('import.meta.url', `new URL(${here}, import.meta['url']).href`);
      if (/\bimport\.meta\.(?!main\b)/.test(placed))
        throw new Error(`${id}: say where something is by import.meta.url`);
      // Tools are files of the operator's, which are loaded as they are: zod is to be the one that is here.
      const own = isRegistry ? `import '${TOOLS}';\n` : '';
      return { code: own + placed, moduleType: 'ts' };
    },
  };
}

/** Has whatever is loaded from outside take zod from here: two of it would be kept otherwise. */
function packagesOfTools(): Plugin {
  return {
    name: 'packages-of-tools',
    resolveId: (id) => (id === TOOLS ? id : null),
    load(id) {
      if (id !== TOOLS) return null;
      this.emitFile({ type: 'chunk', id: 'zod', fileName: 'zod.js', preserveSignature: 'strict' });
      return {
        moduleType: 'js',
        moduleSideEffects: true,
        code: `import { registerHooks } from 'node:module';
const url = new URL('./zod.js', import.meta.url).href;
registerHooks({
  resolve: (name, context, next) =>
    name === 'zod' && !context.parentURL?.includes('/node_modules/') ? { url, format: 'module', shortCircuit: true } : next(name, context),
});`,
      };
    },
  };
}

/**
 * Has V8 keep the text in a byte a character instead of two, as Node gives it what is ASCII alone: other characters stand in texts and patterns, where an
 * escape says the same.
 */
const narrow = () =>
  rewritten('narrow', /[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Writes what a pattern finds anew, in all code that was put together. */
function rewritten(name: string, pattern: RegExp, write: (found: string, part: string) => string): Plugin {
  return {
    name,
    generateBundle(_, files) {
      for (const file of Object.values(files)) if (file.type === 'chunk') file.code = file.code.replace(pattern, write);
    },
  };
}

/** Where a package that is taken in loads a part of Node's that no daemon uses; and the same, loading it where it is used. */
const UNUSED = [
  {
    file: /\/fastify\/lib\/server\.js$/,
    loads: /const http2 = require\('node:http2'\)\n/,
    uses: /\bhttp2\.(?=create)/g,
    instead: "require('node:http2').",
  },
];

/** Leaves what is unused of Node to whoever uses it: HTTP/2 alone is a megabyte of the heap, and several of Node's own program. */
function unloaded(): Plugin {
  return {
    name: 'unloaded',
    transform(code, id) {
      const found = UNUSED.find(({ file }) => file.test(id));
      if (found === undefined) return null;
      if (!found.loads.test(code)) throw new Error(`${id} does not load what it did: see what it loads now`);
      return { code: code.replace(found.loads, '').replace(found.uses, found.instead) };
    },
  };
}

/**
 * Takes Node's HTTP from what Node has, by a call: an `import` of it reads all that it exports, and one of those is `WebSocket`, with which Node loads its `fetch`, HTTP/2 and streams of
 * the web, several megabytes of which nothing is used.
 */
const withoutFetch = () =>
  rewritten(
    'without-fetch',
    /^import \{([^}]*)\} from "node:http";$/gm,
    (_, names) => `const {${names.replaceAll(' as ', ': ')}} = process.getBuiltinModule("node:http");`,
  );

/** How many built forms stay: the new one, and the one from which a daemon may still load. */
const KEPT = 2;

/** Builds it in a folder of its own within `dir`, whose name is the digest of the sources, and resolves with that. Rejects with what is wrong; what was built before stays then. */
export async function bundle(dir = BUILT): Promise<string> {
  const digest = sourcesDigest();
  const out = join(dir, digest);
  const beside = `${out}.new`;
  rmSync(beside, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const build = await rolldown({
    input: { main: join(source, 'main.ts'), 'workers-worker': join(source, 'workers/worker.ts') },
    cwd: root,
    platform: 'node',
    external: isOutside,
    plugins: [places(out), packagesOfTools(), unloaded(), withoutFetch(), narrow()],
    onLog(level, log) {
      if (level === 'warn') process.stderr.write(`${log.message}\n`);
    },
  });
  try {
    // What is thrown is to be found in the sources: names stay, and lines.
    await build.write({ dir: beside, format: 'esm', comments: false });
  } finally {
    await build.close();
  }
  if (sourcesDigest() !== digest) throw new Error('sources changed while they were built: build them again');
  rmSync(out, { recursive: true, force: true });
  renameSync(beside, out);
  const age = (name: string) => statSync(join(dir, name)).mtimeMs;
  const others = readdirSync(dir).filter((name) => name !== digest);
  for (const name of others.sort((a, b) => age(b) - age(a)).slice(KEPT - 1))
    rmSync(join(dir, name), { recursive: true });
  return out;
}

if (import.meta.main) process.stdout.write(`built: ${relative(root, await bundle())}\n`);
