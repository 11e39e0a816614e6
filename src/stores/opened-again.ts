import { BridgeError } from '../errors.ts';

/**
 * What is told whoever asks a database whose thread rested and could not open it again. It was open before, so that is no wrong setting: a full disk, or a lock
 * that another process holds for long. Whoever asked may ask again. Any other error is told as it is. `what`: "the people".
 */
export function notOpenedAgain(error: unknown, what: string): unknown {
  const isOpening = error instanceof BridgeError && /^(CONFIG_INVALID|STORE_SCHEMA_NEWER)$/.test(error.code);
  if (!isOpening) return error;
  return new BridgeError('STORE_UNAVAILABLE', `${what} could not be opened again`, { status: 503, cause: error });
}
