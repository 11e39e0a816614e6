import { type Termination, termination } from '../../call/termination.ts';
import type { RoomEnd } from '../../rooms/room.ts';

/** How the caller's side ended when the room did. */
export function endOf(reason: RoomEnd, detail: string): Termination {
  switch (reason) {
    case 'room-deleted':
    case 'room-closed':
      return termination('caller-hangup');
    case 'removed':
      return termination('caller-hangup', 'the agent was removed from the room');
    case 'duplicate-identity':
      return termination('stream-replaced', 'somebody came to the room as the agent');
    case 'server-gone':
    case 'media-stalled':
      return termination('media-lost', `${reason}: ${detail}`);
    case 'refused':
      return termination('carrier-failed', `the server refuses the agent: ${detail}`);
    case 'worker-lost':
      return termination('internal', `the process of the room is gone: ${detail}`);
    default:
      reason satisfies never;
      return termination('internal');
  }
}
