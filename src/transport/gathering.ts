import type { Clock } from '../call/clock.ts';
import { BridgeError } from '../errors.ts';
import { type Candidate, withCandidates } from './candidates.ts';
import type { NativePeer } from './wrtc.ts';

/** The gathering of local ICE candidates: collects them as they are told, and waits for the last. */
export class Gathering {
  readonly #pc: NativePeer;
  readonly #clock: Clock;
  readonly #candidates: Candidate[] = [];
  #done = false;
  #closed = false;
  /** Ends the wait, if one is under way. */
  #wake: (() => void) | undefined;

  /** `found`: told of each as it is found, for who sends them one by one (RFC 8838). */
  constructor(pc: NativePeer, clock: Clock, found?: (candidate: Candidate) => void) {
    this.#pc = pc;
    this.#clock = clock;
    pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) {
        const one = { candidate: candidate.candidate, line: candidate.sdpMLineIndex ?? 0 };
        this.#candidates.push(one);
        found?.(one);
      }
    };
    // The state is read when the news of it comes, and may be further than the news: candidates found before 'complete' can still be
    // queued. All that is queued is told in one turn of the loop, so at its end they are here.
    pc.onicegatheringstatechange = () => {
      if (this.#closed || pc.iceGatheringState !== 'complete') return;
      setImmediate(() => {
        this.#done = true;
        this.#wake?.();
      });
    };
  }

  /** Whether all candidates were found that there are. */
  get done(): boolean {
    return this.#done;
  }

  /** Candidates found so far. */
  get found(): number {
    return this.#candidates.length;
  }

  /**
   * The description with the candidates found within `waitMs` (0: those found already). Rejects with PEER_FAILED when the peer is closed
   * meanwhile.
   */
  async complete(sdp: string, waitMs: number): Promise<string> {
    if (waitMs > 0 && !this.#done) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(waitMs, () => this.#wake?.());
        this.#wake = () => {
          timer.cancel();
          this.#wake = undefined;
          resolve();
        };
      });
    }
    if (this.#closed) throw new BridgeError('PEER_FAILED', 'the peer was closed while it gathered candidates');
    return withCandidates(sdp, this.#candidates);
  }

  close(): void {
    this.#closed = true;
    this.#pc.onicecandidate = null;
    this.#pc.onicegatheringstatechange = null;
    this.#wake?.();
  }
}
