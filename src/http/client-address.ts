import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Who a request comes from. What proxies say of it is believed of those alone that are trusted; anybody can write the header. */

/** The names that stand for networks, as the field's proxies have them: RFC 1122, 3927, 4291, 1918, 4193. */
const NETWORKS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

interface Network {
  readonly address: string;
  readonly bits: number;
  readonly family: 'ipv4' | 'ipv6';
}

function networkOf(text: string): Network | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  const most = version === 4 ? 32 : 128;
  const n = bits === undefined ? most : Number(bits);
  if (version === 0 || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits)) || n > most) return undefined;
  return { address, bits: n, family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** Whether an entry of the setting names an address, a network or one of the known groups. */
export function isProxyEntry(entry: string): boolean {
  return Object.hasOwn(NETWORKS, entry) || networkOf(entry) !== undefined;
}

/** An IPv4 address as it is, also where the socket shows it as IPv4-mapped (RFC 4291, section 2.5.5.2). */
const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.)/i, '');

export class ClientAddresses {
  readonly #trusted = new BlockList();

  /** `trusted`: entries that `isProxyEntry` takes. */
  constructor(trusted: readonly string[] = []) {
    for (const entry of trusted.flatMap((name) => (Object.hasOwn(NETWORKS, name) ? (NETWORKS[name] ?? []) : [name]))) {
      const network = networkOf(entry);
      if (network === undefined) throw new TypeError(`not an address or a network: ${entry}`);
      this.#trusted.addSubnet(network.address, network.bits, network.family);
    }
  }

  /** Whether this address is one of the trusted proxies'. */
  trusts(address: string): boolean {
    const version = isIP(plain(address));
    return version !== 0 && this.#trusted.check(plain(address), version === 4 ? 'ipv4' : 'ipv6');
  }

  /**
   * The address of whoever sent the request to the outermost trusted proxy. Each proxy appends whom it got the request from, so the list is
   * read from its end, and the first that is no proxy of ours is the one; what stands before it may be forged.
   */
  of(request: Pick<IncomingMessage, 'headers' | 'socket'>): string {
    let address = plain(request.socket.remoteAddress ?? '');
    const { 'x-forwarded-for': header = '' } = request.headers;
    const hops = [header].flat().join(',').split(',').reverse();
    for (const hop of hops) {
      if (!this.trusts(address)) break;
      const next = plain(hop.trim());
      if (isIP(next) === 0) break;
      address = next;
    }
    return address;
  }
}

/** What a limit is counted by: an IPv4 address, or the /64 network that one subscriber has of IPv6 (RFC 6177). */
export function limitKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
