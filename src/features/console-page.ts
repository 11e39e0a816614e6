import { consolePages, readConsoleFiles } from '../console/console-page.ts';
import type { Base, Feature } from './feature.ts';

/** The operators' console at `/`. What it shows comes from the routes of other parts. */
export function openConsole({ carriers }: Base): Feature {
  const files = readConsoleFiles(new URL('../../web/', import.meta.url));
  return {
    install({ http }) {
      http.app.register(consolePages, {
        files,
        carriers: Object.fromEntries(carriers.all.map(({ name, title }) => [name, title])),
      });
    },
  };
}
