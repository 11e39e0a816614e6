import { randomBytes } from 'node:crypto';
import { delay } from '../../../call/clock.ts';
import { LivekitLeg, ROOM_RATE } from '../leg.ts';
import type { Connection } from './connection.ts';
import type { RoomOrder } from './room-order.ts';
import type { LivekitRoomsDeps } from './rooms-deps.ts';

/** How long the agent may take into a room, ms. */
const CONNECT_MS = 10_000;
/**
 * How long a room that was lost is tried for, ms: a call whose server is gone is over within a minute. One that hangs with its sockets open is noticed by what it does not
 * answer, after 19 s as measured with `livekit-server` 1.13.5.
 */
const LOST_MS = 35_000;
/** How long the agent stays for the server to put people out before it, ms. */
const LEAVING_MS = 2_000;
/** The agent's own token, s: it is made anew for each join. */
const AGENT_TOKEN_SECONDS = 600;

/** The callers' side of a connection, which is on its way into the room. */
export function agentFor(connection: Connection, order: RoomOrder, deps: LivekitRoomsDeps): LivekitLeg {
  const { rooms, server, clock, log, url, agentName, joinMs, leaveMs, idleMs, tellSpeaker, audio } = deps;
  const { roomName, id } = connection;
  // Everybody in the room reads it: it must not be the connection's id, with which the call can be ended.
  const identity = `agent-${randomBytes(9).toString('base64url')}`;
  const pass = { room: roomName, identity, name: agentName, ttlSeconds: AGENT_TOKEN_SECONDS, agent: true };
  return new LivekitLeg({
    clock,
    log: log.child({ callId: id, leg: 'livekit' }),
    joinMs,
    leaveMs,
    idleMs,
    tellSpeaker,
    linked: () => connection.look(),
    leaving: async () => {
      const done = new AbortController();
      const late = delay(clock, LEAVING_MS, done.signal).catch(() => {});
      await Promise.race([connection.putOut().finally(() => done.abort()), late]);
    },
    join: (handlers, signal) =>
      rooms.join(
        {
          url,
          roomName,
          token: () => server.token(pass),
          trackName: 'agent',
          audio: order.audio ?? audio,
          rate: ROOM_RATE,
          connectMs: CONNECT_MS,
          lostMs: LOST_MS,
          attributes: { 'lk.agent.name': agentName },
          signal,
        },
        handlers,
      ),
  });
}
