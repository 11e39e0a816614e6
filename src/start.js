import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { load } from './load.js';

/**
 * Where the daemon's process begins: with the built form of the program where there is one of these sources, else with the sources. What was compiled is kept
 * beside what was installed, for the next start and for the threads and processes of this one. The daemon listens sooner and holds less (bench/start.bench.ts): with it
 * nothing of what strips types is loaded, for which this file must have none. Where that folder cannot be written nothing is kept.
 * https://nodejs.org/api/module.html#module-compile-cache
 */
const { directory } = enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/node-compile'));
// Threads do not take it from the one that starts them.
if (directory !== undefined) process.env.NODE_COMPILE_CACHE ??= directory;

await load('main');
