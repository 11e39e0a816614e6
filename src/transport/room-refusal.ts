import { BridgeError, errorMessage } from '../errors.ts';

/** The library's error in words of ours: its own hold the token. */
export function connectError(error: unknown): BridgeError {
  const status = Number(/client error: (\d{3})/.exec(errorMessage(error))?.[1]);
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
    const why = status === 404 ? 'there is no such room' : 'the key, the secret or the clock is wrong';
    return new BridgeError('LIVEKIT_REFUSED', `LiveKit's server refuses the agent with ${status}: ${why}`, { status });
  }
  const network = /connection refused|dns|lookup|certificate|tls|timed? ?out|unreachable|reset/i.exec(
    errorMessage(error),
  );
  return new BridgeError(
    'LIVEKIT_UNREACHABLE',
    `LiveKit's server cannot be reached${network === null ? '' : `: ${network[0].toLowerCase()}`}`,
    { retryable: true },
  );
}
