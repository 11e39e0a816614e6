import type { RoomQuality } from '../../rooms/room.ts';

/** How long audio waits at an end of a room, just now, ms: in the jitter buffer and the cushion on its way in, and in the lead on its way out. What is not known counts for nothing. */
export function heldOf({ lately }: Pick<RoomQuality, 'lately'>): number {
  const { jitterBufferMs = 0, cushionMs = 0, leadMs = 0 } = lately;
  return jitterBufferMs + cushionMs + leadMs;
}
