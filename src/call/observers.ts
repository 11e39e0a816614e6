import type { Counter } from './counters.ts';
import type { CallEvent, CallObserver } from './events.ts';
import type { Log } from './leg.ts';

/** Tells all observers; one that throws is logged and survived: a full disk cannot cut a call. */
export function notify(
  observers: readonly CallObserver[],
  callId: string,
  event: CallEvent,
  log: Log,
  count: (counter: Counter) => void,
): void {
  for (const observer of observers) {
    try {
      observer.onEvent(callId, event);
    } catch (error) {
      count('observer_failed');
      log.error({ err: error, event: event.type }, 'an observer failed');
    }
  }
}
