import type { AudioSink } from '../media/frame.ts';
import type { Boundary } from './boundary.ts';
import type { Count, Counter } from './counters.ts';
import type { AgentEvent, CallEvent, CallObserver } from './events.ts';
import type { LegContext, Log } from './leg.ts';
import { notify } from './observers.ts';
import { Pieces } from './pieces.ts';
import type { Termination } from './termination.ts';

export interface JournalOptions {
  readonly callId: string;
  /** Where a bug in this call stops; its clock and ticker are the call's. */
  readonly boundary: Boundary;
  readonly log: Log;
  readonly observers: readonly CallObserver[];
  /** Counts for the whole process what the call counts, while it goes on. */
  readonly total?: Count | undefined;
  /** Aborts when the call ends. */
  readonly signal: AbortSignal;
}

/** What one call counts and tells, and what its legs are given for it. */
export class Journal {
  readonly counters: Partial<Record<Counter, number>> = {};
  readonly #options: JournalOptions;
  readonly #createdAt: number;
  readonly #pieces = new Pieces();
  /** What waits until something urgent is done; undefined while nothing is. */
  #untold: CallEvent[] | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#createdAt = options.boundary.clock.now();
  }

  readonly count = (counter: Counter, n = 1): void => {
    this.counters[counter] = (this.counters[counter] ?? 0) + n;
    this.#options.total?.(counter, n);
  };

  readonly tell = (event: CallEvent): void => {
    const { observers, callId, log } = this.#options;
    if (this.#untold === undefined) notify(observers, callId, event, log, this.count);
    else this.#untold.push(event);
  };

  /**
   * Does what is urgent, and tells then what there is to tell of it, in its order: a caller who cuts in does not wait until all who watch have
   * done with the news that he speaks.
   */
  first(urgent: () => void): void {
    if (this.#untold !== undefined) {
      urgent();
      return;
    }
    const untold: CallEvent[] = [];
    this.#untold = untold;
    try {
      urgent();
    } finally {
      this.#untold = undefined;
      for (const event of untold) this.tell(event);
    }
  }

  /** Tells an event of the agent's leg, and counts what is worth it. */
  agent(event: AgentEvent): void {
    // The next session knows the items of this one no more.
    if (event.type === 'reconnecting') this.#endWords();
    this.tell({ type: 'agent', event });
    if (event.type === 'transcript') {
      const whole = this.#pieces.add(event);
      if (whole !== undefined) this.tell({ type: 'agent', event: whole });
    }
    if (event.type === 'error') this.count('model_error');
    if (event.type !== 'transport_fallback') return;
    this.count('transport_fallback');
    const { from: fromTransport, to: toTransport, reason } = event;
    this.#options.log.warn({ fromTransport, toTransport, reason }, 'the transport to the model fell back');
  }

  /** The call is over and closed: its last line in the log, and the last event that is told of it. */
  end(end: Termination): void {
    const { boundary, log } = this.#options;
    const { counters } = this;
    const durationMs = boundary.clock.now() - this.#createdAt;
    this.#endWords();
    log.info({ ...end, durationMs: Math.round(durationMs), counters }, 'call ended');
    this.tell({ type: 'call_ended', end, durationMs, counters });
  }

  /** The call goes on at another instance: what is told last of it here. */
  moved(to: string): void {
    const { boundary, log } = this.#options;
    const durationMs = boundary.clock.now() - this.#createdAt;
    this.#endWords();
    log.info({ to, durationMs: Math.round(durationMs) }, 'the call goes on at another instance');
    this.tell({ type: 'call_moved', to, durationMs });
  }

  /** What was being said when it ended was said as far as it was told. */
  #endWords(): void {
    for (const event of this.#pieces.rest()) this.tell({ type: 'agent', event });
  }

  /** What a leg is started with. Once the call is over, nothing that the leg says reaches it. */
  context<E>(leg: string, peer: AudioSink, emit: (event: E) => void): LegContext<E> {
    const { callId, boundary, log, signal } = this.#options;
    return {
      callId,
      peer: boundary.sink(peer),
      emit: (event) => {
        if (!signal.aborted) boundary.run(() => emit(event));
      },
      count: this.count,
      log: log.child({ leg }),
      clock: boundary.clock,
      ticker: boundary.ticker,
      signal,
    };
  }
}
