import { BlockList, isIP } from 'node:net';

/** Which addresses of a far end may be used: those that are reachable over the internet. */

/** Every address that is not globally reachable unicast: the IANA special-purpose registries (RFC 6890, RFC 4291). */
const notPublic = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  notPublic.addSubnet(net, bits, 'ipv4');
}
/** Only 2000::/3 is assigned for global unicast, so everything beside it is refused by that, and these lie within it. */
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4 carries an IPv4 address inside, which could be a private one.
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  notPublic.addSubnet(net, bits, 'ipv6');
}
const globalUnicast6 = new BlockList();
globalUnicast6.addSubnet('2000::', 3, 'ipv6');

/** Whether a literal address is globally reachable. False for anything that is not a literal address. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !notPublic.check(address, 'ipv4');
  if (family === 6) return globalUnicast6.check(address, 'ipv6') && !notPublic.check(address, 'ipv6');
  return false;
}

/**
 * Whether a URL's host is this machine or one in its own network: `localhost`, a name without a dot, or a literal address that is not
 * public. Nothing is resolved: a name with dots counts as public.
 */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (isIP(host) !== 0) return !isPublicAddress(host);
  return !host.includes('.') || host.endsWith('.localhost') || host.endsWith('.local') || host.endsWith('.internal');
}

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
 */
export function withStrangersCandidates(sdp: string, most: number): { sdp: string; dropped: number } {
  const seen = new Set<string>();
  let dropped = 0;
  const kept = sdp.split('\n').filter((line) => {
    if (!LIKE_CANDIDATE.test(line)) return true;
    const [, address = '', port = ''] = STRANGERS_CANDIDATE.exec(line.trimEnd()) ?? [];
    const place = `${address.toLowerCase()} ${Number(port)}`;
    const good = isPublicAddress(address) && Number(port) > 0 && Number(port) < 65_536;
    if (good && seen.size < most && !seen.has(place)) {
      seen.add(place);
      return true;
    }
    dropped++;
    return false;
  });
  return { sdp: kept.join('\n'), dropped };
}
