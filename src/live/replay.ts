import type { RecordedEvent } from '../records/event.ts';
import type { EventRange } from '../records/store.ts';

/** Which events a reader wants; all of them when both are left out. */
export type EventFilter = Pick<EventRange, 'callId' | 'conversationId'>;

/**
 * Events that are kept longer than the live stream keeps them: at most `limit` of the range, in the order of their ids, the oldest first.
 * Fewer than `limit` says that there are no more. May reject; the reader is then told of the gap.
 */
export type EventReplay = (range: EventRange) => Promise<readonly RecordedEvent[]>;
