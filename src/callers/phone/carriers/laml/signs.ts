import type { ConnectedMessage, StartMessage } from '../../protocol.ts';

/** What is one carrier's way among those of the family. */
export interface FamilySigns {
  /** Its `connected` says a version like this. */
  readonly version: RegExp;
  /** Its ids look like this. */
  readonly id: RegExp;
  /** The stream id stands beside `event` too, not only inside `start`. */
  readonly topLevelStreamId: boolean;
}

/** How many of a carrier's signs a stream of the family shows; see `CarrierMedia.signs`. The version and the stream's own id count two each. */
export function countSigns(signs: FamilySigns, start: StartMessage, connected?: ConnectedMessage): number {
  const { version, id, topLevelStreamId } = signs;
  return (
    (connected !== undefined && version.test(connected.version) ? 2 : 0) +
    (id.test(start.streamId) ? 2 : 0) +
    (id.test(start.callId) ? 1 : 0) +
    (id.test(start.accountId) ? 1 : 0) +
    (start.topLevelStreamId === topLevelStreamId ? 1 : 0)
  );
}
