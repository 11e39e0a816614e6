import type { Clock } from '../call/clock.ts';

/** Between two looks at the statistics, ms: the library's connectivity checks of a good line come every 2.5 s. */
const INTERVAL_MS = 2_000;
/** So many looks in a row without anything from the far end, and it is gone: 6 s in which two checks and more went unanswered. */
const LIMIT = 3;

/** What has statistics: a peer. */
interface Measured {
  stats(): Promise<ReadonlyArray<Readonly<Record<string, unknown>>>>;
}

/**
 * Whether anything came from the far end beyond answers to connectivity checks (DTLS is the first): then the way is open, whatever else is slow. A
 * way on which only checks are answered is one that lets nothing else through.
 */
export async function hasSpoken(peer: Measured): Promise<boolean> {
  const report = await peer.stats();
  return report.some((entry) => entry['type'] === 'transport' && Number(entry['packetsReceived']) > 0);
}

/** Whether audio itself has come from the far end, on keys that were agreed on. */
export async function hasAudio(peer: Measured): Promise<boolean> {
  return (mediaPackets(await peer.stats())?.rtp ?? 0) > 0;
}

/**
 * Watches whether anything at all comes from the far end: media, or answers to connectivity checks. libwebrtc itself can take 15 s to
 * tell that a far end vanished without a word, which on a telephone is 15 s of silence. Calls `lost` once, about 7 s after the last
 * packet; a standstill of this process is no silence of the far end, since what came meanwhile is counted at the next look.
 * Returns how to stop.
 */
export function watchLiveness(peer: Measured, clock: Clock, lost: () => void): () => void {
  let stopped = false;
  let last = -1;
  let quiet = 0;
  const look = async () => {
    const received = receivedOf(await peer.stats());
    if (stopped) return;
    quiet = received === undefined || received !== last ? 0 : quiet + 1;
    last = received ?? -1;
    if (quiet >= LIMIT) {
      stopped = true;
      lost();
      return;
    }
    timer = clock.after(INTERVAL_MS, look);
  };
  let timer = clock.after(INTERVAL_MS, look);
  return () => {
    stopped = true;
    timer.cancel();
  };
}

/** How long media may be waited for, ms. */
export interface MediaPatience {
  /** For the first packet. */
  readonly firstMs: number;
  /** For another one, once there was one. */
  readonly nextMs: number;
}

/**
 * Watches whether media comes, or reports about it (RTCP): answers to checks say that a relay lives and nothing of who is behind it. Calls `lost` once,
 * with whether any came; not before a look at what this process was given meanwhile. Returns how to stop.
 */
export function watchMedia(
  peer: Measured,
  clock: Clock,
  { firstMs, nextMs }: MediaPatience,
  lost: (came: boolean) => void,
): () => void {
  let stopped = false;
  let came = false;
  let packets: number | undefined;
  let last = clock.now();
  const look = async () => {
    // What the report says is of the time at which it was asked for, however late it comes.
    const now = clock.now();
    const received = mediaPackets(await peer.stats());
    if (stopped) return;
    // What came before the keys were agreed on was no media; what the last of it brought is where counting begins.
    if (received !== undefined && (received.rtp > 0 || (packets !== undefined && received.all > packets))) {
      if (received.all !== packets || !came) last = now;
      came = true;
    }
    packets = received?.all;
    const left = last + (came ? nextMs : firstMs) - now;
    if (left <= 0) {
      stopped = true;
      lost(came);
      return;
    }
    timer = clock.after(Math.min(INTERVAL_MS, left), look);
  };
  let timer = clock.after(Math.min(INTERVAL_MS, firstMs), look);
  return () => {
    stopped = true;
    timer.cancel();
  };
}

/** Packets of audio, and of media and reports together; undefined while the keys are not agreed on. */
function mediaPackets(
  report: ReadonlyArray<Readonly<Record<string, unknown>>>,
): { readonly rtp: number; readonly all: number } | undefined {
  let secured = false;
  let rtp = 0;
  let all = 0;
  for (const entry of report) {
    const packets = Number(entry['packetsReceived']) || 0;
    if (entry['type'] === 'inbound-rtp') rtp += packets;
    if (entry['type'] !== 'transport') continue;
    all += packets;
    secured ||= entry['dtlsState'] === 'connected';
  }
  return secured ? { rtp, all } : undefined;
}

/** Packets and check answers received so far over all ways; undefined where the report has no transport. */
function receivedOf(report: ReadonlyArray<Readonly<Record<string, unknown>>>): number | undefined {
  let sum: number | undefined;
  for (const entry of report) {
    if (entry['type'] === 'transport') sum = (sum ?? 0) + (Number(entry['packetsReceived']) || 0);
    if (entry['type'] === 'candidate-pair') sum = (sum ?? 0) + (Number(entry['responsesReceived']) || 0);
  }
  return sum;
}
