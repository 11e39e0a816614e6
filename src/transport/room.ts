import { BridgeError, errorMessage } from '../errors.ts';

/** LiveKit's own library, with all that it exports. */
export type RoomLibrary = typeof import('@livekit/rtc-node');

let loading: Promise<RoomLibrary> | undefined;

/**
 * The library, loaded at the first call: it starts native threads, so only a process that is in rooms asks for it. Rejects with LIVEKIT_UNAVAILABLE where
 * its binaries cannot be had.
 */
export function loadRoomLibrary(): Promise<RoomLibrary> {
  loading ??= import('@livekit/rtc-node').catch((error: unknown) => {
    throw new BridgeError('LIVEKIT_UNAVAILABLE', `LiveKit's library cannot be loaded here: ${errorMessage(error)}`, {
      cause: error,
    });
  });
  return loading;
}
