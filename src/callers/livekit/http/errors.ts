/** What whoever asks for rooms is refused with. */
export const LIVEKIT_ERRORS = {
  LIVEKIT_ROOM_UNKNOWN: "LiveKit's server has no room of this name.",
  LIVEKIT_CONNECTION_UNKNOWN: 'There is no such connection, or it ended more than ten minutes ago.',
  LIVEKIT_FORBIDDEN:
    'Rooms that others made are joined for operators alone, with the admin token as bearer; so are choices of `audio`.',
  LIVEKIT_TENANT_FULL: 'This tenant has as many rooms as LIVEKIT_TENANT_ROOMS allows.',
  LIVEKIT_CLOSING: 'The agent is just leaving this room; ask again in a moment.',
  LIVEKIT_ROOM_OVER: 'The room was made here, and its call is over: the agent does not come to it again. Make another.',
} as const;

type OfRooms = typeof LIVEKIT_ERRORS;
declare module '../../../http/api-error.ts' {
  interface ApiErrorCodes extends OfRooms {}
}
