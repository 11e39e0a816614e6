import { BridgeError } from '../../errors.ts';
import { checkOffer, GATHER_MS } from '../../transport/answer.ts';
import type { Peer } from '../../transport/peer.ts';
import { withStrangersCandidates } from '../../transport/reachable.ts';
import { chooseCandidates } from './candidates.ts';

/**
 * SDP with Meta: an offer that comes by webhook is answered over the Graph API, an offer of ours is answered by webhook. Meta's side is ice-lite, so
 * ours is the full and controlling one (RFC 8445 section 6.1.1), and nothing is exchanged a second time: what is not in these texts is never said.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/reference
 */

/** Candidates of the far end that are tried: Meta names one for IPv4 and one for IPv6. */
const MAX_CANDIDATES = 8;
/** Longest text that is looked at, characters: Meta's have under two thousand. */
const MAX_LENGTH = 32 * 1024;
/** Length of a packet's audio, ms: Meta offers and takes no other. */
const PTIME_MS = 20;

export interface MetaOptions {
  /** Whether candidates in private networks and on this machine may be tried: for trials, where the Graph API itself is at such an address. */
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
  return usable('offer', offer, options);
}

/** The same for Meta's answer to an offer of ours. */
export function checkMetaAnswer(answer: string, options: MetaOptions): string {
  return usable('answer', answer, options);
}

/**
 * The peer's answer to an offer of Meta's, checked before it is returned: `pre_accept` and `accept` are to carry this very text. Throws PEER_SDP_INVALID
 * for the offer, and PEER_FAILED when no answer could be made that Meta would take; the peer is to be closed after either.
 */
export async function answerMeta(
  peer: Pick<Peer, 'answer'>,
  offer: string,
  { publicAddresses, waitMs = GATHER_MS, allowPrivate }: MetaLocal & MetaOptions,
): Promise<string> {
  const used = checkMetaOffer(offer, { allowPrivate });
  const answer = forMeta(await peer.answer(used, waitMs), publicAddresses);
  // Without it no key would ever be heard: they come as RFC 4733 events and in no other way.
  const keys = /^a=rtpmap:\d+ telephone-event\/8000$/im.exec(used)?.[0];
  if (keys !== undefined && !answer.split('\r\n').includes(keys)) throw unfit('answer', 'it leaves out the keys');
  if (!answer.includes('\r\na=setup:active\r\n')) throw unfit('answer', 'its DTLS setup is not active');
  return answer;
}

/**
 * An offer of ours for a call to a WhatsApp user, Opus and keys alone; its answer goes through `checkMetaAnswer`. Throws PEER_FAILED; the peer is to be closed
 * then.
 */
export async function offerMeta(
  peer: Pick<Peer, 'createOffer'>,
  { publicAddresses, waitMs = GATHER_MS }: MetaLocal,
): Promise<string> {
  const offer = forMeta(onlySpeechAndKeys(await peer.createOffer(waitMs)), publicAddresses);
  if (!offer.includes('\r\na=setup:actpass\r\n')) throw unfit('offer', 'its DTLS setup is not actpass');
  return offer;
}

/** The description as a log may show it: without what gives entry to its media, which is its ICE credentials and keys. */
export function maskedSdp(sdp: string): string {
  // Within its line: a pattern that took line breaks for space as well would try each run of them from each of its lines.
  const secret =
    /^([^\S\r\n]*a[^\S\r\n]*=[^\S\r\n]*(?:ice-ufrag|ice-pwd|fingerprint|crypto|identity|cryptex)[^\S\r\n]*:?).*$/gim;
  return sdp.replace(secret, '$1***').replace(/ ufrag \S+/gi, ' ufrag ***');
}

/** How an end of ours can be what the far end asks for: the active one where it is asked, the passive one where the far end is active. */
const SETUPS = { offer: ['actpass', 'passive'], answer: ['active', 'passive'] } as const;

function usable(what: 'offer' | 'answer', text: string, { allowPrivate }: MetaOptions): string {
  if (text.length > MAX_LENGTH) throw invalid(what, `it is longer than ${MAX_LENGTH} characters`);
  if (!text.includes('\n') && /\\n/.test(text)) {
    throw invalid(what, 'its line breaks are written out as "\\r\\n": it was encoded as JSON twice');
  }
  const sdp = `${text.trimEnd()}\n`.replace(/\r?\n/g, '\r\n');
  checkOffer(sdp, { channel: false, g711: true, what });
  const has = (pattern: RegExp) => pattern.test(sdp);
  // RFC 8839 section 5.4 has the lengths.
  if (!has(/^a=ice-ufrag:[\w+/]{4,256}\r$/m) || !has(/^a=ice-pwd:[\w+/]{22,256}\r$/m))
    throw invalid(what, 'it has no ICE credentials');
  if (!has(/^a=rtcp-mux\r$/m)) throw invalid(what, 'it has no rtcp-mux');
  if (!has(/^a=fingerprint:sha-256 /im)) throw invalid(what, 'it has no sha-256 fingerprint');
  const setup = /^a=setup:(\w+)\r$/m.exec(sdp)?.[1]?.toLowerCase() ?? '';
  if (!(SETUPS[what] as readonly string[]).includes(setup))
    throw invalid(what, `its DTLS setup is none of ${SETUPS[what].join(' and ')}`);
  const { sdp: kept, dropped } = withStrangersCandidates(sdp, MAX_CANDIDATES, allowPrivate);
  // Who is ice-lite sends no checks, from which another way to it could be learnt.
  if (has(/^a=ice-lite\r$/m) && !kept.includes('\r\na=candidate:')) {
    const why = dropped === 0 ? 'it names no candidate' : 'none of its candidates is a public address for UDP';
    throw invalid(what, why);
  }
  return kept
    .split('\r\n')
    .filter((line) => !/^a=fingerprint:/i.test(line) || /^a=fingerprint:sha-256 /i.test(line))
    .join('\r\n');
}

/** A description of ours as Meta takes it: one candidate a family, no trickling, sha-256 alone, packets of 20 ms. Throws PEER_FAILED. */
function forMeta(sdp: string, announced: readonly string[]): string {
  const what = /^a=setup:actpass\r$/m.test(sdp) ? 'offer' : 'answer';
  const lines = sdp.trimEnd().split('\r\n');
  const named = chooseCandidates(lines, announced);
  const [best] = named;
  if (best === undefined) throw unfit(what, 'no port for media could be had');
  const kept = lines.flatMap((line) => {
    if (/^a=(candidate:|end-of-candidates|ice-options:|ptime:|maxptime:)/.test(line)) return [];
    if (line.startsWith('a=fingerprint:') && !line.startsWith('a=fingerprint:sha-256 ')) return [];
    if (line.startsWith('m=audio ')) return [line.replace(/^m=audio \d+/, `m=audio ${best.port}`)];
    if (line.startsWith('c=')) return [`c=IN IP${best.family} ${best.address}`];
    return [line];
  });
  if (kept.filter((line) => line.startsWith('m=')).length !== 1)
    throw unfit(what, 'it has more than one line of media');
  for (const needed of ['a=fingerprint:sha-256 ', 'a=ice-ufrag:', 'a=ice-pwd:', 'a=rtcp-mux', 'a=sendrecv'])
    if (!kept.some((line) => line.startsWith(needed)))
      throw unfit(what, `it has no ${needed.slice(2).replace(/\W+$/, '')}`);
  const packets = [`a=ptime:${PTIME_MS}`, `a=maxptime:${PTIME_MS}`];
  return `${[...kept, ...packets, ...named.map(({ line }) => line)].join('\r\n')}\r\n`;
}

/** Without what Meta would have to choose among: other codecs, and header extensions that it does not answer. */
function onlySpeechAndKeys(sdp: string): string {
  const kept = new Set(
    [...sdp.matchAll(/^a=rtpmap:(\d+) (?:opus\/48000\/2|telephone-event\/8000)\r$/gim)].map((m) => m[1]),
  );
  return sdp
    .split('\r\n')
    .filter((line) => {
      const type = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) /.exec(line)?.[1];
      return (type === undefined || kept.has(type)) && !/^a=extmap/.test(line);
    })
    .map((line) => {
      const [media, port, protocol, ...formats] = line.split(' ');
      return media === 'm=audio' ? [media, port, protocol, ...formats.filter((f) => kept.has(f))].join(' ') : line;
    })
    .join('\r\n');
}

function invalid(what: string, why: string): BridgeError {
  return new BridgeError('PEER_SDP_INVALID', `the ${what} cannot be used: ${why}`, { status: 400 });
}

function unfit(what: string, why: string): BridgeError {
  return new BridgeError('PEER_FAILED', `the ${what} made here is none that WhatsApp takes: ${why}`);
}
