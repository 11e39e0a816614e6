import type { Clock } from '../../call/clock.ts';
import { BridgeError } from '../../errors.ts';
import { scrubQuoted } from '../../log.ts';
import { ExchangeError, exchange, retryAfterMs } from '../../transport/http.ts';
import { withRetry } from '../../transport/retry.ts';

/** Requests to the service that assesses runs: transcription and a judge. Bounded in time and size; no message holds a key or words. */

export interface ServiceAddress {
  /** With its version's path: `https://models.example.com/v1`. */
  readonly url: string;
  readonly key: string;
  /** What it is known by where its address is another with each start. */
  readonly name?: string;
}

export interface ServiceDeps {
  readonly clock: Clock;
  readonly fetch?: typeof fetch | undefined;
}

/** What may be asked of it. */
export interface Service {
  /** Posts to a path below the address; resolves with the answer as JSON. Rejects with ASSESSMENT_REFUSED, ASSESSMENT_UNAVAILABLE, ASSESSMENT_INVALID. */
  post(
    path: string,
    body: Readonly<Record<string, unknown>> | (() => FormData),
    signal?: AbortSignal,
  ): Promise<unknown>;
}

/** For one request, ms: a long conversation takes a judge some time. */
const TIMEOUT_MS = 120_000;
const MOST_BYTES = 4 * 1024 * 1024;
const ATTEMPTS = 3;
/** Wait before the second attempt, doubled for the third, ms; what the service asks for stands over it, up to so much. */
const RETRY_MS = 1_000;
const RETRY_MOST_MS = 30_000;

const invalid = (path: string, why: string) => new BridgeError('ASSESSMENT_INVALID', `${path}: ${why}`);

export function openService({ url, key }: ServiceAddress, { clock, fetch }: ServiceDeps): Service {
  const [base = url, query] = url.split('?');
  const ask = async (path: string, body: Parameters<Service['post']>[1], signal?: AbortSignal): Promise<unknown> => {
    const json = typeof body !== 'function';
    const answer = await exchange({
      url: `${base.replace(/\/+$/, '')}${path}${query === undefined ? '' : `?${query}`}`,
      headers: { authorization: `Bearer ${key}`, ...(json ? { 'content-type': 'application/json' } : {}) },
      body: json ? JSON.stringify(body) : body(),
      timeoutMs: TIMEOUT_MS,
      mostBytes: MOST_BYTES,
      clock,
      signal,
      fetch,
    }).catch((error: unknown) => {
      if (signal?.aborted) throw signal.reason;
      if (!(error instanceof ExchangeError)) throw error;
      if (error.failure === 'too-large') throw invalid(path, 'the answer is too large');
      throw new BridgeError('ASSESSMENT_UNAVAILABLE', `${path}: ${scrubQuoted(error.message)}`, { retryable: true });
    });
    const { status } = answer;
    if (status >= 200 && status < 300) {
      try {
        return JSON.parse(answer.body.toString());
      } catch {
        throw invalid(path, 'the answer is no JSON');
      }
    }
    const isLater = status === 429 || status === 408 || status >= 500;
    const wait = retryAfterMs(answer.headers, clock.wall());
    throw new BridgeError(
      isLater ? 'ASSESSMENT_UNAVAILABLE' : 'ASSESSMENT_REFUSED',
      `${path}: the service answered ${status}`,
      { status, retryable: isLater, ...(wait === undefined ? {} : { retryAfterMs: wait }) },
    );
  };
  const waitMs = (error: unknown, tries: number) =>
    error instanceof BridgeError && error.retryable && tries < ATTEMPTS
      ? Math.min(error.retryAfterMs ?? RETRY_MS * 2 ** (tries - 1), RETRY_MOST_MS)
      : undefined;
  return { post: (path, body, signal) => withRetry(() => ask(path, body, signal), { clock, signal, waitMs }) };
}
