/**
 * Session descriptions on Meta's side: how its own look, and what it takes of the business. The shape is that of an offer observed in a webhook
 * in November 2025; the rules are of these pages.
 *
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/reference ("SDP overview")
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/troubleshooting
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/faq
 */

import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';

/** The name of the one media section, and the payload type of keys. */
export const MID = 'audio';
export const TELEPHONE_EVENT = 126;

/** In what a phone speaks. */
export interface Format {
  readonly name: 'opus' | 'PCMU';
  readonly payloadType: number;
  /** Of the RTP timestamp, Hz. */
  readonly clockRate: 48_000 | 8_000;
}

export const OPUS: Format = { name: 'opus', payloadType: 111, clockRate: 48_000 };
export const PCMU: Format = { name: 'PCMU', payloadType: 0, clockRate: 8_000 };

export interface MetaSide {
  readonly candidates: ReadonlyArray<{ readonly ip: string; readonly port: number }>;
  readonly ufrag: string;
  readonly password: string;
  readonly fingerprint: string;
  readonly setup: 'actpass' | 'active';
  readonly ssrc: number;
  readonly format: Format;
  /** Of the offer that is answered; Meta's own where it offers. */
  readonly mid?: string | undefined;
}

/** Meta's description of a user's end. */
export function metaSdp(side: MetaSide): string {
  const { candidates, format, mid = MID } = side;
  const [first] = candidates;
  const stream = randomUUID();
  return lines([
    'v=0',
    `o=- ${Date.now()} 2 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    `a=group:BUNDLE ${mid}`,
    `a=msid-semantic: WMS ${stream}`,
    'a=ice-lite',
    `m=audio ${first?.port ?? 9} UDP/TLS/RTP/SAVPF ${format.payloadType} ${TELEPHONE_EVENT}`,
    `c=IN IP${isIP(first?.ip ?? '') === 6 ? 6 : 4} ${first?.ip ?? '0.0.0.0'}`,
    'a=rtcp:9 IN IP4 0.0.0.0',
    ...candidates.map(
      ({ ip, port }, i) =>
        `a=candidate:${1_972_637_320 + i} 1 udp ${2_113_937_151 + i * 2_560} ${ip} ${port} typ host generation 0 network-cost 50`,
    ),
    `a=ice-ufrag:${side.ufrag}`,
    `a=ice-pwd:${side.password}`,
    `a=fingerprint:sha-256 ${side.fingerprint}`,
    `a=setup:${side.setup}`,
    `a=mid:${mid}`,
    'a=sendrecv',
    `a=msid:${stream} WhatsAppTrack1`,
    'a=rtcp-mux',
    ...(format.name === 'opus'
      ? [
          `a=rtpmap:${format.payloadType} opus/48000/2`,
          `a=fmtp:${format.payloadType} maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1`,
        ]
      : [`a=rtpmap:${format.payloadType} PCMU/8000`]),
    `a=rtpmap:${TELEPHONE_EVENT} telephone-event/8000`,
    'a=maxptime:20',
    'a=ptime:20',
    `a=ssrc:${side.ssrc} cname:WhatsAppAudioStream1`,
  ]);
}

const lines = (all: readonly string[]) => `${all.join('\r\n')}\r\n`;

/**
 * What Meta would not take in a description of the business, one sentence each; none when it is right. `formats`: payload types that were offered,
 * where this answers an offer.
 */
export function wrongWith(sdp: string, what: 'offer' | 'answer', formats?: readonly string[]): string[] {
  if (!sdp.includes('\n') && sdp.includes('\\n')) return ['it was encoded as JSON twice'];
  if (!/^v=0\r\n/.test(sdp) || /[^\r]\n/.test(sdp)) return ['its lines do not end with CRLF'];
  const all = sdp.trimEnd().split('\r\n');
  const of = (start: string) => all.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
  const wrong: string[] = [];
  const media = of('m=');
  const [audio = ''] = media;
  const [kind, port, protocol, ...types] = audio.split(' ');
  if (media.length !== 1 || kind !== 'audio') wrong.push('it must have one media section, of audio');
  if (protocol !== 'UDP/TLS/RTP/SAVPF') wrong.push(`its protocol is ${protocol}`);
  if (port === '0') wrong.push('its audio is switched off');
  // Meta's side is the lite one: the business must be the full agent, and the controlling one.
  if (of('a=ice-lite').length > 0) wrong.push('it is ice-lite, and so is Meta');
  if (of('a=ice-ufrag:').length !== 1 || of('a=ice-pwd:').length !== 1) wrong.push('it has no ICE credentials');
  const prints = of('a=fingerprint:');
  if (prints.length === 0) wrong.push('it has no DTLS fingerprint');
  if (!prints.every((one) => /^sha-256 [0-9A-F]{2}(:[0-9A-F]{2}){31}$/i.test(one)))
    wrong.push('a fingerprint is not of sha-256');
  const wanted = what === 'answer' ? 'active' : 'actpass';
  if (of('a=setup:').join() !== wanted) wrong.push(`its DTLS setup is not ${wanted}`);
  if (of('a=rtcp-mux').length === 0) wrong.push('it has no rtcp-mux');
  if (formats !== undefined && !types.every((type) => formats.includes(type)))
    wrong.push('it has a format that was not offered');
  if (!types.includes('0') && !types.includes('8') && !of('a=rtpmap:').some((one) => /^\d+ opus\/48000\/2$/i.test(one)))
    wrong.push('it has neither Opus nor G.711');
  return [...wrong, ...wrongCandidates(of('a=candidate:'))];
}

/** One candidate a family, and UDP alone: what more there is Meta does not look at. */
function wrongCandidates(candidates: readonly string[]): string[] {
  if (candidates.length === 0) return ['it has no candidate'];
  const families = candidates.map((one) => {
    const [, , protocol = '', , ip = ''] = one.split(' ');
    return protocol.toLowerCase() === 'udp' ? isIP(ip) : 0;
  });
  if (families.includes(0)) return ['it has a candidate that is not of UDP and an IP address'];
  return new Set(families).size < families.length ? ['it has more than one candidate of a family'] : [];
}

/** The name of its first section. */
export const midOf = (sdp: string): string | undefined => /^a=mid:(\S+)/m.exec(sdp)?.[1];

/** The payload types of a description's audio. */
export const formatsOf = (sdp: string): string[] => /^m=audio \d+ \S+ (.+?)\r?$/m.exec(sdp)?.[1]?.split(' ') ?? [];
