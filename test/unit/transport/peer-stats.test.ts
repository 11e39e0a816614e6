import { describe, expect, it } from 'vitest';
import { qualityOf } from '../../../src/transport/peer-stats.ts';

describe('qualityOf', () => {
  it('picks the line of the log from a report', () => {
    expect(
      qualityOf([
        { id: 'T', type: 'transport', selectedCandidatePairId: 'P' },
        { id: 'P0', type: 'candidate-pair', nominated: true, state: 'succeeded', localCandidateId: 'x' },
        { id: 'P', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R', currentRoundTripTime: 0.5 },
        { id: 'L', type: 'local-candidate', protocol: 'udp', candidateType: 'host' },
        { id: 'R', type: 'remote-candidate', protocol: 'udp', candidateType: 'prflx' },
        { id: 'C', type: 'codec', mimeType: 'audio/opus' },
        {
          id: 'I',
          type: 'inbound-rtp',
          kind: 'audio',
          codecId: 'C',
          packetsReceived: 500,
          packetsLost: 3,
          jitter: 0.0023,
          jitterBufferDelay: 48_000 * 0.06,
          jitterBufferEmittedCount: 48_000,
          totalSamplesReceived: 48_000,
          concealedSamples: 480,
        },
        { id: 'O', type: 'outbound-rtp', kind: 'audio', packetsSent: 400 },
        { id: 'RI', type: 'remote-inbound-rtp', packetsLost: 2, roundTripTime: 0.0321 },
      ]),
    ).toEqual({
      codec: 'audio/opus',
      packetsSent: 400,
      packetsReceived: 500,
      packetsLost: 3,
      remotePacketsLost: 2,
      jitterMs: 2.3,
      roundTripMs: 32.1,
      jitterBufferMs: 60,
      concealedRatio: 0.01,
      path: 'udp host>prflx',
    });
  });

  it('takes whatever there is', () => {
    expect(qualityOf([])).toEqual({});
    expect(
      qualityOf([
        { type: 'inbound-rtp', kind: 'audio', packetsReceived: 'x', jitter: Number.NaN, jitterBufferEmittedCount: 0 },
      ]),
    ).toEqual({});
  });
});
