import { BridgeError } from '../../errors.ts';
import { scrubQuoted } from '../../log.ts';
import { codeOfStatus, isRetryable, withoutUrls } from './http.ts';

/** The transport's errors in the model's terms. What is no error of the transport (an abort's reason) passes as it is. */
export function socketError(error: unknown): unknown {
  if (!(error instanceof BridgeError) || !error.code.startsWith('SOCKET_')) return error;
  if (error.code === 'SOCKET_REFUSED') {
    const code = codeOfStatus(error.status ?? 0);
    return new BridgeError(code, `the model refused the WebSocket with HTTP ${error.status}`, {
      retryable: isRetryable(code),
      ...(error.status === undefined ? {} : { status: error.status }),
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    });
  }
  const code = error.code === 'SOCKET_CONNECT_TIMEOUT' ? 'MODEL_TIMEOUT' : 'MODEL_UNAVAILABLE';
  const words = withoutUrls(scrubQuoted(error.message));
  return new BridgeError(code, `the model's WebSocket: ${words}`, { retryable: true });
}
