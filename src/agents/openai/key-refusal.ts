import type { Clock } from '../../call/clock.ts';
import { errorMessage } from '../../errors.ts';
import { modelFetch, modelHttpError } from '../common/http.ts';
import { authHeaders, type ResolvedOptions } from './options.ts';
import { restUrl } from './urls.ts';

/** How long the answer may take, ms. */
const TIMEOUT_MS = 8_000;

/**
 * Whether the model's API refuses the standard key: by a list of models, which costs nothing and opens no session. Resolves to the refusal in the
 * server's words, without secrets. Undefined for everything else: a key may be forbidden the list (403) and be good for calls, and a server may not have
 * one. https://developers.openai.com/api/reference/resources/models/methods/list
 */
export async function keyRefusal(
  { baseUrl, apiKey, headers }: Pick<ResolvedOptions, 'baseUrl' | 'apiKey' | 'headers'>,
  clock: Clock,
  fetch?: typeof globalThis.fetch,
): Promise<string | undefined> {
  try {
    const response = await modelFetch({
      url: restUrl(baseUrl, 'models'),
      headers: authHeaders({ apiKey, headers }),
      timeoutMs: TIMEOUT_MS,
      clock,
      signal: new AbortController().signal,
      ...(fetch === undefined ? {} : { fetch }),
    });
    if (response.status !== 401) return undefined;
    return errorMessage(await modelHttpError(response));
  } catch {
    // Whether it can be reached at all is another's question.
    return undefined;
  }
}
