/**
 * What the calls of a process found out about WebRTC to the model. Networks that block UDP are common and do not change from call to call, so
 * what one call found out spares the next ones the wait.
 */

const FIRST_BLOCK_MS = 60_000;
const LONGEST_BLOCK_MS = 15 * 60_000;
/** A trial that never reports back must not keep WebRTC closed. */
const TRIAL_MS = 15_000;

/** So many calls in a row must find WebRTC slow before the others are spared it. */
const STRIKES = 3;

/**
 * Remembers that WebRTC could not be had: for 60 s at first, twice as long each time it fails again, 15 min at most. When a period is
 * over one call tries, and the others stay on the WebSocket until it has. One failure that says that the way is closed is enough; what may be one
 * call's bad luck, or a way that is only slow, must be found three times in a row. Shared by the calls of a process; times are monotonic ms.
 */
export class TransportMemory {
  #failures = 0;
  #strikes = 0;
  #lastStrikeAt = Number.NEGATIVE_INFINITY;
  #blockedUntil = 0;
  #trial = false;
  #reason = '';
  #setUpMs = 0;

  /** Whether a call should try WebRTC now. While the last word was a failure, true for one call a period only. */
  allows(now: number): boolean {
    if (this.#failures === 0) return true;
    if (now < this.#blockedUntil) return false;
    this.#trial = true;
    this.#blockedUntil = now + TRIAL_MS;
    return true;
  }

  /** Whether the last word about WebRTC was a failure: a call that begins now is likely to end up on the WebSocket, even one that tries. */
  get doubtful(): boolean {
    return this.#failures > 0;
  }

  /** The error code of the last failure; empty when there was none. */
  get reason(): string {
    return this.#reason;
  }

  /** How long the last connection took, ms; 0 before the first. */
  get setUpMs(): number {
    return this.#setUpMs;
  }

  failed(now: number, reason: string): void {
    this.#reason = reason;
    // Calls that started together fail together: that is one finding, not many.
    if (now < this.#blockedUntil && !this.#trial) return;
    this.#trial = false;
    this.#blockedUntil = now + Math.min(LONGEST_BLOCK_MS, FIRST_BLOCK_MS * 2 ** this.#failures);
    this.#failures++;
  }

  /** A try that began at `startedAt` did not come to its end in time, or was refused; that says little about the way. */
  suspected(startedAt: number, now: number, reason: string): void {
    // Found at the same time by many, it is one finding.
    if (startedAt >= this.#lastStrikeAt) {
      this.#strikes++;
      this.#lastStrikeAt = now;
    }
    // What was closed stays closed: its trial has not shown that it is open.
    if (this.#strikes >= STRIKES || this.#failures > 0) this.failed(now, reason);
  }

  succeeded(setUpMs = 0): void {
    this.#failures = 0;
    this.#strikes = 0;
    this.#blockedUntil = 0;
    this.#trial = false;
    this.#reason = '';
    this.#setUpMs = setUpMs;
  }
}
