import { describe, expect, it } from 'vitest';
import { socketError } from '../../../../src/agents/common/socket-error.ts';
import { terminationOf } from '../../../../src/agents/common/termination.ts';
import { BridgeError } from '../../../../src/errors.ts';

describe('a WebSocket that a provider refuses', () => {
  const refused = (status: number, retryAfterMs?: number) =>
    socketError(
      new BridgeError('SOCKET_REFUSED', `the WebSocket was refused with HTTP ${status}`, {
        status,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      }),
    );

  it('says with what and how long it asks to be left alone, as an answer of its API does', () => {
    expect(refused(429, 7_000)).toMatchObject({ code: 'MODEL_RATE_LIMITED', retryable: true, retryAfterMs: 7_000 });
    expect(refused(503, 9_000)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true, retryAfterMs: 9_000 });
    expect(refused(429)).toMatchObject({ code: 'MODEL_RATE_LIMITED', retryAfterMs: undefined });
    expect(refused(401)).toMatchObject({ code: 'MODEL_AUTH', retryable: false, status: 401 });
  });

  it('ends the call with that, so that whoever calls again knows when', () => {
    expect(terminationOf(refused(429, 7_000))).toMatchObject({ reason: 'model-rate-limited', retryAfterMs: 7_000 });
  });
});
