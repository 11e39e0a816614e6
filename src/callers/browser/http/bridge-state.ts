import { type Termination, type TerminationReason, termination } from '../../../call/termination.ts';
import type { ErrorCode } from '../../../errors.ts';
import { ApiError } from '../../../http/api-error.ts';
import type { Arrival, MadeCall } from '../../../intake/intake.ts';
import type { BrowserLeg } from '../leg.ts';

/** What a page is told of a failure: a code of `docs/errors.md`. */
export interface Trouble {
  readonly code: ErrorCode | 'NO_MORE_CALLS';
  readonly message: string;
}

export interface BridgeInit {
  readonly conversationId: string;
  /** Whether an operator placed it. */
  readonly operator: boolean;
  readonly arrival: Arrival;
  /** Told once, when all of it is freed. */
  readonly closed: () => void;
}

/** One call of a page, from its offer on: what there is of it, and how to be rid of it at any moment. */
export class Bridge {
  readonly conversationId: string;
  readonly callId: string;
  readonly operator: boolean;
  readonly arrival: Arrival;
  /** There is none before the page is reached: an offer alone gets neither a place among the calls nor a session of the model's. */
  call: MadeCall | undefined;
  leg: BrowserLeg | undefined;
  readonly #init: BridgeInit;
  #making: Promise<unknown> = Promise.resolve();
  #ended: Termination | undefined;
  #trouble: Trouble | undefined;
  #connected = false;

  constructor(init: BridgeInit) {
    this.#init = init;
    this.conversationId = init.conversationId;
    this.callId = init.arrival.id;
    this.operator = init.operator;
    this.arrival = init.arrival;
  }

  /** Throws when the bridge was closed meanwhile. */
  check(): void {
    if (this.#ended !== undefined) throw refusal(this.#ended);
  }

  get isClosed(): boolean {
    return this.#ended !== undefined;
  }

  /** The page is connected: it can be told what went wrong until now. */
  connected(): void {
    this.#connected = true;
    this.arrival.connected();
    if (this.#trouble !== undefined) this.fail(this.#trouble);
  }

  /** Tells the page why its call will not go on, now or when it is connected. */
  fail(trouble: Trouble): void {
    this.#trouble = trouble;
    if (this.#connected) this.leg?.tell(JSON.stringify({ type: 'error', ...trouble }), false);
  }

  /** The work of making it, which `close` waits for. */
  making<T>(work: Promise<T>): Promise<T> {
    this.#making = work.catch(() => {});
    return work;
  }

  /** Ends it, however far it has come; resolves when all is freed. The first reason wins; never rejects. */
  async close(end: Termination): Promise<void> {
    this.#ended ??= end;
    const reason = this.#ended;
    // What runs is stopped first, so that the work that waits for it comes to its end.
    await this.call?.end(reason);
    await this.#making;
    await this.call?.end(reason);
    await this.leg?.close(reason);
    this.arrival.free();
    this.#init.closed();
  }
}

/** What the one who asked for the call is told when it was closed before it was answered. */
function refusal(end: Termination): ApiError {
  if (end.reason === 'stream-replaced')
    return new ApiError(409, 'BRIDGE_REPLACED', 'a newer call of this conversation took its place');
  return new ApiError(409, 'CALL_ENDED', 'the call was ended while it was made');
}

/** The error behind a reason of the agent's end. */
const MODEL_ERRORS: Partial<Record<TerminationReason, Trouble>> = {
  'model-auth': { code: 'MODEL_AUTH', message: 'the model refuses the key' },
  'model-quota': { code: 'MODEL_QUOTA', message: "the model's account has no credit left" },
  'model-rejected': { code: 'MODEL_REJECTED', message: 'the model refuses the session' },
  'model-format-mismatch': { code: 'MODEL_FORMAT_MISMATCH', message: "the model's audio does not fit" },
  'model-unconfirmed': {
    code: 'MODEL_SESSION_UNCONFIRMED',
    message: 'the model did not confirm the session as it was asked for',
  },
  'model-rate-limited': { code: 'MODEL_RATE_LIMITED', message: 'the model asks to come back later' },
  'model-session-lost': { code: 'MODEL_SESSION_LOST', message: 'the session broke and could not be built again' },
  'dial-busy': { code: 'DIAL_BUSY', message: 'the number is busy' },
  'dial-no-answer': { code: 'DIAL_NO_ANSWER', message: 'nobody answered' },
  'dial-refused': { code: 'DIAL_REFUSED', message: 'the call to the number was refused' },
  'dial-forbidden': { code: 'DIAL_FORBIDDEN', message: 'the number may not be called' },
  'dial-limit': { code: 'DIAL_LIMIT', message: 'no more numbers can be called at the moment' },
  'dial-machine': { code: 'DIAL_MACHINE', message: 'a machine took the call' },
  'dial-failed': { code: 'DIAL_FAILED', message: 'the call to the number failed' },
};

/** What a page is told whose agent ended like this; undefined where nothing went wrong. */
export function modelTrouble(end: Termination): Trouble | undefined {
  if (!/^(model|dial)-/.test(end.reason)) return undefined;
  return MODEL_ERRORS[end.reason] ?? { code: 'MODEL_UNAVAILABLE', message: 'the model cannot be reached' };
}

/** How a call ends for which there was no room any more when its page was connected. */
export const noRoomLeft = (): Termination => termination('no-stream', 'there was no room for the page any more');
