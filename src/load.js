import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { builtForm } from './sources.js';

/**
 * Loads where a process begins, from the built form of the program where there is one of the sources that are there now, else from the sources. Each process looks
 * by itself: one that takes another's place runs the program of now. Without types, as `start.js`.
 *
 * @param {'main' | 'workers/worker'} name
 */
export function load(name) {
  // What the command line allows for short-lived objects is for this thread, which has all calls: others say themselves what they need, and V8 hears that only where no flag says more.
  setFlagsFromString('--max-semi-space-size=0');
  const built = builtForm();
  // As an address: a folder may be called what has a meaning in one.
  return built === undefined
    ? import(new URL(`./${name}.ts`, import.meta.url).href)
    : import(pathToFileURL(join(built, `${name.replaceAll('/', '-')}.js`)).href);
}
