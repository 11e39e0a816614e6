import type { Clock } from '../call/clock.ts';
import type { CallEvent, CallObserver } from '../call/events.ts';
import { EventIds, flatten, type RecordedEvent, type RecordSink } from './event.ts';

export interface RecordStreamOptions {
  readonly clock: Pick<Clock, 'now' | 'wall'>;
  /** Letters and digits that no other process of this fleet has. */
  readonly instance: string;
  readonly sinks: readonly RecordSink[];
  /** A sink threw: told with what it threw; the others still get the event. */
  readonly failed: (error: unknown) => void;
}

/** Watches calls, makes one record of each event and hands it to every sink. */
export class RecordStream implements CallObserver {
  readonly #options: RecordStreamOptions;
  readonly #ids: EventIds;
  readonly #calls = new Map<string, { seq: number; startedAt: number }>();

  constructor(options: RecordStreamOptions) {
    this.#options = options;
    this.#ids = new EventIds(() => options.clock.wall(), options.instance);
  }

  onEvent(callId: string, event: CallEvent): void {
    const { clock, sinks, failed } = this.#options;
    const now = clock.now();
    const call = this.#calls.get(callId) ?? { seq: 0, startedAt: now };
    if (call.seq === 0) this.#calls.set(callId, call);
    const record: RecordedEvent = {
      id: this.#ids.next(),
      callId,
      seq: call.seq++,
      at: clock.wall(),
      offsetMs: now - call.startedAt,
      ...flatten(event),
    };
    if (event.type === 'call_ended') this.#calls.delete(callId);
    for (const sink of sinks) {
      try {
        sink.onRecord(record);
      } catch (error) {
        failed(error);
      }
    }
  }
}
