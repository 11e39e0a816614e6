import { randomBytes } from 'node:crypto';

/** Names of rooms at LiveKit's server: what may be one, and which are of the daemon's making. */

/**
 * Longest name, characters. The server takes 256 bytes unless it is set otherwise (`limit.max_room_name_length`; livekit-server 1.13.5, pkg/config/config.go): none
 * that it has by that is too long here.
 */
export const ROOM_NAME_MOST = 256;

/**
 * What a name is: one line, without control characters. The server takes any text; its SIP makes `<prefix>_<+number>_<guid>`. Names go into records, whose
 * database has no place for a zero byte, and onto the console.
 */
export const ROOM_NAME = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+$/u;

/** Rooms that people are asked into by the daemon, and rooms that it has an agent of LiveKit's come to. */
const OWN = { people: 'voicebridge-room-', agents: 'voicebridge-call-' } as const;

/** Whether the agent can be in a room of this name. */
export function isRoomName(text: string): boolean {
  return text.length <= ROOM_NAME_MOST && ROOM_NAME.test(text);
}

/** A name that nobody guesses: 96 random bits. */
export function nameForPeople(): string {
  return `${OWN.people}${randomBytes(12).toString('base64url')}`;
}

/** The room in which an agent of LiveKit's is talked to for this call. */
export function nameForAgent(callId: string): string {
  return `${OWN.agents}${callId}`;
}

/** Whether a name, or a pattern of names by its beginning, is one that the daemon gives and nobody else. */
export function isOwnName(name: string): boolean {
  return Object.values(OWN).some((prefix) => name.startsWith(prefix));
}
