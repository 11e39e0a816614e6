import type { Clock } from '../../../call/clock.ts';
import type { CallerLeg, Log } from '../../../call/leg.ts';
import { answerOffer, checkOffer } from '../../../transport/answer.ts';
import type { Peer, PeerHandlers } from '../../../transport/peer.ts';
import { type CallerPeer, WebRtcLeg } from '../../webrtc/leg.ts';
import { WhatsAppLeg } from '../../whatsapp/leg.ts';
import { answerMeta, checkMetaOffer } from '../../whatsapp/sdp.ts';

/** What is needed of the peer that meets the caller's. */
export type HandedPeer = CallerPeer & Pick<Peer, 'answer'>;

/** The caller's side of a call that is handed on. */
export type HandedLeg = CallerLeg & Pick<WebRtcLeg<HandedPeer>, 'peer' | 'connected' | 'heard' | 'release'>;

export interface LegParts {
  readonly peer: (handlers: PeerHandlers) => HandedPeer;
  readonly clock: Clock;
  readonly log: Log;
}

/** An offer that was checked, and how it is met. */
export interface HandedOffer {
  /** Whether its far end takes our first packet of media for the acceptance of the call, so that none may leave before. */
  readonly isHeld: boolean;
  leg(parts: LegParts): HandedLeg;
  /** Rejects with PEER_SDP_INVALID and PEER_FAILED. */
  answer(peer: HandedPeer, publicAddresses: readonly string[]): Promise<string>;
}

/**
 * Reads an offer that a handler hands on: WhatsApp's, which is known by being ice-lite, or that of any WebRTC client. `allowPrivate`: an ice-lite far
 * end may be on this machine or in its network; any other is learnt from its own checks, wherever it is. Throws PEER_SDP_INVALID (400).
 */
export function readOffer(given: string, allowPrivate: boolean): HandedOffer {
  // One without any line break is what encoding it twice makes of it, which is said.
  if (/^a=ice-lite\s*$/m.test(given) || !given.includes('\n')) {
    checkMetaOffer(given, { allowPrivate });
    return {
      isHeld: true,
      leg: (parts) => new WhatsAppLeg({ kind: 'bridge', ...parts }),
      answer: (peer, publicAddresses) => answerMeta(peer, given, { publicAddresses, allowPrivate }),
    };
  }
  // SDP's line breaks are CRLF (RFC 8866 section 5); what came through a shell or a form has lost the CR.
  const offer = `${given.trimEnd()}\n`.replace(/\r?\n/g, '\r\n');
  // A client may offer a data channel, too: it is answered, and nothing is said on it.
  checkOffer(offer, { channel: /^m=application /m.test(offer), g711: true });
  return {
    isHeld: false,
    leg: (parts) =>
      new WebRtcLeg({
        kind: 'bridge',
        far: 'the caller',
        keys: /^a=rtpmap:\d+ telephone-event\//im.test(offer),
        lineClosed: "the caller's line closed",
        ...parts,
      }),
    answer: (peer, publicAddresses) => answerOffer(peer, offer, { publicAddresses }),
  };
}
