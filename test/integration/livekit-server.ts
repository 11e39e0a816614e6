import { errorMessage } from '../../src/errors.ts';
import { buildServer, findServer, noBuilder } from '../../src/simulator/livekit/server/find.ts';
import { LiveKitServer, type LiveKitServerOptions } from '../../src/simulator/livekit/server/server.ts';

/** A real livekit-server for tests: found, or built where Go is (LIVEKIT_SERVER_BIN names another), on free ports with its own key. */

async function find(): Promise<{ program: string } | { missing: string }> {
  // One that is named and is not there is a mistake, and no reason to test less.
  const found = findServer(process.env['LIVEKIT_SERVER_BIN']);
  if (found !== undefined) return { program: found };
  try {
    const missing = noBuilder();
    if (missing !== undefined) return { missing: `no livekit-server is here, and none can be built: ${missing}` };
    process.stdout.write('building livekit-server, which takes some minutes the first time\n');
    return { program: await buildServer() };
  } catch (error) {
    return { missing: `no livekit-server can be had: ${errorMessage(error)}` };
  }
}

const found = await find();

/** Why there is no server to test with; undefined where there is one. */
export const noLiveKit = 'missing' in found ? found.missing : undefined;

/**
 * Starts one; `close` in the end. `stop()` and `start()` in between are a crash and a new beginning on the same ports. Give `url`, `apiKey` and `apiSecret`
 * to the daemon, or to `RoomServiceClient(httpUrl, …)`.
 */
export async function startLiveKit(options: Omit<LiveKitServerOptions, 'program'> = {}) {
  if ('missing' in found) throw new Error(found.missing);
  const server = await LiveKitServer.start({ program: found.program, ...options });
  return Object.assign(server, { close: () => server.stop() });
}
