import { isIP } from 'node:net';
import { BridgeError } from '../errors.ts';
import type { Peer } from './peer.ts';
import { withStrangersCandidates } from './reachable.ts';

/**
 * The answering side of a peer connection: what an offer from outside must be, and how the answer names this machine (RFC 8866, RFC 8839).
 */

/** Longest offer, characters: a browser's for one audio line and a data channel has 2 to 6 thousand. */
const MAX_OFFER = 32 * 1024;
/** How long candidates may be gathered before the answer goes out, ms: those of this machine take a few, those of a STUN server a round trip. */
export const GATHER_MS = 2_000;

/** Most lines of an offer, and most formats of its audio line: a browser's have under a hundred, and ten. */
const MAX_LINES = 400;
const MAX_FORMATS = 64;
/** Candidates of an offer that are tried; a browser has one to three for each network that it is in. */
const MAX_CANDIDATES = 32;

/** What an offer must have beside its one audio line. */
export interface Expected {
  /** Whether the far end makes a data channel. Where none is expected, an offer must have no line of one. */
  readonly channel: boolean;
  /** Whether a line of G.711 does where there is no Opus. */
  readonly g711?: boolean;
  /** What the text is, for the error's words: an offer where left out. An answer is held to the same. */
  readonly what?: 'offer' | 'answer';
}

/**
 * Checks an offer that a stranger made, before anything is built for it: one audio line with Opus, one data channel line where that is expected,
 * nothing else. A video line would have us decode video. Throws PEER_SDP_INVALID, with what is wrong and never with the offer's text.
 */
export function checkOffer(sdp: string, { channel, g711 = false, what = 'offer' }: Expected): void {
  const invalid = (why: string) =>
    new BridgeError('PEER_SDP_INVALID', `the ${what} cannot be used: ${why}`, { status: 400 });
  if (sdp.length > MAX_OFFER) throw invalid(`it is longer than ${MAX_OFFER} characters`);
  if (!/^v=0\r?\n/.test(sdp)) throw invalid('it does not begin with v=0');
  const lines = sdp.trimEnd().split(/\r?\n/);
  if (lines.length > MAX_LINES) throw invalid(`it has more than ${MAX_LINES} lines`);
  // RFC 8866 section 5: a letter, "=", and text. One reader's odd line is another's media line.
  if (!lines.every((line) => /^[a-z]=[^\p{Cc}]*$/u.test(line))) throw invalid('it has a line that is none of SDP');
  const media = lines.filter((line) => line.startsWith('m='));
  const audio = media.filter((line) => line.startsWith('m=audio '));
  if (audio.length !== 1) throw invalid('it must have exactly one audio line');
  if (channel && media.filter((line) => line.startsWith('m=application ')).length !== 1)
    throw invalid('it must have the line of a data channel: make the channel before the offer');
  if (media.length > (channel ? 2 : 1))
    throw invalid(
      channel ? 'it has a line that is neither audio nor the data channel' : 'it has a line that is not audio',
    );
  const [, port, , ...formats] = (audio[0] ?? '').split(' ');
  if (port === '0') throw invalid('its audio line is switched off');
  if (channel && isChannelOff(lines)) throw invalid('the line of its data channel is switched off');
  if (formats.length > MAX_FORMATS) throw invalid(`its audio line has more than ${MAX_FORMATS} formats`);
  if (!/^a=rtpmap:\d+ opus\/48000/im.test(sdp)) {
    if (!g711) throw invalid('its audio line has no Opus');
    if (!hasG711(sdp, formats)) throw invalid('its audio line has neither Opus nor G.711');
  }
  const fingerprints = lines.filter((line) => line.startsWith('a=fingerprint:'));
  if (fingerprints.length === 0) throw invalid('it has no DTLS fingerprint');
  if (!fingerprints.every(isFingerprint)) throw invalid('its DTLS fingerprint is none');
  // RFC 4145 section 4: its end does not want the connection yet. There is no answer to that which begins one.
  if (lines.some((line) => /^a=setup:holdconn$/i.test(line))) throw invalid('its DTLS setup is holdconn');
}

/** Whether the data channel's line has port 0 and does not share another's port, which then is the one that counts (RFC 9143 section 6). */
function isChannelOff(lines: readonly string[]): boolean {
  const data = lines.slice(lines.findIndex((line) => line.startsWith('m=application ')));
  const after = data.findIndex((line, i) => i > 0 && line.startsWith('m='));
  return data[0]?.split(' ')[1] === '0' && !data.slice(0, after === -1 ? undefined : after).includes('a=bundle-only');
}

/** Payload types 0 and 8 are G.711 without being said to be (RFC 3551 section 6). */
function hasG711(sdp: string, formats: readonly string[]): boolean {
  return formats.includes('0') || formats.includes('8') || /^a=rtpmap:\d+ PCM[AU]\/8000/im.test(sdp);
}

/** Bytes of a fingerprint by its hash (RFC 8122 section 5). */
const HASH_BYTES: Readonly<Record<string, number>> = {
  'sha-1': 20,
  'sha-224': 28,
  'sha-256': 32,
  'sha-384': 48,
  'sha-512': 64,
};

function isFingerprint(line: string): boolean {
  const [, hash = '', bytes = ''] = /^a=fingerprint:(\S+) ((?:[\da-f]{2}:)*[\da-f]{2})$/i.exec(line) ?? [];
  return (bytes.length + 1) / 3 === HASH_BYTES[hash.toLowerCase()];
}

export interface AnswerOptions {
  /** Addresses under which this machine's media ports are reached from outside, where it does not know them by itself. */
  readonly publicAddresses: readonly string[];
  /** Bound of the wait for candidates, ms. */
  readonly gatherMs?: number;
}

/**
 * The peer's answer to an offer that `checkOffer` let pass. Of its candidates those are tried that a stranger may name (public addresses, UDP, a
 * few): no check of ours goes into our own network because a stranger said so, and a browser in it is learnt from its own checks (RFC 8445
 * section 7.3.1.3). Throws PEER_SDP_INVALID, and PEER_FAILED when no port could be had; the peer is to be closed after either.
 */
export async function answerOffer(
  peer: Pick<Peer, 'answer'>,
  offer: string,
  { publicAddresses, gatherMs = GATHER_MS }: AnswerOptions,
): Promise<string> {
  const answer = await peer.answer(withStrangersCandidates(offer, MAX_CANDIDATES).sdp, gatherMs);
  return withPublicAddresses(answer, publicAddresses);
}

/**
 * The description with each UDP host candidate named once more under every given address of the same family: the router or the container's
 * host forwards its ports one to one. The original ones stay, for browsers of the same network.
 */
export function withPublicAddresses(sdp: string, addresses: readonly string[]): string {
  if (addresses.length === 0) return sdp;
  const present = new Set<string>();
  for (const [, address, port] of sdp.matchAll(/^a=candidate:\S+ \d+ udp \d+ (\S+) (\d+) typ host/gim))
    present.add(`${address} ${port}`);
  return sdp
    .split('\r\n')
    .flatMap((line) => {
      const match = /^a=candidate:(\S+) (\d+) (udp) (\d+) (\S+) (\d+) (typ host.*)$/i.exec(line);
      if (match === null) return [line];
      const [, foundation, component, protocol, priority, own = '', port, rest] = match;
      const added = addresses.flatMap((address, index) => {
        if (isIP(address) !== isIP(own) || present.has(`${address} ${port}`)) return [];
        present.add(`${address} ${port}`);
        // Another base is another foundation, and a lower priority lets the direct way win (RFC 8445 sections 5.1.1.3 and 5.1.2).
        const lower = Math.max(1, Number(priority) - 1 - index);
        return [`a=candidate:${foundation}${index + 1} ${component} ${protocol} ${lower} ${address} ${port} ${rest}`];
      });
      return [line, ...added];
    })
    .join('\r\n');
}
