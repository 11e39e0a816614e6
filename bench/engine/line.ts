/** What a session description says of its audio line, as far as an end that encodes and decodes by itself must know it (RFC 8866, RFC 7587). */

export type AudioCodec = 'opus' | 'pcmu' | 'pcma';

export interface AudioLine {
  readonly mid: string;
  /** The codecs that can be had here by payload type, the one that is wanted most first. */
  readonly codecs: ReadonlyMap<number, AudioCodec>;
  /** What the other end's Opus decoder wants, as far as it says. */
  readonly opus: {
    /** Hz. */
    readonly maxPlaybackRate?: number;
    /** Bits per second. */
    readonly maxAverageBitrate?: number;
  };
  /** Whether the line takes audio. */
  readonly receives: boolean;
}

/** Payload types that need no map (RFC 3551 section 6). */
const FIXED: Readonly<Record<string, AudioCodec>> = { '0': 'pcmu', '8': 'pcma' };

/** The description's first audio line; undefined where it has none that is on, or none of our codecs. */
export function audioLine(sdp: string): AudioLine | undefined {
  const section = sdp.split(/\r?\n(?=m=)/).find((one) => /^m=audio [1-9]/.test(one));
  if (section === undefined) return undefined;
  const types = /^m=audio \d+ \S+ ([\d ]+)/.exec(section)?.[1]?.trim().split(' ') ?? [];
  const codecs = new Map<number, AudioCodec>();
  let opusType: string | undefined;
  for (const type of types) {
    const name = new RegExp(`^a=rtpmap:${type} ([^\\s]+)`, 'm').exec(section)?.[1]?.toLowerCase();
    const codec = name === undefined ? FIXED[type] : codecOf(name);
    if (codec === undefined) continue;
    if (codec === 'opus') opusType ??= type;
    codecs.set(Number(type), codec);
  }
  if (codecs.size === 0) return undefined;
  const fmtp = new RegExp(`^a=fmtp:${opusType} ([^\\r\\n]*)`, 'm').exec(section)?.[1] ?? '';
  const number = (name: string) => {
    const text = new RegExp(`(?:^|;)\\s*${name}=(\\d+)`).exec(fmtp)?.[1];
    return text === undefined ? undefined : Number(text);
  };
  const [rate, bits] = [number('maxplaybackrate'), number('maxaveragebitrate')];
  return {
    mid: /^a=mid:(\S+)/m.exec(section)?.[1] ?? '0',
    codecs,
    opus: {
      ...(rate === undefined ? {} : { maxPlaybackRate: rate }),
      ...(bits === undefined ? {} : { maxAverageBitrate: bits }),
    },
    receives: !/^a=(sendonly|inactive)\s*$/m.test(section),
  };
}

function codecOf(name: string): AudioCodec | undefined {
  if (name.startsWith('opus/48000')) return 'opus';
  if (/^pcmu\/8000(\/1)?$/.test(name)) return 'pcmu';
  return /^pcma\/8000(\/1)?$/.test(name) ? 'pcma' : undefined;
}
