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

/** Packets and check answers received so far over all ways; undefined where the report has no transport. */
function receivedOf(report: ReadonlyArray<Readonly<Record<string, unknown>>>): number | undefined {
  let sum: number | undefined;
  for (const entry of report) {
    if (entry['type'] === 'transport') sum = (sum ?? 0) + (Number(entry['packetsReceived']) || 0);
    if (entry['type'] === 'candidate-pair') sum = (sum ?? 0) + (Number(entry['responsesReceived']) || 0);
  }
  return sum;
}
