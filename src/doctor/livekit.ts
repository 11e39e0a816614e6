import type { Log } from '../call/leg.ts';
import { errorCode } from '../errors.ts';
import { openRooms } from '../rooms/pool/rooms.ts';
import { RoomServer } from '../transport/room-server.ts';
import { ask } from './ask.ts';
import { type Check, type Finding, fail, pass, reasonOf, skip, warn } from './check.ts';
import type { DoctorDeps } from './deps.ts';

/** LiveKit: whether its library can be loaded, its server is reached, takes the key, and would reach us. Its clock is compared with ours by the last check of all. */

export function livekitChecks(deps: DoctorDeps): Check[] {
  const { LIVEKIT_ENABLED, LIVEKIT_SERVER_URL: url } = deps.config;
  if (!LIVEKIT_ENABLED || url === undefined)
    return [{ name: 'livekit server', run: async () => skip('LIVEKIT_ENABLED is not true') }];
  return [
    { name: 'livekit library', run: () => library(deps) },
    { name: 'livekit server', run: (signal) => server(deps, url, signal) },
    { name: 'livekit key', run: () => key(deps, url) },
    { name: 'livekit webhook', run: async () => webhook(deps) },
  ];
}

/** A process for rooms is started and ended: the library stays out of this one. */
async function library({ clock }: DoctorDeps): Promise<Finding> {
  const nothing = () => {};
  const log: Log = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => log };
  const rooms = openRooms({ clock, log });
  try {
    await rooms.ready();
    return pass("LiveKit's library can be loaded, in a process of its own");
  } catch (error) {
    return fail(
      `${errorCode(error)}: ${reasonOf(error)}`,
      'Run npm ci on Linux with glibc, macOS or Windows; musl (Alpine) has no binary. Until then all calls but those in rooms are taken.',
    );
  } finally {
    await rooms.close();
  }
}

/** Signalling, API and the page that says "OK" are at one address. */
async function server(deps: DoctorDeps, url: string, signal: AbortSignal): Promise<Finding> {
  const { status, body } = await ask(deps, { url: url.replace(/^ws/, 'http'), headers: {}, signal });
  if (status >= 200 && status <= 299)
    return body.toString('utf8').trim() === 'OK'
      ? pass(`LiveKit's server answers at ${url}`)
      : warn(
          `something answers at ${url}, which does not say that it is LiveKit's server`,
          'Look whether LIVEKIT_SERVER_URL is the address of the server itself, or of a proxy that leads there.',
        );
  return fail(
    `${url} answers HTTP ${status}`,
    'Set LIVEKIT_SERVER_URL to where the server listens (port 7880 unless it is behind a proxy).',
  );
}

async function key({ config }: DoctorDeps, url: string): Promise<Finding> {
  const { LIVEKIT_API_KEY: apiKey = '', LIVEKIT_API_SECRET: apiSecret = '' } = config;
  try {
    const rooms = await new RoomServer({ url, apiKey, apiSecret }).probe();
    return pass(`the server takes the key; it has ${rooms} ${rooms === 1 ? 'room' : 'rooms'}`);
  } catch (error) {
    const code = errorCode(error);
    return code === 'LIVEKIT_REFUSED'
      ? fail(
          `${code}: ${reasonOf(error)}`,
          'Set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to a pair of the server’s `keys`. A clock that is minutes off makes it refuse a right one, too.',
        )
      : fail(`${code}: ${reasonOf(error)}`, 'Needs the server: see the check before this one.');
  }
}

/** That the server's own settings name our address, no API of it tells. */
function webhook({ config }: DoctorDeps): Finding {
  if (config.LIVEKIT_ROOM_PATTERN.length === 0)
    return skip('LIVEKIT_ROOM_PATTERN is not set: no room is joined by webhook');
  const at =
    config.PUBLIC_URL === undefined ? '/livekit/webhook of this daemon' : `${config.PUBLIC_URL}/livekit/webhook`;
  return warn(
    `rooms such as ${config.LIVEKIT_ROOM_PATTERN[0]} are joined when the server tells of them, which cannot be seen from here`,
    `Name ${at} under webhook.urls of the server's settings, with webhook.api_key ${config.LIVEKIT_API_KEY ?? ''}.`,
  );
}
