import type { Clock } from '../call/clock.ts';
import type { CallEvent, CallObserver } from '../call/events.ts';
import { type EventIds, flatten, type RecordedEvent, type RecordSink } from './event.ts';

export interface RecordStreamOptions {
  readonly clock: Pick<Clock, 'now' | 'wall'>;
  /** Those of this process. */
  readonly ids: Pick<EventIds, 'next'>;
  readonly sinks: readonly RecordSink[];
  /** A sink threw: told with what it threw; the others still get the event. */
  readonly failed: (error: unknown) => void;
}

/** Watches calls, makes one record of each event and hands it to every sink. */
export class RecordStream implements CallObserver {
  readonly #options: RecordStreamOptions;
  readonly #calls = new Map<string, { seq: number; startedAt: number }>();

  constructor(options: RecordStreamOptions) {
    this.#options = options;
  }

  onEvent(callId: string, event: CallEvent): void {
    const { clock, ids } = this.#options;
    const now = clock.now();
    const call = this.#calls.get(callId) ?? { seq: 0, startedAt: now };
    if (call.seq === 0) this.#calls.set(callId, call);
    const record: RecordedEvent = {
      id: ids.next(),
      callId,
      seq: call.seq++,
      at: clock.wall(),
      offsetMs: now - call.startedAt,
      ...flatten(event),
    };
    if (event.type === 'call_ended' || event.type === 'call_moved') this.#calls.delete(callId);
    this.tell(record);
  }

  /** Hands a record to every sink: one of a call that is over, which tells nothing by itself any more. */
  tell(record: RecordedEvent): void {
    const { sinks, failed } = this.#options;
    for (const sink of sinks) {
      try {
        sink.onRecord(record);
      } catch (error) {
        failed(error);
      }
    }
  }
}
