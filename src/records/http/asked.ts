import { BridgeError } from '../../errors.ts';

/** What the store answers; that it cannot is the store's matter and passes, so the request may be repeated. */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof BridgeError) || error.code !== 'STORE_UNAVAILABLE') throw error;
    throw new BridgeError(error.code, error.message, {
      status: 503,
      retryable: true,
      retryAfterMs: 5_000,
      cause: error,
    });
  }
}
