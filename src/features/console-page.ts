import { type ConsoleFile, consolePages, readConsoleFiles, readModule } from '../console/console-page.ts';
import type { Base, Feature } from './feature.ts';

const ROOM_PAGE = 'livekit.html';

/** The operators' console at `/`. What it shows comes from the routes of other parts. */
export function openConsole({ carriers, config }: Base): Feature {
  const files = new Map(readConsoleFiles(new URL('../../web/', import.meta.url)));
  const connects = roomPage(files, config);
  return {
    install({ http }) {
      http.app.register(consolePages, {
        files,
        connects,
        carriers: Object.fromEntries(carriers.all.map(({ name, title }) => [name, title])),
      });
    },
  };
}

/** The page of a room: with LiveKit's own client, which connects to its server; where rooms are off there is none. */
function roomPage(files: Map<string, ConsoleFile>, config: Base['config']): Record<string, string[]> {
  const url = config.LIVEKIT_CLIENT_URL ?? config.LIVEKIT_SERVER_URL;
  if (!config.LIVEKIT_ENABLED || url === undefined) {
    files.delete(ROOM_PAGE);
    return {};
  }
  files.set('lib/livekit-client.js', readModule('livekit-client', 'livekit-client.esm.mjs'));
  // By WebSocket, and by HTTP to learn why that was refused.
  const { host } = new URL(url);
  const s = /^(wss|https):/.test(url) ? 's' : '';
  return { [ROOM_PAGE]: [`ws${s}://${host}`, `http${s}://${host}`] };
}
