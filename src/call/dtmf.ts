import { type Clock, delay, type Timer } from './clock.ts';
import type { CallerEvent } from './events.ts';

/**
 * What a caller's keys mean: digits are gathered until a terminator, a pause or a maximum, and become one turn of the conversation, or the
 * answer to a tool that asked for them.
 */

export interface DtmfOptions {
  readonly clock: Clock;
  /** Pause after which what was pressed is complete, ms. */
  readonly pauseMs: number;
  /** Digits after which it is complete without a pause. */
  readonly most: number;
  /** Keys that complete it; they are no part of it. "#" as a rule. */
  readonly terminators: string;
  /** Takes a complete entry that nobody asked for. `digits` holds no terminator unless that was the only key. */
  readonly onTurn: (digits: string) => void;
}

export interface GatherOptions {
  /** Digits after which it is complete. */
  readonly max: number;
  /** Keys that complete it, left out of the answer; "" for none. */
  readonly terminators?: string;
  /** Longest wait for the first digit, and then for each further one, ms. */
  readonly timeoutMs: number;
  /** Whether the digits are nobody else's to see (a card, a PIN): events and logs then get masks. */
  readonly sensitive?: boolean;
  readonly signal?: AbortSignal;
}

interface Gathering extends Required<Pick<GatherOptions, 'max' | 'terminators' | 'timeoutMs' | 'sensitive'>> {
  readonly settle: (digits: string) => void;
}

/** What stands for a digit that is not to be seen; no key. */
export const MASK = 'x';
const KEY = /^[0-9*#A-D]$/;

export class DtmfCollector {
  readonly #o: DtmfOptions;
  #digits = '';
  #timer: Timer | undefined;
  #gathering: Gathering | undefined;
  #closed = false;

  constructor(options: DtmfOptions) {
    this.#o = options;
  }

  /** Whether a tool is waiting for digits. */
  get gathering(): boolean {
    return this.#gathering !== undefined;
  }

  /** Whether what is pressed now must not be seen. */
  get sensitive(): boolean {
    return this.#gathering?.sensitive ?? false;
  }

  /** Whether keys were pressed that are not complete yet. */
  get pending(): boolean {
    return this.#digits !== '';
  }

  /** A key was pressed: 0-9, *, #, A-D; anything else is ignored. */
  press(key: string): void {
    if (this.#closed || !KEY.test(key)) return;
    this.#take(key);
  }

  /**
   * Waits for digits and resolves with what came, perhaps nothing: until a terminator, `max` digits or `timeoutMs` without one. Keys
   * pressed just before count (people type ahead). While it waits no key becomes a turn. Resolves early when the call ends or the signal
   * aborts. Rejects with a RangeError when `max` is not positive, and with an Error when another tool is waiting already.
   */
  gather(options: GatherOptions): Promise<string> {
    const { max, timeoutMs, terminators = '#', sensitive = false, signal } = options;
    if (!(max >= 1 && timeoutMs > 0))
      return Promise.reject(new RangeError('gather: max and timeoutMs must be positive'));
    if (this.#gathering !== undefined) return Promise.reject(new Error('digits are already being gathered'));
    if (this.#closed || signal?.aborted) return Promise.resolve('');
    return new Promise((resolve) => {
      const onAbort = () => this.#complete();
      signal?.addEventListener('abort', onAbort, { once: true });
      const settle = (digits: string) => {
        signal?.removeEventListener('abort', onAbort);
        resolve(digits);
      };
      this.#gathering = { max, timeoutMs, terminators, sensitive, settle };
      const ahead = this.#digits;
      this.#digits = '';
      this.#arm(timeoutMs);
      for (const key of ahead) this.#take(key);
    });
  }

  /** The call is over: whoever waits gets what came so far, and nothing is told any more. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#gathering !== undefined) this.#complete();
    this.#timer?.cancel();
    this.#digits = '';
  }

  #take(key: string): void {
    const gathering = this.#gathering;
    const { terminators, most } =
      gathering === undefined ? this.#o : { terminators: gathering.terminators, most: gathering.max };
    if (terminators.includes(key)) {
      // Alone it is an answer too: "press pound to go on".
      if (gathering === undefined && this.#digits === '') this.#digits = key;
      this.#complete();
      return;
    }
    this.#digits += key;
    if (this.#digits.length >= most) this.#complete();
    else this.#arm(gathering?.timeoutMs ?? this.#o.pauseMs);
  }

  #arm(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#o.clock.after(ms, () => this.#complete());
  }

  #complete(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const digits = this.#digits;
    const gathering = this.#gathering;
    this.#digits = '';
    this.#gathering = undefined;
    if (gathering !== undefined) gathering.settle(digits);
    else if (digits !== '' && !this.#closed) this.#o.onTurn(digits);
  }
}

/** The turn that the model gets for keys: apart from each other, so that they are read as digits and not as a number. */
export function keypadTurn(digits: string): string {
  return `[The caller pressed on the keypad: ${[...digits].join(' ')}]`;
}

/** A caller's event as others may see it: without the digit. */
export function maskedEvent(event: CallerEvent): CallerEvent {
  return event.type === 'dtmf' ? { ...event, digit: MASK } : event;
}

/** Digits as a log may show them: how many, not which. */
export function maskDigits(digits: string): string {
  return MASK.repeat(digits.length);
}

/** From one digit to the next, and what `w` adds, ms: receivers need a gap between keys (ITU-T Q.24). */
const DIGIT_SPACING_MS = 200;
const PAUSE_MS = 500;

/**
 * Sends digits one after the other by a leg that carries them (`CallerLeg.sendDigit`), with the pauses that `w` asks for. Resolves false when
 * the leg cannot, and rejects with the signal's reason when it aborts on the way.
 */
export async function playDigits(
  digits: string,
  send: ((digit: string) => boolean) | undefined,
  clock: Clock,
  signal?: AbortSignal,
): Promise<boolean> {
  if (send === undefined) return false;
  for (const [index, digit] of [...digits].entries()) {
    if (digit === 'w') await delay(clock, PAUSE_MS, signal);
    else {
      if (!send(digit)) return false;
      if (index < digits.length - 1) await delay(clock, DIGIT_SPACING_MS, signal);
    }
  }
  return true;
}
