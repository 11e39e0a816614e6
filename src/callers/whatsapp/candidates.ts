import { isIP } from 'node:net';
import { addressKind, isPublicAddress } from '../../addresses.ts';

/** Under which addresses our media is named to Meta: one candidate for IPv4 and one for IPv6, no more. */

/** One UDP candidate of a description (RFC 8839 section 5.1). */
interface Candidate {
  readonly foundation: string;
  readonly priority: number;
  readonly address: string;
  readonly port: string;
  readonly type: 'host' | 'srflx' | 'relay';
}

const UDP = /^a=candidate:(\S+) 1 udp (\d+) (\S+) (\d+) typ (host|srflx|relay)\b/i;

/** A candidate as it is named: its line, and the address and port for peers that read only the default one. */
export interface Named {
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: string;
  readonly line: string;
}

/**
 * The best candidate of each family, IPv4 first: the announced address on the port of our own, else a public one, else what a STUN or TURN server gave,
 * else one of this network. Where any is public, those of this network are left out: Meta is not in it.
 */
export function chooseCandidates(lines: readonly string[], announced: readonly string[]): readonly Named[] {
  const all = lines.flatMap((line) => parse(line) ?? []);
  const chosen = ([4, 6] as const).flatMap((family) => {
    const own = all
      .filter(({ address }) => isIP(address) === family)
      .sort((a, b) => rank(a) - rank(b) || b.priority - a.priority);
    const [best] = own;
    if (best === undefined) return [];
    const outside = announced.find((address) => isIP(address) === family);
    if (outside === undefined) return [{ ...best, family, isPublic: rank(best) < LOCAL }];
    // The router, or the container's host, forwards ports one to one, and only those of this machine.
    const host = own.filter(({ type }) => type === 'host').at(0) ?? best;
    return [{ ...host, family, address: outside, isPublic: true }];
  });
  const anyPublic = chosen.some(({ isPublic }) => isPublic);
  return chosen
    .filter(({ isPublic }) => isPublic || !anyPublic)
    .map(({ family, foundation, priority, address, port, type }) => ({
      family,
      address,
      port,
      // What a candidate derives from is nobody's business outside (RFC 8839 section 5.1: "raddr" and "rport" may be any).
      line: `a=candidate:${foundation} 1 udp ${priority} ${address} ${port} typ ${type}${type === 'host' ? '' : ` raddr ${family === 4 ? '0.0.0.0' : '::'} rport 9`} generation 0`,
    }));
}

/** From which rank on a candidate is of no use outside this network. */
const LOCAL = 3;

/** Lower is better. A private address comes after a relayed one, and loopback last: only trials on one machine reach that. */
function rank({ type, address }: Candidate): number {
  if (type !== 'host') return type === 'srflx' ? 1 : 2;
  if (isPublicAddress(address)) return 0;
  if (/^(127\.|::1$)/.test(address)) return LOCAL + 2;
  return addressKind(address) === 'private' ? LOCAL : LOCAL + 1;
}

function parse(line: string): Candidate | undefined {
  const [, foundation = '', priority = '', address = '', port = '', type = ''] = UDP.exec(line) ?? [];
  if (isIP(address) === 0) return undefined;
  return { foundation, priority: Number(priority), address, port, type: type.toLowerCase() as Candidate['type'] };
}
