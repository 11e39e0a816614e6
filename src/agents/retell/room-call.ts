import { BridgeError } from '../../errors.ts';
import type { Rooms } from '../../rooms/room.ts';
import { jsonObject } from '../../transport/http.ts';
import { RoomLine } from '../common/room-line.ts';
import type { OpenContext, StreamSession, StreamTold } from '../stream/session.ts';
import type { RetellCall } from './api.ts';
import { TranscriptFollower } from './transcript.ts';

/**
 * A call of the older version: a room of the provider's LiveKit server, in which the agent is the participant `server`; data packets of that one tell what it
 * does, as https://github.com/RetellAI/retell-client-js-sdk/blob/v2.0.7/src/index.ts reads them.
 */

const AGENT = 'server';
/** A token opens a call for 30 s; an older one is not tried. ms. */
const TOKEN_MS = 25_000;

/** The room that a token is for (LiveKit's grants: `video.room`). Throws MODEL_PROTOCOL where it says none. It is read, and proven by whoever takes it. */
export function roomOf(accessToken: string): string {
  const payload = jsonObject(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url'));
  const room = (payload?.['video'] as { room?: unknown } | undefined)?.room;
  if (typeof room !== 'string' || room === '')
    throw new BridgeError('MODEL_PROTOCOL', "the call's token names no room");
  return room;
}

/** Joins the call's room. Rejects as `RoomLine.open` does; LIVEKIT_REFUSED where the token is not taken. */
export async function openRoomCall(
  call: RetellCall,
  { rooms, url }: { readonly rooms: Pick<Rooms, 'join'>; readonly url: string },
  told: StreamTold,
  context: OpenContext,
): Promise<StreamSession> {
  const { clock } = context;
  const follower = new TranscriptFollower(told, { clock, isWhole: false });
  const hungUp: StreamTold['hungUp'] = (detail) => {
    follower.end();
    told.hungUp(detail);
  };
  return RoomLine.open(
    {
      rooms,
      url,
      roomName: roomOf(call.accessToken),
      // A room that was lost for long is another call to the provider.
      token: async () => {
        if (clock.now() - call.madeAt > TOKEN_MS)
          throw new BridgeError('MODEL_SESSION_LOST', "the call's token is too old");
        return call.accessToken;
      },
      transport: 'livekit',
      sessionId: call.callId,
      data: true,
      isAgent: ({ identity }) => identity === AGENT,
      left: () => follower.close(),
      packet: ({ identity, text }) => {
        if (identity !== AGENT) return;
        const message = jsonObject(text);
        switch (message?.['event_type']) {
          case 'update':
            follower.take(message?.['transcript']);
            return;
          case 'agent_stop_talking':
            follower.agentStopped();
            return;
          // What it says of its own speaking is heard, in time with its audio.
          case 'agent_start_talking':
          case 'metadata':
          case 'node_transition':
            return;
          case undefined:
            told.unreadable('a data packet of the agent’s could not be read');
            return;
          default:
            told.unknown(String(message?.['event_type']));
        }
      },
    },
    { ...told, hungUp },
    context,
  );
}
