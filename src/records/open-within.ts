import { type Clock, delay } from '../call/clock.ts';
import { BridgeError, errorCode, errorMessage } from '../errors.ts';

/** How long a start waits for a store before it goes on without it, ms. */
const OPEN_MS = 6_000;

interface Opening {
  open(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Waits for a store, not for ever. What only an operator can put right ends the start; where it is away otherwise `away` is told why, and the daemon goes on: who uses the store
 * tries again.
 */
export async function openWithin(
  store: Opening,
  clock: Pick<Clock, 'after'>,
  away: (why: { readonly code: string; readonly reason: string }) => void,
): Promise<void> {
  const waiting = new AbortController();
  const late = delay(clock, OPEN_MS, waiting.signal).then(() => {
    throw new BridgeError('STORE_UNAVAILABLE', `the store did not answer within ${OPEN_MS / 1_000} s`);
  });
  try {
    await Promise.race([store.open(), late]);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'CONFIG_INVALID' || code === 'STORE_SCHEMA_NEWER') {
      await store.close();
      throw error;
    }
    away({ code, reason: errorMessage(error) });
  } finally {
    waiting.abort();
  }
}
