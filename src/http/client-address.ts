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

/** The eight groups of an IPv6 address, whose last two may be written as an IPv4 address (RFC 4291, section 2.2). */
function groupsOf(address: string): number[] {
  const tail = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const [a = 0, b = 0, c = 0, d = 0] = tail?.slice(1).map(Number) ?? [];
  const hex =
    tail === null
      ? address
      : `${address.slice(0, tail.index)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  const [left = [], right] = hex.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const zeros = Array<string>(right === undefined ? 0 : 8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...(right ?? [])].map((group) => Number.parseInt(group, 16));
}

/**
 * An address in the one form that is compared and counted: without a zone, which means something on one machine alone (RFC 4007), and as
 * IPv4 where IPv6 only carries it (`::ffff:…`, RFC 4291, section 2.5.5.2). Undefined for what is no address.
 */
function plainAddress(text: string): string | undefined {
  const address = text.replace(/%.*$/s, '').toLowerCase();
  const version = isIP(address);
  if (version !== 6) return version === 4 ? address : undefined;
  const groups = groupsOf(address);
  if (groups.slice(0, 5).some((group) => group !== 0) || groups[5] !== 0xffff) return address;
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 255])
    .join('.');
}

/**
 * The address that a proxy wrote of whom it got a request from: bare or in brackets, with a port or without, in quotes or without (RFC 7239,
 * section 6, and what is seen in X-Forwarded-For). Undefined for `unknown`, for a name that hides the address (`_…`), and for what is neither.
 */
function addressWritten(text: string): string | undefined {
  const node = text
    .trim()
    .replace(/^"(.*)"$/s, '$1')
    .trim();
  const [, bracketed, dotted] = /^(?:\[([^\]]*)\]|(\d+(?:\.\d+){3}))(?::(?:\d{1,5}|_[\w.-]+))?$/.exec(node) ?? [];
  return plainAddress(bracketed ?? dotted ?? node);
}

/**
 * The parts of a list from its end on; a separator in quotes is none (RFC 9110, section 5.6.4). What the nearest proxy wrote is read first, so
 * that no quote which a client left open reaches it.
 */
function* fromTheEnd(list: string, separator: ',' | ';'): Generator<string> {
  let end = list.length;
  let quoted = false;
  for (let i = list.length - 1; i >= 0; i--) {
    if (list[i] === '"' && !(quoted && isEscaped(list, i))) quoted = !quoted;
    else if (list[i] === separator && !quoted) {
      yield list.slice(i + 1, end);
      end = i;
    }
  }
  yield list.slice(0, end);
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (first > 0 && text[first - 1] === '\\') first--;
  return (at - first) % 2 === 1;
}

/** What an element of Forwarded says of `for`; undefined where it says nothing. */
function forOf(element: string): string | undefined {
  for (const pair of fromTheEnd(element, ';')) {
    const equals = pair.indexOf('=');
    if (pair.slice(0, Math.max(0, equals)).trim().toLowerCase() === 'for')
      return addressWritten(pair.slice(equals + 1).replace(/\\(.)/gs, '$1'));
  }
  return undefined;
}

/** Whom each proxy on the way got the request from, by its own word, the nearest first; undefined where it does not say. */
function* hops({ headers }: Pick<IncomingMessage, 'headers'>): Generator<string | undefined> {
  const { 'x-forwarded-for': listed, forwarded } = headers;
  // One that is there alone is believed. Where both are, nearly every proxy wrote the first, and the other is what a client sent.
  const list = [listed ?? []].flat().join(',');
  const [text, read] = list === '' ? ([forwarded ?? '', forOf] as const) : ([list, addressWritten] as const);
  // Empty elements do not count (RFC 9110, section 5.6.1).
  for (const element of fromTheEnd(text, ',')) if (element.trim() !== '') yield read(element);
}

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
    const plain = plainAddress(address);
    return plain !== undefined && this.#trusted.check(plain, isIP(plain) === 4 ? 'ipv4' : 'ipv6');
  }

  /**
   * The address of whoever sent the request to the outermost trusted proxy. Each proxy appends whom it got the request from, so the list is
   * read from its end, and the first that is no proxy of ours is the one; what stands before it may be forged. Where a proxy of ours names
   * nobody, the proxy is all that is known: those share what one address may, and nobody else is mixed with them.
   */
  of(request: Pick<IncomingMessage, 'headers' | 'socket'>): string {
    let address = plainAddress(request.socket.remoteAddress ?? '') ?? '';
    if (!this.trusts(address)) return address;
    for (const hop of hops(request)) {
      if (hop === undefined) break;
      address = hop;
      if (!this.trusts(address)) break;
    }
    return address;
  }
}

/** What proxies, tunnels and caches write of whom they ask for. */
const FORWARDED = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-server',
  'x-real-ip',
  'x-client-ip',
  'x-envoy-external-address',
  'true-client-ip',
  'cf-connecting-ip',
  'cf-ray',
];
/** How a program on this machine names it, with the port that it asks. */
const LOCAL_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::(\d{1,5}))?$/i;

/**
 * Whether it looks as if a program on this machine asks, for itself. A connection over loopback alone does not say so: a tunnel or a proxy on this machine
 * passes strangers on by one, and so does a page in a browser here. Those show it by what was asked for (a name that is not this machine's, or a port that
 * is not the one that was reached: bytes that were passed on), by a header that names whom they ask for, by an origin, or by HTTP/1.0, which nginx speaks
 * to what is behind it unless it is told otherwise. One that shows none of it, or a stranger who writes the port that he does not see, looks the same: where
 * something is known to pass strangers on, this is not to be asked.
 */
export function isOnThisMachine({
  headers,
  socket,
  httpVersion,
}: Pick<IncomingMessage, 'headers' | 'socket' | 'httpVersion'>): boolean {
  const address = plainAddress(socket.remoteAddress ?? '');
  if (address !== '::1' && !address?.startsWith('127.')) return false;
  const [host, port = '80'] = LOCAL_HOST.exec(headers.host ?? '') ?? [];
  if (host === undefined || Number(port) !== socket.localPort) return false;
  if (httpVersion === '1.0' || headers.origin !== undefined) return false;
  // What every tutorial has nginx send for the sake of WebSockets, with every request.
  if (/\bupgrade\b/i.test(headers.connection ?? '') && headers.upgrade === undefined) return false;
  return FORWARDED.every((name) => headers[name] === undefined);
}

/** Whether an address of the daemon's names this machine, so that nobody else is to reach it by that. */
export function isLocalUrl(url: string): boolean {
  return LOCAL_HOST.test(new URL(url).host);
}

/** What a limit is counted by: an IPv4 address, or the /64 network that one subscriber has of IPv6 (RFC 6177). */
export function limitKey(address: string): string {
  const plain = plainAddress(address);
  if (plain === undefined || isIP(plain) === 4) return plain ?? address;
  const network = groupsOf(plain).slice(0, 4);
  return `${network.map((group) => group.toString(16)).join(':')}::/64`;
}
