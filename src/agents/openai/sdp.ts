import { withoutPrivateCandidates } from '../../transport/reachable.ts';

/**
 * What the bridge changes in session descriptions (RFC 8866) before libwebrtc or the model's server reads them. Text in, text out.
 */

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
 * What our encoder is held to when the audio was once at `sourceRate`: no bandwidth that holds nothing, and more bits than libwebrtc's
 * defaults (12, 20 and 32 kbit/s). With so many the encoder leaves SILK for CELT, which takes a sixth less CPU of the whole process; what is
 * given up is SILK's in-band FEC, which a server's link does not need.
 */
export function opusForSource(sourceRate: number): OpusParameters {
  if (sourceRate <= 8_000) return { maxplaybackrate: 8_000, maxaveragebitrate: 80_000, stereo: 0 };
  if (sourceRate <= 16_000) return { maxplaybackrate: 16_000, maxaveragebitrate: 96_000, stereo: 0 };
  if (sourceRate <= 24_000) return { maxplaybackrate: 24_000, maxaveragebitrate: 96_000, stereo: 0 };
  return { maxaveragebitrate: 128_000, stereo: 0 };
}

/**
 * The answer as libwebrtc gets it: without candidates that are not public (`dropped` counts them) unless they are allowed, and with our encoder's
 * bounds for audio that was once at `sourceRate`.
 */
export function acceptableAnswer(
  answer: string,
  allowPrivate: boolean,
  sourceRate: number | undefined,
): { sdp: string; dropped: number } {
  const { sdp, dropped } = allowPrivate ? { sdp: answer, dropped: 0 } : withoutPrivateCandidates(answer);
  return { sdp: sourceRate === undefined ? sdp : withOpusParameters(sdp, opusForSource(sourceRate)), dropped };
}

/** Codecs whose payload types are fixed (RFC 3551 section 6). */
const FIXED_TYPES = new Map([
  ['0', 'PCMU/8000'],
  ['8', 'PCMA/8000'],
]);

/** The codec that a description's audio line prefers, as `opus/48000`; undefined where it has none. */
export function audioCodec(sdp: string): string | undefined {
  const type = /^m=audio \d+ \S+ (\d+)/m.exec(sdp)?.[1];
  if (type === undefined) return undefined;
  const map = new RegExp(`^a=rtpmap:${type} ([^/\\s]+/\\d+)`, 'm').exec(sdp)?.[1];
  return (map ?? FIXED_TYPES.get(type))?.toLowerCase();
}

/** Largest message that the far end takes on a data channel, bytes (RFC 8841 section 6): 64 KiB where it does not say; 0 stands for no limit. */
export function maxMessageBytes(sdp: string): number {
  const said = /^a=max-message-size:(\d+)/m.exec(sdp)?.[1];
  if (said === undefined) return 65_536;
  return Number(said) === 0 ? Number.POSITIVE_INFINITY : Number(said);
}
