import type { RecordedEvent } from '../records/event.ts';
import type { Levels } from './levels.ts';

/** What is asked of another instance by one whose readers watch all: what happened there since it was asked last. */
export interface EventQuestion {
  /** Events behind this id … */
  readonly after: string;
  /** An id of the asker's of this moment: what happens from now on sorts behind it. */
  readonly now: string;
  /** Whether anybody looks at level meters. */
  readonly levels: boolean;
}

export interface ToldEvent {
  readonly event: RecordedEvent;
  readonly conversationId?: string | undefined;
}

export interface EventPage {
  /** In the order of their ids. */
  readonly events: readonly ToldEvent[];
  /** All that happened there up to this id has been told; whatever is still to happen sorts behind it. */
  readonly until: string;
  /** Events up to this id are no longer kept there. */
  readonly floor: string;
  /** There are more already. */
  readonly more: boolean;
  /** The newest of each call since the last question. */
  readonly levels: readonly Levels[];
  /** What is no call's, as readers get it. */
  readonly notices: readonly string[];
}

/** The other instances, as far as their events go. */
export interface EventPeers {
  /** Ids of those that live. Never rejects. */
  others(): Promise<readonly string[]>;
  ask(instance: string, question: EventQuestion): Promise<EventPage>;
}
