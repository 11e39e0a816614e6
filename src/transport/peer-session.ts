import type { Clock, Timer } from '../call/clock.ts';
import { watchLiveness } from './liveness.ts';
import type { Peer, PeerHandlers, PeerQuality, PeerState } from './peer.ts';
import { qualityOf } from './peer-stats.ts';
import { RecentWaits } from './recent-waits.ts';

/**
 * One peer connection from its making to its end, whoever makes the offer and whoever is at the far end: when media is up, when it is lost for
 * good, and what is logged of the line before the peer is freed.
 */

/** What a session needs of its peer. */
export type SessionPeer = Pick<Peer, 'stats' | 'quality' | 'close'>;

/** How media was lost: no answers to checks for the grace, no way left, the far end closed the connection, or nothing came at all. */
export type PeerLoss = 'disconnected' | 'failed' | 'closed' | 'silent';

export interface PeerSessionInit<P extends SessionPeer> {
  /** Makes the peer with the session's handlers. May throw, then so does the constructor. */
  readonly peer: (handlers: PeerHandlers) => P;
  /** What the peer tells beside its states. */
  readonly media: Omit<PeerHandlers, 'state'>;
  readonly clock: Clock;
  readonly log: {
    debug(fields: object, message: string): void;
    info(fields: object, message: string): void;
  };
  /** Who is at the far end, in words: "the page". */
  readonly far: string;
  /** How long media may be lost before it is lost for good, ms; 5 s where left out. */
  readonly graceMs?: number;
  /** Media is up: for the first time, or again after a moment of bad line. */
  connected(): void;
  /** Media is lost, told once; `detail` says it in words. What is to happen then is the owner's to do. */
  lost(loss: PeerLoss, detail: string): void;
}

/** Media lost for so long is lost, ms: ICE goes to 'disconnected' for a moment of bad line too (RFC 8445 section 11). */
const DISCONNECTED_GRACE_MS = 5_000;
/** The statistics, and what else is waited for, may hold a close up for so long, ms. */
const CLOSE_TIMEOUT_MS = 500;

export class PeerSession<P extends SessionPeer = Peer> {
  readonly peer: P;
  readonly #init: PeerSessionInit<P>;
  readonly #waits = new RecentWaits();
  #state: PeerState = 'new';
  #grace: Timer | undefined;
  #unwatch: (() => void) | undefined;
  /** Set when media is lost or the owner has stopped; nothing is told after it. */
  #over = false;

  constructor(init: PeerSessionInit<P>) {
    this.#init = init;
    this.peer = init.peer({ ...init.media, state: (state) => this.#onState(state) });
  }

  /** Whether media is up just now, as far as has been told. */
  get isConnected(): boolean {
    return this.#state === 'connected';
  }

  /** From now on somebody relies on the line: watches whether anything at all comes from the far end. */
  watch(): void {
    if (this.#over) return;
    const detail = `neither media nor answers to connectivity checks came from ${this.#init.far}`;
    this.#unwatch ??= watchLiveness(this.peer, this.#init.clock, () => this.#lose('silent', detail));
  }

  /** What the statistics say of the way just now, ms: of the jitter buffer, since this was asked before. Never rejects. */
  async path(): Promise<Pick<PeerQuality, 'roundTripMs' | 'jitterBufferMs'>> {
    const { roundTripMs, jitterBufferMs } = qualityOf(await this.peer.stats(), this.#waits);
    return {
      ...(roundTripMs === undefined ? {} : { roundTripMs }),
      ...(jitterBufferMs === undefined ? {} : { jitterBufferMs }),
    };
  }

  /** Stops all that runs by itself. Nothing is told any more; the peer still is there. Idempotent. */
  stop(): void {
    this.#over = true;
    this.#grace?.cancel();
    this.#grace = undefined;
    this.#unwatch?.();
    this.#unwatch = undefined;
  }

  /**
   * Logs under `message` what the line was like, with what `more` adds, then frees the peer. Waits for the statistics and for `until`, half a second at
   * most; resolves when the peer is freed. Never rejects where `until` does not.
   */
  close(message: string, more: () => object = () => ({}), until?: Promise<unknown>): Promise<void> {
    this.stop();
    const { clock, log } = this.#init;
    return new Promise((resolve) => {
      const free = () => {
        limit.cancel();
        this.peer.close();
        resolve();
      };
      const limit = clock.after(CLOSE_TIMEOUT_MS, free);
      void Promise.all([this.peer.quality(), until]).then(([quality]) => {
        log.info({ ...quality, ...more() }, message);
        free();
      });
    });
  }

  /** Frees the peer at once: nothing ever came of it. */
  abandon(): void {
    this.stop();
    this.peer.close();
  }

  #onState(state: PeerState): void {
    this.#state = state;
    this.#init.log.debug({ state }, 'webrtc state');
    if (this.#over) return;
    const { clock, far, graceMs = DISCONNECTED_GRACE_MS } = this.#init;
    if (state === 'connected') {
      this.#grace?.cancel();
      this.#grace = undefined;
      this.#init.connected();
    } else if (state === 'disconnected') {
      const detail = `no answer from ${far} for more than ${graceMs} ms`;
      this.#grace ??= clock.after(graceMs, () => this.#lose('disconnected', detail));
    } else if (state === 'failed') {
      this.#lose('failed', `no way to ${far} works any more`);
    } else if (state === 'closed') {
      this.#lose('closed', 'the peer connection was closed');
    }
  }

  #lose(loss: PeerLoss, detail: string): void {
    if (this.#over) return;
    this.stop();
    this.#init.lost(loss, detail);
  }
}
