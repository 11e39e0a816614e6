import { BlockList, isIP, isIPv6 } from 'node:net';

/**
 * Which addresses somebody else may have us go to: those of requests on his behalf, and those he says he has himself. Ranges that are not the public internet are from the IANA special-purpose
 * registries: https://www.iana.org/assignments/iana-ipv4-special-registry and https://www.iana.org/assignments/iana-ipv6-special-registry
 */

export type AddressKind =
  | 'public'
  /** Loopback, private and carrier-internal networks: reachable only by hosts that the settings name as private. */
  | 'private'
  /** Never: link-local (cloud metadata services live there), multicast, unspecified, reserved, and what is no address. */
  | 'forbidden';

const PRIVATE_V4 = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '127.0.0.0/8', '100.64.0.0/10'];
const FORBIDDEN_V4 = [
  '0.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
const PRIVATE_V6 = ['::1/128', 'fc00::/7'];
const FORBIDDEN_V6 = [
  '::/128',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '3fff::/20',
  '5f00::/16',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  // The metadata service of one large cloud, inside a private range: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
  'fd00:ec2::/32',
];
/** Alibaba's metadata service is inside carrier-internal space: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata */
const METADATA_V4 = ['100.100.100.200/32'];

const privateList = listOf(PRIVATE_V4, PRIVATE_V6);
const forbiddenList = listOf([...FORBIDDEN_V4, ...METADATA_V4], FORBIDDEN_V6);

function listOf(v4: readonly string[], v6: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of [...v4, ...v6]) {
    const [network = '', prefix = ''] = range.split('/');
    list.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** What kind of address a text is: dotted IPv4 or IPv6, without brackets. An IPv6 address that wraps an IPv4 one is as that one is. */
export function addressKind(address: string): AddressKind {
  // A zone ("fe80::1%eth0") makes it local whatever it says.
  const family = address.includes('%') ? 0 : isIP(address);
  if (family === 0) return 'forbidden';
  if (family === 6) {
    const inner = wrappedIPv4(address);
    if (inner !== undefined) return addressKind(inner);
  }
  const type = family === 6 ? 'ipv6' : 'ipv4';
  if (forbiddenList.check(address, type)) return 'forbidden';
  return privateList.check(address, type) ? 'private' : 'public';
}

/** Global unicast: nothing beside it is assigned. 6to4 within it carries an IPv4 address, over relays that are gone (RFC 7526). */
const globalUnicast6 = listOf([], ['2000::/3']);
const sixToFour = listOf([], ['2002::/16']);

/** Whether a literal address is globally reachable by itself. False for anything that is not a literal address, and for IPv4 wrapped into IPv6. */
export function isPublicAddress(address: string): boolean {
  if (addressKind(address) !== 'public') return false;
  return isIP(address) === 4 || (globalUnicast6.check(address, 'ipv6') && !sixToFour.check(address, 'ipv6'));
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

/** The IPv4 address inside a mapped (::ffff:/96), NAT64 (64:ff9b::/96), 6to4 (2002::/16) or compatible (::/96) address. */
function wrappedIPv4(address: string): string | undefined {
  const groups = groupsOf(address);
  const last = (i: number) => `${groups[i]! >> 8}.${groups[i]! & 255}.${groups[i + 1]! >> 8}.${groups[i + 1]! & 255}`;
  const zeros = (from: number, to: number) => groups.slice(from, to).every((group) => group === 0);
  if (zeros(0, 5) && groups[5] === 0xffff) return last(6);
  if (groups[0] === 0x64 && groups[1] === 0xff9b && zeros(2, 6)) return last(6);
  if (groups[0] === 0x2002) return last(1);
  // The unspecified and the loopback address look like compatible ones and are not.
  if (zeros(0, 6) && (groups[6] !== 0 || groups[7]! > 1)) return last(6);
  return undefined;
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const dotted = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [(Number(a) << 8) | Number(b), (Number(c) << 8) | Number(d)].map((n) => n.toString(16)).join(':'),
  );
  const [head = '', tail] = dotted.split('::');
  const parse = (part: string) =>
    part
      .split(':')
      .filter((group) => group !== '')
      .map((group) => Number.parseInt(group, 16));
  const before = parse(head);
  const after = tail === undefined ? [] : parse(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}
