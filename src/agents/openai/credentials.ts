import { z } from 'zod';
import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { Log } from '../../call/leg.ts';
import { BridgeError } from '../../errors.ts';
import { backoffMs, withRetry } from '../../transport/retry.ts';
import { modelFetch, modelHttpError } from '../common/http.ts';
import { authHeaders, type ResolvedOptions } from './options.ts';
import { keySession } from './session.ts';
import { restUrl } from './urls.ts';

/**
 * The key of a call: minted for it, short-lived, never logged and never used for another. A key may open several sessions until it
 * expires, so the fallback from WebRTC to the WebSocket uses the same; a reconnect later mints a new one.
 * https://platform.openai.com/docs/api-reference/realtime-sessions/create-realtime-client-secret
 */

export interface KeyRequest {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly count: Count;
  readonly log: Log;
  /** For all tries together, ms. */
  readonly budgetMs: number;
}

/** GA answers `{value}`, the beta `{client_secret: {value}}`. */
const keyAnswer = z.union([
  z.object({ value: z.string().min(1) }).transform((answer) => answer.value),
  z.object({ client_secret: z.object({ value: z.string().min(1) }) }).transform((answer) => answer.client_secret.value),
]);

const FIRST_PAUSE_MS = 200;
/** A pause shorter than this before the budget's end leaves no time for an answer. */
const LEAST_TRY_MS = 200;

/**
 * The bearer for one session; undefined when the deployment takes its standing headers instead (`keyApi: 'none'`). Tries again after
 * 429, 5xx and time-outs, with jitter and as long as Retry-After and the budget allow; never after a refusal of the key or for want of
 * money. Rejects with MODEL_AUTH, MODEL_QUOTA, MODEL_RATE_LIMITED, MODEL_UNAVAILABLE, MODEL_TIMEOUT, MODEL_REJECTED or MODEL_PROTOCOL.
 */
export async function mintKey(options: ResolvedOptions, request: KeyRequest): Promise<string | undefined> {
  if (options.keyApi === 'none') return undefined;
  const deadline = request.clock.now() + request.budgetMs;
  const once = () => {
    const left = deadline - request.clock.now();
    // A try that hangs must leave time for another: half the budget, and all that is left for the last.
    return mintOnce(options, request, Math.min(left, Math.max(LEAST_TRY_MS, request.budgetMs / 2)));
  };
  const waitMs = (error: unknown, tries: number) => {
    if (!(error instanceof BridgeError) || !error.retryable) return undefined;
    const pause = Math.max(error.retryAfterMs ?? 0, backoffMs(FIRST_PAUSE_MS, tries, options.random));
    if (request.clock.now() + pause + LEAST_TRY_MS > deadline) return undefined;
    request.count('model_retry');
    const attempt = tries - 1;
    request.log.debug({ code: error.code, pauseMs: Math.round(pause), attempt }, 'key not given, trying again');
    return pause;
  };
  return withRetry(once, { clock: request.clock, signal: request.signal, waitMs });
}

async function mintOnce(options: ResolvedOptions, request: KeyRequest, timeoutMs: number): Promise<string> {
  const beta = options.keyApi === 'sessions';
  const session = keySession(options);
  const body = beta ? session : { expires_after: { anchor: 'created_at', seconds: options.keyTtlSeconds }, session };
  const response = await modelFetch({
    url: restUrl(options.baseUrl, beta ? 'realtime/sessions' : 'realtime/client_secrets'),
    headers: { ...authHeaders(options), 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    timeoutMs,
    clock: request.clock,
    signal: request.signal,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
  if (!response.ok) throw await modelHttpError(response, request.clock.wall());
  const parsed = keyAnswer.safeParse(await response.json().catch(() => undefined));
  if (!parsed.success) throw new BridgeError('MODEL_PROTOCOL', "the model's API answered without a key");
  return parsed.data;
}
