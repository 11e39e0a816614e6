import { type Check, fail, pass } from '../../../doctor/check.ts';
import { BridgeError, errorMessage } from '../../../errors.ts';
import type { AgentCheckDeps } from '../../kind.ts';
import { modelFetch, modelHttpError } from '../http.ts';

/** Below a check's own limit, so that its reason is told, ms. */
const TIMEOUT_MS = 8_000;

export interface KeyQuestion {
  /** As the doctor's list has it: "ultravox key". */
  readonly name: string;
  readonly title: string;
  /** The settings of the key and of the API's address, for advice. */
  readonly settings: { readonly key: string; readonly url: string };
  /** Something small that a good key may read. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Asks a provider's API for something small: whether it can be reached, and takes the key. */
export function keyCheck(
  { name, title, settings, url, headers }: KeyQuestion,
  { clock, outside }: Pick<AgentCheckDeps, 'clock' | 'outside'>,
): Check {
  return {
    name,
    async run(signal) {
      try {
        const response = await modelFetch({
          url,
          method: 'GET',
          headers,
          timeoutMs: TIMEOUT_MS,
          clock,
          signal,
          fetch: outside,
        });
        if (!response.ok) throw await modelHttpError(response, clock.wall());
        return pass(`${new URL(url).host} takes ${settings.key}`);
      } catch (error) {
        const code = error instanceof BridgeError ? error.code : 'INTERNAL';
        return fail(`${code}: ${errorMessage(error)}`, adviceFor(code, title, settings));
      }
    },
  };
}

function adviceFor(code: string, title: string, { key, url }: KeyQuestion['settings']): string {
  if (code === 'MODEL_AUTH') return `Put a key of your account with ${title} into ${key}, one that may read.`;
  if (code === 'MODEL_QUOTA') return `Add credit to the account with ${title}.`;
  if (code === 'MODEL_RATE_LIMITED') return 'Wait a minute and ask again.';
  return `Check ${url} (without a version path), DNS, and that this machine may open TCP connections to port 443.`;
}
