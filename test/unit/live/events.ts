import type { Clock } from '../../../src/call/clock.ts';
import { EventHub, type EventHubOptions } from '../../../src/live/hub.ts';
import { LevelMeters } from '../../../src/live/levels.ts';
import type { Outlet, WatchEnd } from '../../../src/live/watcher.ts';
import { EventIds, type RecordedEvent } from '../../../src/records/event.ts';
import { FakeClock } from '../../fakes/clock.ts';

/** A connection that keeps what it is sent, and takes it only when told to. */
export class FakeOutlet implements Outlet {
  readonly messages: Array<Record<string, unknown>> = [];
  readonly ids: Array<string | undefined> = [];
  /** Whether what is sent is taken at once. */
  takes = true;
  bufferedBytes = 0;
  ended: WatchEnd | undefined;
  sent = () => {};

  send(message: string, id: string | undefined): void {
    if (this.ended !== undefined) throw new Error('sent after the end');
    this.messages.push(JSON.parse(message));
    this.ids.push(id);
    if (!this.takes) this.bufferedBytes += message.length;
    this.sent();
  }

  end(why: WatchEnd): void {
    this.ended = why;
  }

  of(kind: string): Array<Record<string, unknown>> {
    return this.messages.filter((message) => message['kind'] === kind);
  }

  /** Ids of the events, in the order in which they came. */
  get events(): string[] {
    return this.of('event').map((message) => (message['event'] as RecordedEvent).id);
  }
}

export function hubRig(options: Partial<EventHubOptions> = {}) {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const dropped: WatchEnd[] = [];
  const meters = new LevelMeters();
  const ids = new EventIds(() => clock.wall(), 'p1');
  const hub = new EventHub({
    ids,
    levels: meters,
    clock: clock as Clock,
    keep: { events: 100, characters: 1_000_000 },
    watchers: 10,
    bufferBytes: 4_096,
    dropped: (why) => dropped.push(why),
    failed: (error) => errors.push(error),
    ...options,
  });
  const all: RecordedEvent[] = [];
  /** Something happens in a call. */
  const happen = (type = 'barge_in', over: Partial<RecordedEvent> = {}): RecordedEvent => {
    const event: RecordedEvent = {
      id: ids.next(),
      callId: 'c1',
      seq: all.length,
      at: clock.wall(),
      offsetMs: clock.now(),
      type,
      data: {},
      transient: false,
      ...over,
    };
    all.push(event);
    hub.onRecord(event);
    return event;
  };
  const watch = (wanted: Partial<Parameters<EventHub['watch']>[1]> = {}, outlet = new FakeOutlet()) => {
    const watcher = hub.watch(outlet, { transient: true, levels: false, ...wanted });
    return Object.assign(outlet, { watcher });
  };
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return { clock, hub, meters, errors, dropped, all, happen, watch, settle };
}
