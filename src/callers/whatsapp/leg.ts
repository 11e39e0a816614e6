import type { Clock } from '../../call/clock.ts';
import type { CallerEvent } from '../../call/events.ts';
import type { CallerLeg, LegContext, Log, Pace, Playout } from '../../call/leg.ts';
import { type Termination, termination } from '../../call/termination.ts';
import type { AudioSink } from '../../media/frame.ts';
import { watchMedia } from '../../transport/liveness.ts';
import { type PeerHandlers, RTC_SAMPLE_RATE } from '../../transport/peer.ts';
import { type CallerPeer, WebRtcLeg } from '../webrtc/leg.ts';

export interface WhatsAppLegInit<P extends CallerPeer> {
  /** Who brought the call: Meta's webhook, or somebody else's handler of it. A metric label. */
  readonly kind?: 'whatsapp' | 'bridge';
  /** Makes the peer with the leg's handlers. May throw, then so does the leg's constructor. */
  readonly peer: (handlers: PeerHandlers) => P;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * How long WhatsApp itself waits for media, ms: after the acceptance, and for more of it, where RTCP counts
 * (https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/troubleshooting).
 */
const PATIENCE = { firstMs: 20_000, nextMs: 30_000 } as const;
/** Silence before the first word, ms: the user's client begins to play at the first packet. */
const LEAD_IN_MS = 60;

/**
 * A caller on WhatsApp. Nothing is sent before `release`: the user's client takes the first media packet for the acceptance of the call
 * (https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/faq), so it is to be called on the 200 of `accept`.
 */
export class WhatsAppLeg<P extends CallerPeer = CallerPeer> implements CallerLeg {
  readonly kind: string;
  readonly rate = RTC_SAMPLE_RATE;
  readonly cannot = {
    transfer: 'The caller is on WhatsApp, from which nobody can be connected to a telephone number.',
    digits: 'The caller is on WhatsApp, and there are no keys that could be played to a person there.',
  };
  readonly audio: AudioSink;
  readonly playout: Playout;
  readonly peer: P;
  /** Resolves when media is up, DTLS included; rejects with PEER_FAILED or ABORTED when that never comes. */
  readonly reached: Promise<void>;
  /** As `reached`: there is nothing beside media. */
  readonly connected: Promise<void>;
  /** Resolves when the first audio of the user's came; rejects as `reached` does. */
  readonly heard: Promise<void>;
  readonly #clock: Clock;
  readonly #media: WebRtcLeg<P>;
  #watching: (() => void) | undefined;

  constructor({ kind = 'whatsapp', peer, clock, log }: WhatsAppLegInit<P>) {
    this.kind = kind;
    this.#clock = clock;
    this.#media = new WebRtcLeg<P>({
      kind,
      far: 'WhatsApp',
      peer,
      clock,
      log,
      held: true,
      leadInMs: LEAD_IN_MS,
      keys: true,
      graceMs: PATIENCE.nextMs,
      watched: true,
      stopped: () => this.#unwatch(),
      lineClosed: "the WhatsApp user's line closed",
    });
    this.audio = this.#media.audio;
    this.playout = this.#media.playout;
    this.peer = this.#media.peer;
    this.reached = this.#media.reached;
    this.connected = this.#media.connected;
    this.heard = this.#media.heard;
  }

  /** As `CallerLeg.setPace`. */
  setPace(pace: Pace): void {
    this.#media.setPace(pace);
  }

  /** As `WebRtcLeg.start`. */
  start(context: LegContext<CallerEvent>): Promise<void> {
    return this.#media.start(context);
  }

  /**
   * The call was accepted: from now on, and from the moment media is up, silence goes and then the agent's speech; and the user's media is waited for.
   * Idempotent.
   */
  release(): void {
    if (this.#media.phase === 'over') return;
    this.#watching ??= watchMedia(this.peer, this.#clock, PATIENCE, (came) => this.end(mediaMissing(came)));
    this.#media.release();
  }

  /** The user's side is over, as Meta's webhook or the bridge's caller tells; the first reason is the one that is told. The leg still is to be closed. */
  end(end: Termination): void {
    this.#media.end(end);
  }

  /** Frees the peer and its ports. Idempotent, never rejects. */
  close(end: Termination): Promise<void> {
    return this.#media.close(end);
  }

  #unwatch(): void {
    this.#watching?.();
    this.#watching = undefined;
  }
}

function mediaMissing(came: boolean): Termination {
  return came
    ? termination('media-lost', `neither audio nor reports of it came from WhatsApp for ${PATIENCE.nextMs / 1000} s`)
    : termination(
        'no-stream',
        `no media came from WhatsApp within ${PATIENCE.firstMs / 1000} s of the acceptance: check that the UDP ports of RTC_PORT_RANGE are open to the internet, and RTC_PUBLIC_IP`,
      );
}
