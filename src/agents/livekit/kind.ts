import { connectProbe } from '../../admission/reach.ts';
import { BridgeError, errorMessage } from '../../errors.ts';
import type { Rooms } from '../../rooms/room.ts';
import type { RoomServerOptions } from '../../transport/room-server.ts';
import { type AgentDeps, defineAgent, type OpenedAgent, type SharedSettings, type Wish } from '../kind.ts';
import { type LivekitTarget, livekitTarget } from './target.ts';

/** How long a look at the server's host may take, ms. */
const PROBE_MS = 5_000;

/** Agents that are registered at a LiveKit server, sent into a room of the call's own. */
export const livekitAgent = defineAgent({
  name: 'livekit',
  title: 'LiveKit',
  settings: { session: {}, answers: {}, transport: {}, webrtc: {} },
  labels: { transports: ['livekit'], errors: [] },
  needsIceServers: false,
  options: { prompt: {}, route: {}, target: livekitTarget, mayBeWordless: () => true },
  review: ({ tools, namesTools }) => ({
    problems: [],
    warnings:
      !namesTools || tools.length === 0
        ? []
        : [`tools: an agent of LiveKit's calls its own tools, and none of the ${tools.length} that are named`],
  }),
  open: (settings, deps) => openLivekitAgent(settings, deps),
  async checks(settings) {
    const server = serverOf(settings);
    if (server === undefined) return { checks: [], close: async () => {} };
    const { fail, pass } = await import('../../doctor/check.ts');
    const { RoomServer } = await import('../../transport/room-server.ts');
    const check = {
      name: 'livekit agents',
      run: async () => {
        try {
          await new RoomServer(server).probe();
          return pass(`${new URL(server.url).host} takes LIVEKIT_API_KEY: agents can be sent into rooms there`);
        } catch (error) {
          return fail(errorMessage(error), 'Check LIVEKIT_SERVER_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.');
        }
      },
    };
    return { checks: [check], close: async () => {} };
  },
});

function serverOf(settings: SharedSettings): RoomServerOptions | undefined {
  const { LIVEKIT_SERVER_URL: url, LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret } = settings;
  return url === undefined || apiKey === undefined || apiSecret === undefined ? undefined : { url, apiKey, apiSecret };
}

async function openLivekitAgent(
  settings: SharedSettings,
  { clock, log }: AgentDeps,
): Promise<OpenedAgent<LivekitTarget>> {
  const at = serverOf(settings);
  if (at === undefined)
    throw new BridgeError(
      'CONFIG_INVALID',
      'LIVEKIT_SERVER_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET: are not all set, and a prompt or route names an agent at LiveKit.',
    );
  const { url } = at;
  const { livekitLeg } = await import('./leg.ts');
  const { RoomServer } = await import('../../transport/room-server.ts');
  const { openRooms } = await import('../../rooms/pool/rooms.ts');
  const server = new RoomServer(at);
  let rooms: Rooms | undefined;
  /** Processes for rooms, once a call needs one. */
  const pool = async (): Promise<Rooms> => {
    rooms ??= openRooms({ clock, log });
    await rooms.ready();
    return rooms;
  };
  return {
    model: 'livekit',
    about: `Calls are answered by agents at ${new URL(url).host}.`,
    modelOf: ({ agent_name }) => `livekit/${agent_name}`,
    create({ options: { agent_name: agentName, metadata = '' }, voice, language, temperature }) {
      // Whoever named the kind alone relied on a prompt that is another's by now.
      if (agentName === undefined)
        throw new BridgeError('CONFIG_INVALID', 'agent_name: is missing: which agent is it?');
      const written = typeof metadata === 'string' ? metadata : JSON.stringify(metadata);
      const wishes: Readonly<Record<Wish, unknown>> = { voice, language, temperature };
      return {
        leg: livekitLeg({ url, server, agentName, metadata: written, pool }),
        model: `livekit/${agentName}`,
        ignored: (Object.keys(wishes) as Wish[]).filter((wish) => wishes[wish] !== undefined),
      };
    },
    probe: connectProbe(new URL(url.replace(/^ws/, 'http')), PROBE_MS),
    close: async () => rooms?.close(),
  };
}
