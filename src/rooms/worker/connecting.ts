import type { Clock } from '../../call/clock.ts';
import { BridgeError } from '../../errors.ts';
import type { LinkHandlers, LinkOptions, RoomConnector, RoomLink } from '../../transport/room-link.ts';

/** Connects within a time: the library tries for as long as it likes. A link that comes later is closed. Rejects as `RoomConnector.connect` does. */
export function connectWithin(
  library: RoomConnector,
  clock: Clock,
  ms: number,
  options: LinkOptions,
  handlers: LinkHandlers,
): Promise<RoomLink> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = clock.after(ms, () => {
      isLate = true;
      reject(
        new BridgeError('LIVEKIT_UNREACHABLE', `the room was not joined within ${Math.round(ms)} ms`, {
          retryable: true,
        }),
      );
    });
    library.connect(options, handlers).then(
      (link) => {
        timer.cancel();
        if (isLate) void link.close();
        else resolve(link);
      },
      (error) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
