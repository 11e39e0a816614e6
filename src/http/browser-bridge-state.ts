import type { Calls } from '../call/calls.ts';
import { type Termination, type TerminationReason, termination } from '../call/termination.ts';
import type { BrowserLeg } from '../callers/browser/leg.ts';
import { BridgeError, type ErrorCode } from '../errors.ts';
import { ApiError } from './api-error.ts';

type Call = ReturnType<Calls['create']>;

/** One call of a page, from its request on: what there is of it, and how to be rid of it at any moment. */
export class Bridge {
  readonly conversationId: string;
  readonly callId: string;
  /** Whether an operator placed it. */
  readonly operator: boolean;
  call: Call | undefined;
  leg: BrowserLeg | undefined;
  /** Resolves when the model's session is confirmed; rejects with the MODEL_* error, or when the bridge is closed before. */
  readonly model: Promise<void>;
  readonly #model = Promise.withResolvers<void>();
  #making: Promise<unknown> = Promise.resolve();
  #ended: Termination | undefined;
  #lost: Termination | undefined;

  constructor(conversationId: string, callId: string, operator: boolean) {
    this.conversationId = conversationId;
    this.callId = callId;
    this.operator = operator;
    this.model = this.#model.promise;
    // It may fail before anybody waits for it.
    this.model.catch(() => {});
  }

  modelReady(): void {
    this.#model.resolve();
  }

  /** The agent gave up; undefined: it neither came nor gave up in time. */
  modelLost(end: Termination | undefined): void {
    this.#lost = end ?? termination('model-unavailable', 'the model was not there in time');
    this.#model.reject(
      end === undefined
        ? new BridgeError('MODEL_TIMEOUT', 'the model was not there in time', { status: 503, retryable: true })
        : modelError(end),
    );
  }

  /** Why there is no model. */
  get lost(): Termination | undefined {
    return this.#lost;
  }

  /** Throws when the bridge was closed meanwhile. */
  check(): void {
    if (this.#ended !== undefined) throw refusal(this.#ended);
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
    this.#model.reject(refusal(reason));
    // What runs is stopped first, so that the work that waits for it comes to its end.
    await this.call?.end(reason);
    await this.#making;
    await this.call?.end(reason);
    await this.leg?.close(reason);
  }
}

/** What the one who asked for the call is told when it was closed before it was made. */
function refusal(end: Termination): ApiError {
  if (end.reason === 'stream-replaced')
    return new ApiError(409, 'BRIDGE_REPLACED', 'a newer call of this conversation took its place');
  return new ApiError(409, 'CALL_ENDED', 'the call was ended while it was made');
}

/** The error behind a reason of the agent's end. */
const MODEL_ERRORS: Partial<Record<TerminationReason, { code: ErrorCode; status: 502 | 503; message: string }>> = {
  'model-auth': { code: 'MODEL_AUTH', status: 502, message: 'the model refuses the key' },
  'model-quota': { code: 'MODEL_QUOTA', status: 502, message: "the model's account has no credit left" },
  'model-rejected': { code: 'MODEL_REJECTED', status: 502, message: 'the model refuses the session' },
  'model-format-mismatch': { code: 'MODEL_FORMAT_MISMATCH', status: 502, message: "the model's audio does not fit" },
  'model-unconfirmed': {
    code: 'MODEL_SESSION_UNCONFIRMED',
    status: 502,
    message: 'the model did not confirm the session as it was asked for',
  },
  'model-rate-limited': { code: 'MODEL_RATE_LIMITED', status: 503, message: 'the model asks to come back later' },
};

function modelError(end: Termination): BridgeError {
  const { code, status, message } = MODEL_ERRORS[end.reason] ?? {
    code: 'MODEL_UNAVAILABLE',
    status: 503,
    message: 'the model cannot be reached',
  };
  return new BridgeError(code, message, {
    status,
    retryable: status === 503,
    ...(status === 503 ? { retryAfterMs: 5_000 } : {}),
  });
}
