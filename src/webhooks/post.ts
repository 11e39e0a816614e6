import type { Dispatcher } from 'undici';
import type { Clock } from '../call/clock.ts';
import { errorMessage } from '../errors.ts';
import { signatureHeaders } from '../signing.ts';
import { exchange, retryAfterMs } from '../transport/http.ts';
import { withRetry } from '../transport/retry.ts';
import { undici } from '../transport/undici.ts';

/** Telling a far end something by POST, signed, until it is taken: for webhooks and for the callbacks of ordered calls. */

export interface SignedPost {
  readonly url: string;
  /** The same for all tries of one message: the receiver can tell a repetition. */
  readonly id: string;
  readonly body: string;
  /** Signs as Standard Webhooks has it; without it nothing is signed, and the id and the time are sent all the same. */
  readonly secret?: string | undefined;
  readonly timeoutMs: number;
  readonly dispatcher?: Dispatcher | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface PostAnswer {
  readonly status: number;
  /** How long the far end asks to be left alone, ms. */
  readonly retryAfterMs?: number | undefined;
}

/** Nothing in an answer is of interest; a few kilobytes are read so that the connection can be kept. */
const ANSWER_MOST_BYTES = 16 * 1024;

/** Posts JSON once. Redirects are not followed. Rejects with an `ExchangeError` when there is no answer in time, or the signal aborts. */
export async function postSigned(post: SignedPost): Promise<PostAnswer> {
  const { url, id, body, secret, timeoutMs, dispatcher, clock, signal } = post;
  const seconds = Math.floor(clock.wall() / 1000);
  const { status, headers } = await exchange({
    url,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'voicebridge',
      ...(secret === undefined
        ? { 'webhook-id': id, 'webhook-timestamp': String(seconds) }
        : signatureHeaders(secret, id, seconds, body)),
    },
    body,
    timeoutMs,
    mostBytes: ANSWER_MOST_BYTES,
    restIgnored: true,
    clock,
    signal,
    ...(dispatcher === undefined ? {} : { fetch: through(dispatcher) }),
  });
  return { status, retryAfterMs: retryAfterMs(headers, clock.wall()) };
}

/** `fetch` over connections of our own. Its types are undici's, which are those of the platform at another version. */
function through(dispatcher: Dispatcher): typeof fetch {
  return ((url: string, init: object) => undici().fetch(url, { ...init, dispatcher })) as unknown as typeof fetch;
}

export interface Persistence {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly post: () => Promise<PostAnswer>;
  /** How long to wait after the n-th try in vain (1, 2, …), ms; undefined: no further try. */
  readonly waitMs: (tries: number) => number | undefined;
  /** Whether this answer says that the same will be refused again. */
  readonly isFinal: (status: number) => boolean;
  /** A try was in vain and another follows. */
  readonly retrying?: (why: string) => void;
}

export type Delivered =
  | { readonly outcome: 'delivered' }
  | { readonly outcome: 'refused' | 'exhausted'; readonly why: string };

/** What a far end may ask for at most, ms: what waits behind it must not wait for days. */
const RETRY_AFTER_MOST_MS = 3_600_000;

/** Why a try was in vain. */
class InVain extends Error {
  readonly retryAfterMs: number;

  constructor(why: string, retryAfterMs = 0) {
    super(why);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Posts again and again until it is taken, refused for good, or tried often enough. Rejects only with the signal's reason. */
export async function persist({ clock, signal, post, waitMs, isFinal, retrying }: Persistence): Promise<Delivered> {
  const once = async (): Promise<Delivered> => {
    signal.throwIfAborted();
    const answer = await post().catch((error: unknown) => {
      signal.throwIfAborted();
      throw new InVain(errorMessage(error));
    });
    if (answer.status >= 200 && answer.status <= 299) return { outcome: 'delivered' };
    const why = `HTTP ${answer.status}`;
    if (isFinal(answer.status)) return { outcome: 'refused', why };
    throw new InVain(why, answer.retryAfterMs);
  };
  return withRetry(once, {
    clock,
    signal,
    waitMs(error, tries) {
      if (!(error instanceof InVain)) return undefined;
      const wait = waitMs(tries);
      if (wait === undefined) return undefined;
      retrying?.(error.message);
      return Math.max(wait, Math.min(error.retryAfterMs, RETRY_AFTER_MOST_MS));
    },
  }).catch((error: unknown) => {
    if (error instanceof InVain) return { outcome: 'exhausted', why: error.message };
    throw error;
  });
}
