import { lookup as dnsLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { Agent } from 'undici';
import { addressKind } from '../addresses.ts';
import { undici } from '../transport/undici.ts';
import { ToolError } from './errors.ts';

/**
 * Where HTTP tools may connect to. A host must be on the list; every address it resolves to is checked, and the connection is made to the
 * checked addresses and no others, so that a name cannot change its meaning between check and use (DNS rebinding).
 * https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
 */

export interface DestinationSettings {
  /** Hosts on the public internet: "api.example.com", "api.example.com:8443", "*.example.com". Default ports unless one is named. */
  readonly hosts: readonly string[];
  /** Hosts that may also be on this machine or in a private network, over plain HTTP too: "localhost:5678", "n8n.internal". */
  readonly privateHosts: readonly string[];
}

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Gives all addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

const resolveBySystem: Resolve = (hostname) =>
  new Promise((resolve, reject) => {
    dnsLookup(hostname, { all: true, verbatim: true }, (error, addresses) =>
      error === null ? resolve(addresses) : reject(error),
    );
  });

type Trust = 'public' | 'private';

export class Destinations {
  readonly #settings: DestinationSettings;
  readonly #resolve: Resolve;
  readonly #agents = new Map<Trust, Agent>();

  constructor(settings: DestinationSettings, resolve: Resolve = resolveBySystem) {
    this.#settings = settings;
    this.#resolve = resolve;
  }

  /**
   * Whether a URL may be asked at all, and by which dispatcher: one that connects to checked addresses alone. Throws
   * TOOL_DESTINATION_REFUSED with the reason.
   */
  dispatcherFor(url: URL): Agent {
    const trust = this.trustOf(url);
    const host = bare(url.hostname);
    // No look-up is made for an address written as such, so it is checked here. `new URL` has already turned 0x7f.1 and the like into 127.0.0.1.
    if (isIP(host) !== 0) checkAddress(host, trust);
    let agent = this.#agents.get(trust);
    if (agent === undefined) {
      const { Agent } = undici();
      agent = new Agent({ connect: { lookup: this.#lookup(trust), timeout: 5_000 }, connections: 32, pipelining: 1 });
      this.#agents.set(trust, agent);
    }
    return agent;
  }

  /** Whether the lists allow the URL; `private` when it may lead into a private network. Throws TOOL_DESTINATION_REFUSED. */
  trustOf(url: URL): Trust {
    if (url.username !== '' || url.password !== '') refuse('credentials in the URL');
    if (this.#settings.privateHosts.some((entry) => allows(entry, url))) {
      if (url.protocol !== 'https:' && url.protocol !== 'http:') refuse('neither https nor http');
      return 'private';
    }
    if (url.protocol !== 'https:') refuse('not https');
    if (!this.#settings.hosts.some((entry) => allows(entry, url))) refuse(`host ${url.host} is not on the list`);
    return 'public';
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
    this.#agents.clear();
  }

  /** What `net.connect` asks for addresses: it connects to what is answered here and asks nobody else. */
  #lookup(trust: Trust): LookupFunction {
    return (hostname, options, callback) => {
      this.#resolve(hostname)
        .then((addresses) => {
          if (addresses.length === 0) throw new ToolError('TOOL_UPSTREAM', 'The service has no address.');
          // One bad address among good ones is refused as well: which one would be used is a matter of luck.
          for (const { address } of addresses) checkAddress(address, trust);
          return addresses;
        })
        .then(
          (addresses) => {
            const [first] = addresses;
            if (options.all === true) callback(null, [...addresses]);
            else callback(null, first!.address, first!.family);
          },
          (error: NodeJS.ErrnoException) => callback(error, ''),
        );
    };
  }
}

function checkAddress(address: string, trust: Trust): void {
  const kind = addressKind(address);
  if (kind === 'public' || (kind === 'private' && trust === 'private')) return;
  refuse(`the host leads to a ${kind === 'private' ? 'private' : 'forbidden'} address`);
}

function refuse(why: string): never {
  throw new ToolError('TOOL_DESTINATION_REFUSED', `This destination is not allowed: ${why}.`);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/** Whether an entry of a list means this URL's host and port. */
function allows(entry: string, url: URL): boolean {
  const [, name = '', port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry.trim().toLowerCase()) ?? [];
  // `url.port` is empty for the scheme's default port.
  const defaultPort = url.protocol === 'https:' ? '443' : '80';
  if ((url.port || defaultPort) !== (port || defaultPort)) return false;
  const host = bare(url.hostname.toLowerCase());
  return name.startsWith('*.') ? host.endsWith(name.slice(1)) && host.length >= name.length : host === bare(name);
}

/** Whether an entry of a list is usable. */
export function isHostEntry(entry: string): boolean {
  return /^(\*\.)?([a-z0-9-]+\.)*[a-z0-9-]+(:\d{1,5})?$|^\[[0-9a-f:.]+\](:\d{1,5})?$/i.test(entry);
}
