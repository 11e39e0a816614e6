import type { Clock } from '../call/clock.ts';
import type { ModelCircuit } from './circuit.ts';
import { isLate } from './loop-delay.ts';
import { TokenBucket } from './token-bucket.ts';

/**
 * Whether one more call may begin. Who is refused hears so at once; nothing that happens here is felt by calls that run.
 */

/** Why a call was refused: a metric label. */
export const REFUSALS = [
  'draining',
  'calls',
  'rate',
  'loop-delay',
  'memory',
  'model',
  'pages',
  'pending',
  'address',
  'shared-memory',
  'fleet',
  'number',
  'caller',
  'account',
] as const;
export type RefusalReason = (typeof REFUSALS)[number];

export type Admitted = { readonly ok: true } | { readonly ok: false; readonly reason: RefusalReason };

export type AdmittedWithPlace =
  | { readonly ok: true; readonly place: Place }
  | Extract<Admitted, { readonly ok: false }>;

/** The place of a call that is admitted. Every method is idempotent. */
export interface Place {
  /** The call is among the calls from now on. False, and nothing is changed, when there is no room for it any more. */
  begin(): Admitted;
  /** The call is over, or never came about. */
  free(): void;
}

export interface AdmissionOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Calls there are now. */
  readonly calls: () => number;
  readonly isDraining: () => boolean;
  /** How late the event loop is, ms: for how it gets `late` the delay it has kept up, for how it gets well again the smoothed one. */
  readonly loopDelayMs: (late: boolean) => number;
  readonly maxCalls: number;
  /** How many of them strangers' pages may have, those that are still connecting included. */
  readonly maxPages: number;
  /** New calls a second on average; 0: as many as come. */
  readonly callsPerSecond: number;
  /** Above this no call is taken, ms; 0: it is not looked at. */
  readonly maxLoopDelayMs: number;
  /** How full the memory is, percent. */
  readonly memoryPercent?: () => number;
  /** Above this no call is taken, percent; 0 or left out: it is not looked at. */
  readonly maxMemoryPercent?: number;
  /** Told when the memory gets too full, and when it is well again. */
  readonly memoryFull?: (full: boolean, percent: number) => void;
  /** Whether what instances share is away, and none may be taken without it; left out: never. */
  readonly sharedAway?: () => boolean;
  /** Which models refuse calls; without it none does. */
  readonly models?: Pick<ModelCircuit, 'admits' | 'spares' | 'isOpen'>;
  /** Told each refusal. */
  readonly refused?: (reason: RefusalReason) => void;
}

/** How many seconds' worth of calls may come at once. */
const BURST_SECONDS = 5;
/** Strangers' pages are refused from this part of it on: what they cost must not keep a caller out. */
const PAGES_LATE = 0.5;
/** The memory is well again so many points below its limit. */
const MEMORY_RECOVERED = 5;

export class Admission {
  readonly #o: AdmissionOptions;
  readonly #bucket: TokenBucket | undefined;
  readonly #pageBucket: TokenBucket | undefined;
  #making = 0;
  /** Strangers' pages, connecting and running; and of those the connecting ones, which no caller has to wait for. */
  #pages = 0;
  #connecting = 0;
  #late = false;
  #full = false;

  constructor(options: AdmissionOptions) {
    this.#o = options;
    const { callsPerSecond, clock, maxCalls, maxPages } = options;
    if (callsPerSecond === 0) return;
    const bucket = (rate: number) => new TokenBucket(rate, Math.max(1, rate * BURST_SECONDS), clock.now());
    this.#bucket = bucket(callsPerSecond);
    this.#pageBucket = bucket((callsPerSecond * maxPages) / maxCalls);
  }

  /** Asked once for what will be a call later, as an order is, and has no place before. */
  admit(): Admitted {
    const reason = this.#standing() ?? this.#tooFast(this.#bucket);
    return reason === undefined ? { ok: true } : this.refuse(reason);
  }

  /** Asked once for each new call, of whatever kind but a stranger's, before anything is made for it. It counts as a call from now on. */
  admitCaller(): AdmittedWithPlace {
    const admitted = this.admit();
    return admitted.ok ? { ok: true, place: this.#place(false) } : admitted;
  }

  /** The place of a call that another instance admitted, and whose caller is here: he is answered, however many there are. */
  takeOver(): Place {
    return this.#place(false, true);
  }

  /**
   * Asked once for each call that a stranger offers, before anything is made for it. He has a share of the places and of the rate that no caller can
   * be refused for: until he is connected he takes no place but another stranger's.
   */
  admitStranger(): AdmittedWithPlace {
    const { maxPages, maxLoopDelayMs, loopDelayMs } = this.#o;
    const reason =
      this.#standing(this.#connecting) ??
      (this.#pages >= maxPages ? 'pages' : undefined) ??
      (maxLoopDelayMs > 0 && loopDelayMs(false) > maxLoopDelayMs * PAGES_LATE ? 'loop-delay' : undefined) ??
      this.#tooFast(this.#pageBucket);
    return reason === undefined ? { ok: true, place: this.#place(true) } : this.refuse(reason);
  }

  /** Asked once for each call that is ordered, before anybody is rung: when it is answered it is asked for as any other. */
  admitOrder(model: string): Admitted {
    const foreseen = this.foresee(model);
    return foreseen.ok ? this.admit() : foreseen;
  }

  /** Whether a call to this model would be refused now. For one that begins only later, and asks again then (`admitModel`). */
  foresee(model: string): Admitted {
    return this.#o.models?.spares(model) === true ? this.refuse('model') : { ok: true };
  }

  /** Asked once for each call that was admitted, when it is known which model is to answer it. */
  admitModel(model: string): Admitted {
    return this.#o.models?.admits(model) === false ? this.refuse('model') : { ok: true };
  }

  /** Whether the next caller would be refused for want of room or of time; asks nothing of the rate. For readiness. */
  get overloaded(): boolean {
    const reason = this.#standing();
    return reason !== undefined && reason !== 'draining';
  }

  /** Whether callers are refused because what instances share is away. For readiness. */
  get sharedAway(): boolean {
    return this.#o.sharedAway?.() ?? false;
  }

  /** Whether callers of this model are refused at the moment. For readiness. */
  refusesModel(model: string): boolean {
    return this.#o.models?.isOpen(model) ?? false;
  }

  /** `answered`: there is somebody who cannot be refused any more. */
  #place(stranger: boolean, answered = false): Place {
    let state: 'connecting' | 'running' | 'free' = 'connecting';
    // A caller's call is one that is being made until it is among the calls.
    if (stranger) {
      this.#pages++;
      this.#connecting++;
    } else this.#making++;
    const connected = () => {
      if (state !== 'connecting') return;
      if (stranger) this.#connecting--;
      else this.#making--;
    };
    return {
      begin: () => {
        const draining = this.#o.isDraining() ? 'draining' : undefined;
        const reason = stranger ? this.#standing() : answered ? undefined : draining;
        if (reason !== undefined) return this.refuse(reason);
        connected();
        if (state === 'connecting') state = 'running';
        return { ok: true };
      },
      free: () => {
        connected();
        if (stranger && state !== 'free') this.#pages--;
        state = 'free';
      },
    };
  }

  /** Counts a refusal: one of its own, or one that was decided elsewhere. */
  refuse(reason: RefusalReason): Extract<Admitted, { ok: false }> {
    this.#o.refused?.(reason);
    return { ok: false, reason };
  }

  #tooFast(bucket: TokenBucket | undefined): RefusalReason | undefined {
    return bucket !== undefined && bucket.take(this.#o.clock.now()) > 0 ? 'rate' : undefined;
  }

  /** `more`: places that are taken although no call has them yet. */
  #standing(more = 0): RefusalReason | undefined {
    const { calls, isDraining, loopDelayMs, maxCalls, maxLoopDelayMs } = this.#o;
    if (isDraining()) return 'draining';
    if (this.sharedAway) return 'shared-memory';
    if (calls() + this.#making + more >= maxCalls) return 'calls';
    this.#late = maxLoopDelayMs > 0 && isLate(loopDelayMs, maxLoopDelayMs, this.#late);
    if (this.#late) return 'loop-delay';
    return this.#isFull() ? 'memory' : undefined;
  }

  #isFull(): boolean {
    const { memoryPercent, maxMemoryPercent = 0, memoryFull } = this.#o;
    if (memoryPercent === undefined || maxMemoryPercent === 0) return false;
    const percent = memoryPercent();
    const full = percent > maxMemoryPercent - (this.#full ? MEMORY_RECOVERED : 0);
    if (full !== this.#full) memoryFull?.(full, percent);
    this.#full = full;
    return full;
  }
}
