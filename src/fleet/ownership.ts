import { carrierCallKey } from '../call/carrier-call.ts';
import type { CallEvent, CallObserver } from '../call/events.ts';
import type { CallInfo } from '../call/info.ts';
import type { Alias, Fleet, Owned } from './fleet.ts';

/** The names of a call beside our id of it. */
function aliasesOf({ carrier = '', accountId = '', carrierCallId, conversationId }: CallInfo): Alias[] {
  return [
    ...(carrierCallId === undefined
      ? []
      : [{ kind: 'carrier', id: carrierCallKey({ carrier, accountId, carrierCallId }) } as const]),
    ...(conversationId === undefined ? [] : [{ kind: 'conversation', id: conversationId } as const]),
  ];
}

/** Has the fleet know which calls this process has, from each call's first event to its last. */
export class Ownership implements CallObserver {
  readonly #fleet: Pick<Fleet, 'own'>;
  readonly #calls = new Map<string, Owned>();

  constructor(fleet: Pick<Fleet, 'own'>) {
    this.#fleet = fleet;
  }

  onEvent(callId: string, event: CallEvent): void {
    if (event.type === 'call_started') this.#calls.set(callId, this.#fleet.own(callId, aliasesOf(event.info)));
    if (event.type !== 'call_ended' && event.type !== 'call_moved') return;
    const owned = this.#calls.get(callId);
    if (event.type === 'call_moved') owned?.handOver();
    else owned?.release();
    this.#calls.delete(callId);
  }
}
