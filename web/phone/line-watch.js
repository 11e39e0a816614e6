/**
 * Watches whether packets come. The server's audio never pauses, silence included, so a second or two without any is trouble on the way,
 * long before the browser's own checks say so.
 */

const INTERVAL_MS = 1_000;
/** Looks without a packet after which the line is interrupted, and after which it is lost. */
const UNSTABLE = 2;
const LOST = 8;

export class LineWatch {
  #timer;
  #last = -1;
  #quiet = 0;
  #closed = false;

  /**
   * @param {Pick<RTCPeerConnection, 'getStats'>} peer
   * @param {{ flows(): void, unstable(): void, lost(): void }} told nothing is told after `close`
   */
  constructor(peer, told) {
    this.#timer = setInterval(async () => {
      const received = receivedOf(await peer.getStats());
      // The call may be over by the time the browser has counted: a line that is closed flows no more.
      if (this.#closed) return;
      this.#quiet = received === this.#last ? this.#quiet + 1 : 0;
      this.#last = received;
      if (this.#quiet >= LOST) told.lost();
      else if (this.#quiet >= UNSTABLE) told.unstable();
      else if (this.#quiet === 0) told.flows();
    }, INTERVAL_MS);
  }

  close() {
    this.#closed = true;
    clearInterval(this.#timer);
  }
}

/** @param {RTCStatsReport} report */
function receivedOf(report) {
  let packets = 0;
  report.forEach((entry) => {
    if (entry.type === 'inbound-rtp') packets += entry.packetsReceived ?? 0;
  });
  return packets;
}
