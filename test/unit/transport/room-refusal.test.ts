import { describe, expect, it } from 'vitest';
import { connectError } from '../../../src/transport/room-refusal.ts';
import { readStats } from '../../../src/transport/room-stats.ts';

const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJuYW1lIjoieCJ9.c2lnbmF0dXJl';
const signal = (text: string) => new Error(`engine: signal failure: ${text}`);

describe('an error of connecting to a room', () => {
  it.each([
    [401, 'the key, the secret or the clock is wrong'],
    [403, 'the key, the secret or the clock is wrong'],
    [404, 'there is no such room'],
  ])('of status %i is a refusal', (status, why) => {
    const error = connectError(signal(`client error: ${status} Unauthorized - invalid token: ${TOKEN}, error: x`));
    expect(error).toMatchObject({ code: 'LIVEKIT_REFUSED', status, retryable: false });
    expect(error.message).toContain(why);
  });

  it.each([
    'transport connection error: IO error: Connection refused (os error 111)',
    'client error: 429 Too Many Requests - slow down',
    'server error: 503 Service Unavailable',
    'timeout: signal client took too long',
  ])('may be gone a moment later: %s', (text) => {
    expect(connectError(signal(text))).toMatchObject({ code: 'LIVEKIT_UNREACHABLE', retryable: true });
  });

  it('never says the token, which the library’s own does', () => {
    for (const status of [401, 500]) {
      const { message, cause } = connectError(signal(`client error: ${status} - invalid token: ${TOKEN}`));
      expect(message).not.toContain(TOKEN.slice(0, 10));
      expect(cause).toBeUndefined();
    }
  });
});

describe('the statistics of a room', () => {
  it('are sums of both connections, and the worst of jitter and round trip', () => {
    const inbound = (packetsReceived: bigint, packetsLost: bigint, jitter: number) => ({
      stats: {
        case: 'inboundRtp',
        value: {
          received: { packetsReceived, packetsLost, jitter },
          // A sample waits ten times the jitter.
          inbound: { jitterBufferDelay: 480 * jitter * 10, jitterBufferEmittedCount: 480n },
        },
      },
    });
    const pair = (nominated: boolean, currentRoundTripTime: number) => ({
      stats: { case: 'candidatePair', value: { candidatePair: { nominated, currentRoundTripTime } } },
    });
    const entries = [
      { stats: { case: 'outboundRtp', value: { sent: { packetsSent: 7n } } } },
      inbound(10n, 1n, 0.002),
      inbound(20n, 2n, 0.009),
      pair(true, 0.03),
      pair(false, 5),
      { stats: { case: 'codec', value: {} } },
      { stats: {} },
    ];
    expect(readStats(entries)).toEqual({
      rttMs: 30,
      jitterMs: 9,
      jitterBufferMs: 90,
      jitterBufferLatelyMs: 90,
      packetsSent: 7,
      packetsReceived: 30,
      packetsLost: 3,
    });
  });

  it('say nothing of what is not known yet', () => {
    expect(readStats([])).toMatchObject({
      ...{ rttMs: undefined, jitterMs: undefined, jitterBufferMs: undefined },
      packetsSent: 0,
    });
  });
});
