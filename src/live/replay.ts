import type { CallRecord } from '../records/call-record.ts';
import { EventIds, type RecordedEvent } from '../records/event.ts';
import type { RecordStore } from '../records/store.ts';

/** Which events a reader wants; all of them when both are left out. */
export interface EventFilter {
  readonly callId?: string | undefined;
  readonly conversationId?: string | undefined;
}

export interface ReplayRange extends EventFilter {
  /** Events after this id … */
  readonly after: string;
  /** … up to and with this one. */
  readonly until: string;
  readonly limit: number;
}

/**
 * Events that are kept longer than the live stream keeps them: at most `limit` of the range, in the order of their ids, the oldest first.
 * Fewer than `limit` says that there are no more. May reject; the reader is then told of the gap.
 */
export type EventReplay = (range: ReplayRange) => Promise<readonly RecordedEvent[]>;

/** Records asked for at a time, and in all for one page of events: a reader that was away for so long is told of a gap. */
const CALLS_PAGE = 500;
const CALLS_MOST = 5_000;

/**
 * Replay from the records of calls. The store knows events by their call, so the calls of that time are found first and their events merged.
 * `longestMs`: how long before the range a call may have begun that has events in it.
 */
export function replayFrom(store: Pick<RecordStore, 'list' | 'events'>, longestMs: number): EventReplay {
  /** The calls that may have events in the range. */
  const callsOf = async ({ callId, conversationId, after, until }: ReplayRange): Promise<string[]> => {
    if (callId !== undefined) return [callId];
    const from = EventIds.timeOf(after);
    const since = Math.max(0, from - longestMs);
    const ids: string[] = [];
    let before: CallRecord | undefined;
    for (let seen = 0; seen < CALLS_MOST; seen += CALLS_PAGE) {
      const page = await store.list({
        conversationId,
        since,
        until: EventIds.timeOf(until) + 1,
        before,
        limit: CALLS_PAGE,
      });
      for (const call of page) if (call.lastAt >= from) ids.push(call.id);
      if (page.length < CALLS_PAGE) return ids;
      before = page.at(-1);
    }
    throw new Error(`more than ${CALLS_MOST} calls in the time to be replayed`);
  };

  return async (range) => {
    const { after, until, limit } = range;
    const found: RecordedEvent[] = [];
    for (const id of await callsOf(range)) {
      for (const event of await store.events(id, after, limit)) if (event.id <= until) found.push(event);
    }
    return found.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
  };
}
