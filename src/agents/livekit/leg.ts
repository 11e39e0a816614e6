import { BridgeError } from '../../errors.ts';
import type { Rooms } from '../../rooms/room.ts';
import { nameForAgent } from '../../transport/room-names.ts';
import type { RoomServer } from '../../transport/room-server.ts';
import { ROOM_RATE, RoomLine } from '../common/room-line.ts';
import { StreamLeg } from '../stream/leg.ts';
import type { OpenContext, StreamSession, StreamTold } from '../stream/session.ts';
import { Segments } from './segments.ts';

/** From the start until the agent is heard, ms: its worker has to take the job, and may have to start a process for it. */
const START_MS = 15_000;
/** How long a token opens the room, s: longer than any call may have to come back. */
const TOKEN_SECONDS = 6 * 3_600;
/** Who we are there. */
const CALLER = 'caller';
const TRANSCRIPTION = 'lk.transcription';

export interface LivekitLegOptions {
  /** `ws:` or `wss:`. */
  readonly url: string;
  readonly server: Pick<RoomServer, 'token' | 'remove'>;
  readonly agentName: string;
  readonly metadata: string;
  readonly pool: () => Promise<Pick<Rooms, 'join'>>;
}

/**
 * An agent of LiveKit's: a room is made for the call, the server sends the agent into it by its name, and we are the person who talks to it.
 * https://docs.livekit.io/agents/server/agent-dispatch/
 */
export const livekitLeg = (options: LivekitLegOptions): StreamLeg =>
  new StreamLeg({
    kind: 'livekit',
    path: `opus/48000 (band of ${ROOM_RATE} Hz)`,
    inputRate: ROOM_RATE,
    rate: ROOM_RATE,
    pace: 'live',
    transport: 'livekit',
    startMs: START_MS,
    overlaps: true,
    open: (told, context) => open(options, told, context),
  });

async function open(
  { url, server, agentName, metadata, pool }: LivekitLegOptions,
  told: StreamTold,
  context: OpenContext,
): Promise<StreamSession> {
  const roomName = nameForAgent(context.callId);
  const segments = new Segments(told);
  try {
    return await RoomLine.open(
      {
        rooms: await pool(),
        url,
        roomName,
        token: () =>
          server.token({
            room: roomName,
            identity: CALLER,
            name: 'Caller',
            ttlSeconds: TOKEN_SECONDS,
            dispatch: { agentName, metadata },
          }),
        transport: 'livekit',
        sessionId: roomName,
        topics: [TRANSCRIPTION],
        isAgent: ({ kind }) => kind === 'agent',
        text: ({ identity, text, attributes = {} }) =>
          segments.take(identity === CALLER ? 'caller' : 'agent', text, attributes),
        // Nobody else is meant to be there: the agent goes with the room. A room that is removed around us would leave something of us behind.
        left: () => {
          server.remove(roomName).catch((error: unknown) => {
            context.log.debug({ err: error }, "the agent's room could not be removed");
          });
        },
      },
      told,
      context,
    );
  } catch (error) {
    throw inWords(error);
  }
}

/** The server is a part of the agent's service. */
function inWords(error: unknown): unknown {
  if (!(error instanceof BridgeError)) return error;
  if (error.code === 'LIVEKIT_REFUSED') return new BridgeError('MODEL_AUTH', error.message, { cause: error });
  if (error.code === 'LIVEKIT_UNREACHABLE')
    return new BridgeError('MODEL_UNAVAILABLE', error.message, { cause: error });
  return error;
}
