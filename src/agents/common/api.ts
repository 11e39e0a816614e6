import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import { BridgeError } from '../../errors.ts';
import { jsonObject } from '../../transport/http.ts';
import { attempts } from './attempts.ts';
import { mayBeDone, modelFetch, modelHttpError } from './http.ts';

/** A request to a provider's API for what a call needs before it can be connected: a call, an address, a token. */
export interface ApiRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

export interface ApiContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly count: Count;
  /** When the answer has to be there, ms of the clock. */
  readonly deadline: number;
  readonly fetch?: typeof fetch | undefined;
  readonly random?: () => number;
}

/** One request may take so long, ms: there is time for another. */
const ONE_MS = 4_000;

/**
 * The answer, a JSON object. Asked again while the provider is busy or fails, as long as it says so and the deadline allows; never after a refusal of the
 * key, for want of money, or (POST) where the request may have made a call that nobody would end: it is sent again where it was never read, and after 425, 429 and 503. Rejects with MODEL_AUTH, MODEL_QUOTA,
 * MODEL_RATE_LIMITED, MODEL_UNAVAILABLE, MODEL_TIMEOUT, MODEL_REJECTED, MODEL_PROTOCOL, or the signal's reason.
 */
export function askApi(
  { url, method, headers, body }: ApiRequest,
  context: ApiContext,
): Promise<Readonly<Record<string, unknown>>> {
  const { clock, signal, deadline } = context;
  const once = async () => {
    const response = await modelFetch({
      url,
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMs: Math.max(1, Math.min(ONE_MS, deadline - clock.now())),
      clock,
      signal,
      ...(context.fetch === undefined ? {} : { fetch: context.fetch }),
    });
    if (!response.ok) throw await modelHttpError(response, clock.wall());
    const answer = jsonObject(await response.text());
    if (answer === undefined) throw new BridgeError('MODEL_PROTOCOL', "the agent's API answered no JSON object");
    return answer;
  };
  return attempts(once, { ...context, again: (error) => method === 'GET' || !mayBeDone(error) });
}

/** An address in an answer: of a WebSocket, secured unless the API itself is asked in the clear. Throws MODEL_PROTOCOL; the message has none of it. */
export function socketAddress(value: unknown, apiUrl: string): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  const isClear = apiUrl.startsWith('http://');
  if (url === undefined || (url.protocol !== 'wss:' && !(isClear && url.protocol === 'ws:')))
    throw new BridgeError('MODEL_PROTOCOL', "the agent's API answered without the address of a WebSocket");
  return url.href;
}
