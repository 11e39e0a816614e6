/**
 * A call by LiveKit for `npm run call`: asks the daemon for a room and joins it as a client does. Where the settings name no LiveKit server, one that is found on
 * this machine is started for the call, with a daemon that is set to it.
 */

import { type Config, loadConfig, loadEnvFile } from '../config.ts';
import { adminTokens } from '../http/admin-token.ts';
import {
  findServer,
  HOW_TO_GET,
  LiveKitServer,
  noBuilder,
  RoomPhone,
  type RoomPhoneOptions,
} from '../simulator/livekit/index.ts';
import { type CallFlags, UsageError } from './call-flags.ts';
import { type CallSession, listens, startLocalDaemon } from './call-target.ts';

/** Starts all that the call needs. Throws a UsageError where there is no server and none can be started. */
export async function openLiveKitCall(
  flags: CallFlags,
  options: Omit<RoomPhoneOptions, 'daemon'>,
  say: (text: string) => void,
): Promise<CallSession> {
  const { daemon, bearer, close } = await findDaemon(flags, say);
  const phone = new RoomPhone({ ...options, daemon, bearer, participantName: flags.from, agentId: flags.to });
  return { phone, place: () => phone.placeCall(), close };
}

interface Target {
  readonly daemon: string;
  readonly bearer: string | undefined;
  close(): Promise<void>;
}

async function findDaemon(flags: CallFlags, say: (text: string) => void): Promise<Target> {
  const { secret: bearer, webhook } = flags;
  if (webhook !== undefined) return { daemon: new URL(webhook).origin, bearer, close: async () => {} };
  loadEnvFile();
  const config = loadConfig();
  const token = bearer ?? adminTokens(config).tokens[0];
  if (await listens(config.PORT)) {
    return { daemon: `http://127.0.0.1:${config.PORT}`, bearer: token, close: async () => {} };
  }
  const server = config.LIVEKIT_ENABLED ? undefined : await startServer(say);
  try {
    say(`nothing listens on port ${config.PORT}: starting a daemon for this call\n`);
    const daemon = await startLocalDaemon(server === undefined ? config : withServer(config, server));
    return {
      daemon: `http://127.0.0.1:${daemon.port}`,
      bearer: token,
      async close() {
        await daemon.close();
        await server?.stop();
      },
    };
  } catch (error) {
    await server?.stop();
    throw error;
  }
}

async function startServer(say: (text: string) => void): Promise<LiveKitServer> {
  const program = findServer();
  if (program === undefined) {
    const missing = noBuilder();
    throw new UsageError(
      `--carrier livekit: the settings name no LiveKit server (LIVEKIT_ENABLED), and none is found on this machine. ${HOW_TO_GET}${missing === undefined ? '' : `. ${missing}`}`,
    );
  }
  say(`the settings name no LiveKit server: starting ${program} for this call\n`);
  return LiveKitServer.start({ program });
}

const withServer = (config: Config, server: LiveKitServer): Config => ({
  ...config,
  LIVEKIT_ENABLED: true,
  LIVEKIT_SERVER_URL: server.url,
  LIVEKIT_API_KEY: server.apiKey,
  LIVEKIT_API_SECRET: server.apiSecret,
});
