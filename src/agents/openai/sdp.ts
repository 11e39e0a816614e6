import { BlockList, isIP } from 'node:net';

/**
 * What the bridge changes in session descriptions (RFC 8866) before libwebrtc or the model's server reads them. Text in, text out.
 */

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

/** Codecs that the model's answers hold, and the digits' event. */
const OFFERED = new Set(['opus/48000/2', 'pcmu/8000', 'pcma/8000', 'telephone-event/8000', 'telephone-event/48000']);

/** Feedback for video's bandwidth estimation: one audio stream of a fixed rate has nothing to estimate, and it costs CPU a packet. */
const NOT_OFFERED = /^a=(?:rtcp-fb:\d+ transport-cc|extmap:\d+ \S*(?:abs-send-time|transport-wide-cc-extensions))/;

/**
 * The offer with only the codecs that the model's server is known to answer (Opus, G.711, telephone-event), without the redundant and
 * wideband ones of libwebrtc's list, and without bandwidth estimation. Lines of other media stay as they are.
 */
export function leanOffer(offer: string): string {
  const lines = offer.split('\n');
  const drop = new Set<string>();
  forEachLine(lines, (line, inAudio) => {
    const map = inAudio ? /^a=rtpmap:(\d+) (\S+)/.exec(line) : null;
    if (map !== null && !OFFERED.has(map[2]!.toLowerCase())) drop.add(map[1]!);
  });
  const out: string[] = [];
  forEachLine(lines, (line, inAudio) => {
    if (inAudio && line.startsWith('m=audio ')) {
      // m=audio <port> <proto> <payload type> ...
      const [media, port, proto, ...types] = line.trimEnd().split(' ');
      const end = line.endsWith('\r') ? '\r' : '';
      out.push([media, port, proto, ...types.filter((type) => !drop.has(type))].join(' ') + end);
      return;
    }
    const attribute = inAudio ? /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) /.exec(line) : null;
    if (attribute !== null && drop.has(attribute[1]!)) return;
    if (!inAudio || !NOT_OFFERED.test(line)) out.push(line);
  });
  return out.join('\n');
}

/** Goes through the lines and tells of each whether it belongs to audio. */
function forEachLine(lines: readonly string[], visit: (line: string, inAudio: boolean) => void): void {
  let inAudio = false;
  for (const line of lines) {
    if (line.startsWith('m=')) inAudio = line.startsWith('m=audio ');
    visit(line, inAudio);
  }
}

/** Parameters of Opus in SDP (RFC 7587 section 6.1). In a remote description they bound what our own encoder makes. */
export interface OpusParameters {
  /** Hz: the encoder keeps no audio above half of it. */
  maxplaybackrate?: number;
  /** Bits per second. */
  maxaveragebitrate?: number;
  stereo?: 0 | 1;
  useinbandfec?: 0 | 1;
  usedtx?: 0 | 1;
}

/** The description with these parameters set on its Opus line, others kept. The same text where no Opus is in it. */
export function withOpusParameters(sdp: string, parameters: OpusParameters): string {
  const type = /^a=rtpmap:(\d+) opus\/48000/im.exec(sdp)?.[1];
  if (type === undefined) return sdp;
  const set = new Map<string, string>();
  const old = new RegExp(`^a=fmtp:${type} ([^\\r\\n]*)`, 'm').exec(sdp);
  for (const pair of old?.[1]?.split(';') ?? []) {
    const [key, ...value] = pair.trim().split('=');
    if (key !== undefined && key !== '') set.set(key, value.join('='));
  }
  for (const [key, value] of Object.entries(parameters)) set.set(key, String(value));
  const line = `a=fmtp:${type} ${[...set].map(([key, value]) => `${key}=${value}`).join(';')}`;
  if (old !== null) return sdp.replace(old[0], () => line);
  return sdp.replace(new RegExp(`^a=rtpmap:${type} [^\\r\\n]*(\\r?\\n|$)`, 'm'), (map) =>
    map.endsWith('\n') ? `${map}${line}${map.endsWith('\r\n') ? '\r\n' : '\n'}` : `${map}\r\n${line}`,
  );
}

/**
 * What our encoder is held to when the audio was once at `sourceRate`: no bandwidth that holds nothing, and for what is left more bits
 * than libwebrtc's defaults (12, 20 and 32 kbit/s), since a word misheard costs more than bandwidth.
 */
export function opusForSource(sourceRate: number): OpusParameters {
  if (sourceRate <= 8_000) return { maxplaybackrate: 8_000, maxaveragebitrate: 24_000, stereo: 0 };
  if (sourceRate <= 16_000) return { maxplaybackrate: 16_000, maxaveragebitrate: 32_000, stereo: 0 };
  if (sourceRate <= 24_000) return { maxplaybackrate: 24_000, maxaveragebitrate: 32_000, stereo: 0 };
  return { stereo: 0 };
}
