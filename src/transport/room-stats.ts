import type { LinkStats } from './room-link.ts';

/** What is read of the library's statistics: one entry of a union a thing that is counted. https://www.w3.org/TR/webrtc-stats/ */
export interface StatsEntry {
  readonly stats: { readonly case?: string | undefined; readonly value?: unknown };
}

interface Outbound {
  readonly sent?: { readonly packetsSent?: bigint };
}
interface Inbound {
  readonly received?: { readonly packetsReceived?: bigint; readonly packetsLost?: bigint; readonly jitter?: number };
  readonly inbound?: { readonly jitterBufferDelay?: number; readonly jitterBufferEmittedCount?: bigint };
}
interface Pair {
  readonly candidatePair?: { readonly nominated?: boolean; readonly currentRoundTripTime?: number };
}

/** The sums of what the library says of both its peer connections; the worst of what is no sum. */
export function readStats(entries: readonly StatsEntry[]): LinkStats {
  let rttMs: number | undefined;
  let jitterMs: number | undefined;
  let jitterBufferMs: number | undefined;
  let [packetsSent, packetsReceived, packetsLost] = [0, 0, 0];
  for (const { stats } of entries) {
    if (stats.case === 'outboundRtp') {
      packetsSent += Number((stats.value as Outbound).sent?.packetsSent ?? 0);
    } else if (stats.case === 'inboundRtp') {
      const { received, inbound } = stats.value as Inbound;
      packetsReceived += Number(received?.packetsReceived ?? 0);
      packetsLost += Number(received?.packetsLost ?? 0);
      const emitted = Number(inbound?.jitterBufferEmittedCount ?? 0);
      // Both are sums since the stream began: a sample's wait in the mean.
      if (emitted > 0) {
        const waited = ((inbound?.jitterBufferDelay ?? 0) * 1000) / emitted;
        jitterBufferMs = Math.max(jitterBufferMs ?? 0, Math.round(waited * 10) / 10);
      }
      if (received?.jitter !== undefined) jitterMs = Math.max(jitterMs ?? 0, received.jitter * 1000);
    } else if (stats.case === 'candidatePair') {
      const { nominated, currentRoundTripTime: rtt } = (stats.value as Pair).candidatePair ?? {};
      if (nominated === true && rtt !== undefined) rttMs = Math.max(rttMs ?? 0, rtt * 1000);
    }
  }
  return { rttMs, jitterMs, jitterBufferMs, packetsSent, packetsReceived, packetsLost };
}
