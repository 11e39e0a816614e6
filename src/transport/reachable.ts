import { addressKind, isPublicAddress } from '../addresses.ts';

/** Which ways a far end names to itself may be tried: those over the internet. */

/**
 * The description without the candidates whose address is not public, and how many were dropped. A far end that names addresses of our
 * own network would have us send connectivity checks there. Host names are dropped too, mDNS ones (RFC 8828 section 5.2) among them:
 * what they resolve to is not known here. RFC 8839 section 5.1 has the grammar; extensions after the type, as `ufrag`, are kept.
 */
export function withoutPrivateCandidates(sdp: string): { sdp: string; dropped: number } {
  let dropped = 0;
  const kept = sdp.split('\n').filter((line) => {
    if (!line.startsWith('a=candidate:')) return true;
    // candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type> ...
    const address = line.trimEnd().split(' ')[4] ?? '';
    if (isPublicAddress(address)) return true;
    dropped++;
    return false;
  });
  return { sdp: kept.join('\n'), dropped };
}

/**
 * A candidate as a stranger may name it: every field in the form RFC 8839 section 5.1 gives it, UDP alone, nothing but printable ASCII. What is
 * looser is dropped rather than read as somebody else would read it.
 */
const STRANGERS_CANDIDATE =
  /^a=candidate:[\w+/]{1,32} [12] udp \d{1,10} ([\da-f.:]{3,45}) (\d{1,5}) typ (?:host|srflx|prflx|relay)(?: [!-~]+)*$/i;
/** Whatever a lenient reader could take for a candidate. */
const LIKE_CANDIDATE = /^\s*a\s*=\s*(candidate|remote-candidates)\b/i;

/**
 * The description of a far end that nobody vouches for, with the candidates that may be tried: public addresses, by UDP, each once, `most` of them.
 * A TCP candidate would have this machine open connections to whatever address and port it names, and each one costs a series of checks.
 * `allowPrivate` lets addresses of private networks and of this machine pass too: for trials, in which the far end is there.
 */
export function withStrangersCandidates(
  sdp: string,
  most: number,
  allowPrivate = false,
): { sdp: string; dropped: number } {
  const seen = new Set<string>();
  let dropped = 0;
  const kept = sdp.split('\n').filter((line) => {
    if (!LIKE_CANDIDATE.test(line)) return true;
    const [, address = '', port = ''] = STRANGERS_CANDIDATE.exec(line.trimEnd()) ?? [];
    const place = `${address.toLowerCase()} ${Number(port)}`;
    const mayBe = isPublicAddress(address) || (allowPrivate && addressKind(address) === 'private');
    const good = mayBe && Number(port) > 0 && Number(port) < 65_536;
    if (good && seen.size < most && !seen.has(place)) {
      seen.add(place);
      return true;
    }
    dropped++;
    return false;
  });
  return { sdp: kept.join('\n'), dropped };
}
