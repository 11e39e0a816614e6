import type { RecentWaits, Waited } from './recent-waits.ts';
import type { LinkStats } from './room-link.ts';

/** What is read of the library's statistics: one entry of a union a thing that is counted. https://www.w3.org/TR/webrtc-stats/ */
export interface StatsEntry {
  readonly stats: { readonly case?: string | undefined; readonly value?: unknown };
}

interface Outbound {
  readonly sent?: { readonly packetsSent?: bigint };
}
interface Inbound {
  readonly rtc?: { readonly id?: string };
  readonly received?: { readonly packetsReceived?: bigint; readonly packetsLost?: bigint; readonly jitter?: number };
  readonly inbound?: { readonly jitterBufferDelay?: number; readonly jitterBufferEmittedCount?: bigint };
}
interface Pair {
  readonly candidatePair?: { readonly nominated?: boolean; readonly currentRoundTripTime?: number };
}

/** The sums of what the library says of both its peer connections; the worst of what is no sum. `recent`: the looks before, where this is one of several. */
export function readStats(entries: readonly StatsEntry[], recent?: RecentWaits): LinkStats {
  let rttMs: number | undefined;
  let jitterMs: number | undefined;
  let jitterBufferMs: number | undefined;
  const buffers: Waited[] = [];
  let [packetsSent, packetsReceived, packetsLost] = [0, 0, 0];
  for (const { stats } of entries) {
    if (stats.case === 'outboundRtp') {
      packetsSent += Number((stats.value as Outbound).sent?.packetsSent ?? 0);
    } else if (stats.case === 'inboundRtp') {
      const { rtc, received, inbound } = stats.value as Inbound;
      packetsReceived += Number(received?.packetsReceived ?? 0);
      packetsLost += Number(received?.packetsLost ?? 0);
      const emitted = Number(inbound?.jitterBufferEmittedCount ?? 0);
      // Both are sums since the stream began: a sample's wait in the mean.
      if (emitted > 0) {
        const seconds = inbound?.jitterBufferDelay ?? 0;
        jitterBufferMs = Math.max(jitterBufferMs ?? 0, Math.round((seconds * 10_000) / emitted) / 10);
        buffers.push({ id: rtc?.id ?? `${buffers.length}`, seconds, samples: emitted });
      }
      if (received?.jitter !== undefined) jitterMs = Math.max(jitterMs ?? 0, received.jitter * 1000);
    } else if (stats.case === 'candidatePair') {
      const { nominated, currentRoundTripTime: rtt } = (stats.value as Pair).candidatePair ?? {};
      if (nominated === true && rtt !== undefined) rttMs = Math.max(rttMs ?? 0, rtt * 1000);
    }
  }
  const jitterBufferLatelyMs = recent?.look(buffers) ?? jitterBufferMs;
  return { rttMs, jitterMs, jitterBufferMs, jitterBufferLatelyMs, packetsSent, packetsReceived, packetsLost };
}
