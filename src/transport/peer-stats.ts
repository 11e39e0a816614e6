import type { RecentWaits } from './recent-waits.ts';

/**
 * What a connection's statistics say about the line, for one log entry at a call's end (W3C webrtc-stats, https://www.w3.org/TR/webrtc-stats/).
 */

/** Absent fields were not reported, as before the first packet or RTCP report. */
export interface PeerQuality {
  /** Audio codec in use and its rate: "audio/opus". */
  readonly codec?: string;
  readonly packetsSent?: number;
  readonly packetsReceived?: number;
  /** Packets of ours' far end that never came; may be negative with duplicates (RFC 3550 section 6.4.1). */
  readonly packetsLost?: number;
  /** Packets of ours that the far end reported lost. */
  readonly remotePacketsLost?: number;
  readonly jitterMs?: number;
  readonly roundTripMs?: number;
  /** Mean time a sample waited in the jitter buffer. */
  readonly jitterBufferMs?: number;
  /** Share of the played samples that were made up because packets were missing, 0 to 1. */
  readonly concealedRatio?: number;
  /** The way the packets go: "udp host>host", "tcp host>host", "udp relay>host". */
  readonly path?: string;
}

type Entry = Readonly<Record<string, unknown>>;

/** Picks from a report what a log entry needs; takes whatever there is, never throws. `recent`: the looks before, where the jitter buffer's mean is to be the one since them. */
export function qualityOf(report: readonly Entry[], recent?: RecentWaits): PeerQuality {
  const byId = (id: unknown) => (typeof id === 'string' ? report.find((entry) => entry['id'] === id) : undefined);
  const audio = (type: string) =>
    report.find((entry) => entry['type'] === type && (entry['kind'] === 'audio' || entry['mediaType'] === 'audio'));
  const inbound = audio('inbound-rtp');
  const outbound = audio('outbound-rtp');
  const remote = report.find((entry) => entry['type'] === 'remote-inbound-rtp');
  const transport = report.find((entry) => entry['type'] === 'transport');
  const pair =
    byId(transport?.['selectedCandidatePairId']) ??
    report.find(
      (entry) => entry['type'] === 'candidate-pair' && entry['nominated'] === true && entry['state'] === 'succeeded',
    );
  const local = byId(pair?.['localCandidateId']);
  const far = byId(pair?.['remoteCandidateId']);
  const codec = byId(inbound?.['codecId']) ?? byId(outbound?.['codecId']);
  const emitted = number(inbound, 'jitterBufferEmittedCount');
  const waited = number(inbound, 'jitterBufferDelay') ?? 0;
  const lately = emitted ? recent?.look([{ id: '', seconds: waited, samples: emitted }]) : undefined;
  const received = number(inbound, 'totalSamplesReceived');
  const found: Record<string, number | string | undefined> = {
    codec: text(codec, 'mimeType'),
    packetsSent: number(outbound, 'packetsSent'),
    packetsReceived: number(inbound, 'packetsReceived'),
    packetsLost: number(inbound, 'packetsLost'),
    remotePacketsLost: number(remote, 'packetsLost'),
    jitterMs: milliseconds(number(inbound, 'jitter')),
    roundTripMs: milliseconds(number(remote, 'roundTripTime') ?? number(pair, 'currentRoundTripTime')),
    jitterBufferMs: lately ?? (emitted ? milliseconds(waited / emitted) : undefined),
    concealedRatio: received ? round((number(inbound, 'concealedSamples') ?? 0) / received, 4) : undefined,
    path:
      local === undefined || far === undefined
        ? undefined
        : `${text(local, 'protocol')} ${text(local, 'candidateType')}>${text(far, 'candidateType')}`,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function number(entry: Entry | undefined, name: string): number | undefined {
  const value = entry?.[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function text(entry: Entry | undefined, name: string): string | undefined {
  const value = entry?.[name];
  return typeof value === 'string' ? value : undefined;
}

/** Seconds, as the report has them, in milliseconds to a tenth. */
function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : round(seconds * 1000, 1);
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
