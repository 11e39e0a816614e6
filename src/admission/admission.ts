import type { Clock } from '../call/clock.ts';
import type { ModelCircuit } from './circuit.ts';
import { TokenBucket } from './token-bucket.ts';

/**
 * Whether one more call may begin. Who is refused hears so at once; nothing that happens here is felt by calls that run.
 */

/** Why a call was refused: a metric label. */
export const REFUSALS = ['draining', 'calls', 'rate', 'loop-delay', 'model'] as const;
export type RefusalReason = (typeof REFUSALS)[number];

export type Admitted = { readonly ok: true } | { readonly ok: false; readonly reason: RefusalReason };

export interface AdmissionOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Calls there are now. */
  readonly calls: () => number;
  readonly isDraining: () => boolean;
  /** How late the event loop is, smoothed, ms. */
  readonly loopDelayMs: () => number;
  readonly maxCalls: number;
  /** New calls a second on average; 0: as many as come. */
  readonly callsPerSecond: number;
  /** Above this no call is taken, ms; 0: it is not looked at. */
  readonly maxLoopDelayMs: number;
  /** Which models refuse calls; without it none does. */
  readonly models?: Pick<ModelCircuit, 'admits' | 'spares' | 'isOpen'>;
  /** Told each refusal. */
  readonly refused?: (reason: RefusalReason) => void;
}

/** How many seconds' worth of calls may come at once. */
const BURST_SECONDS = 5;
/** The event loop is well again below this part of the limit: at the limit itself every second call would be refused. */
const RECOVERED = 0.8;

export class Admission {
  readonly #o: AdmissionOptions;
  readonly #bucket: TokenBucket | undefined;
  #making = 0;
  #late = false;

  constructor(options: AdmissionOptions) {
    this.#o = options;
    const { callsPerSecond, clock } = options;
    if (callsPerSecond > 0) this.#bucket = new TokenBucket(callsPerSecond, callsPerSecond * BURST_SECONDS, clock.now());
  }

  /** Asked once for each new call, of whatever kind, before anything is made for it. */
  admit(): Admitted {
    const reason = this.#standing() ?? ((this.#bucket?.take(this.#o.clock.now()) ?? 0) > 0 ? 'rate' : undefined);
    if (reason === undefined) return { ok: true };
    this.#o.refused?.(reason);
    return { ok: false, reason };
  }

  /** Asked once for each call that is ordered, before anybody is rung: when it is answered it is asked for as any other. */
  admitOrder(model: string): Admitted {
    if (this.#o.models?.spares(model) !== true) return this.admit();
    this.#o.refused?.('model');
    return { ok: false, reason: 'model' };
  }

  /** Asked once for each call that was admitted, when it is known which model is to answer it. */
  admitModel(model: string): Admitted {
    if (this.#o.models?.admits(model) !== false) return { ok: true };
    this.#o.refused?.('model');
    return { ok: false, reason: 'model' };
  }

  /** Counts a call that was admitted and is not among the calls yet, while it is made. */
  async making<T>(work: () => Promise<T>): Promise<T> {
    this.#making++;
    try {
      return await work();
    } finally {
      this.#making--;
    }
  }

  /** Whether the next caller would be refused for want of room or of time; asks nothing of the rate. For readiness. */
  get overloaded(): boolean {
    const reason = this.#standing();
    return reason !== undefined && reason !== 'draining';
  }

  /** Whether callers of this model are refused at the moment. For readiness. */
  refusesModel(model: string): boolean {
    return this.#o.models?.isOpen(model) ?? false;
  }

  #standing(): RefusalReason | undefined {
    const { calls, isDraining, loopDelayMs, maxCalls, maxLoopDelayMs } = this.#o;
    if (isDraining()) return 'draining';
    if (calls() + this.#making >= maxCalls) return 'calls';
    if (maxLoopDelayMs === 0) return undefined;
    this.#late = loopDelayMs() > maxLoopDelayMs * (this.#late ? RECOVERED : 1);
    return this.#late ? 'loop-delay' : undefined;
  }
}
