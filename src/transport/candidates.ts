/**
 * Puts ICE candidates into a session description (RFC 8839 section 4). libwebrtc does that too, but on another thread than the one that
 * reads the text: reading it while candidates are still being found crashes the process
 * (https://github.com/node-webrtc/node-webrtc/issues/696). So they are collected as they are told and put in here.
 */

/** A candidate as it is told: the attribute's value, and the media line it belongs to. */
export interface Candidate {
  /** "candidate:1 1 udp 2122194687 192.0.2.2 36744 typ host ..." */
  readonly candidate: string;
  /** Index of its media line. */
  readonly line: number;
}

/**
 * The description with the candidates in their media sections. The best UDP candidate (IPv4 before IPv6) becomes the default one, which
 * stands in the `m=` and `c=` lines for peers that know no ICE (RFC 8839 section 4.2.1.2).
 */
export function withCandidates(sdp: string, candidates: readonly Candidate[]): string {
  if (candidates.length === 0) return sdp;
  // Line breaks are CRLF (RFC 8866 section 5); what follows the last one is empty.
  const out: string[] = [];
  let section = -1;
  let mine: readonly Candidate[] = [];
  const flush = () => {
    for (const { candidate } of mine) out.push(`a=${candidate}`);
    mine = [];
  };
  let best: Address | undefined;
  for (const line of sdp.split('\r\n')) {
    if (line.startsWith('m=') || line === '') flush();
    if (line.startsWith('m=')) {
      section++;
      mine = candidates.filter((candidate) => candidate.line === section);
      best = defaultOf(mine);
      out.push(best === undefined ? line : line.replace(/^(m=\S+) \d+/, `$1 ${best.port}`));
    } else if (line.startsWith('c=') && best !== undefined) {
      out.push(`c=IN ${best.family} ${best.ip}`);
    } else {
      out.push(line);
    }
  }
  return out.join('\r\n');
}

interface Address {
  readonly ip: string;
  readonly port: string;
  readonly family: 'IP4' | 'IP6';
  readonly priority: number;
}

function defaultOf(candidates: readonly Candidate[]): Address | undefined {
  let best: Address | undefined;
  for (const { candidate } of candidates) {
    const [, , protocol, priority, ip, port] = candidate.split(' ');
    if (protocol?.toLowerCase() !== 'udp' || ip === undefined || port === undefined) continue;
    const address: Address = { ip, port, family: ip.includes(':') ? 'IP6' : 'IP4', priority: Number(priority) };
    if (best === undefined || isBetter(address, best)) best = address;
  }
  return best;
}

function isBetter(a: Address, b: Address): boolean {
  return a.family === b.family ? a.priority > b.priority : a.family === 'IP4';
}
