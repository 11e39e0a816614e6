/**
 * Which codec a stream's stated format is. Carriers, and the proxies before them, spell one encoding in many ways; each that can mean but one
 * thing is taken. What is left is refused at the start of the stream: a wrong guess would be noise in the caller's ear.
 */

import { type Codec, l16, pcma, pcmu } from '../../media/codecs.ts';
import type { ByteOrder } from '../../media/l16.ts';
import type { CarrierMedia, L16Wire } from './carrier-media.ts';
import { OrderJudge, orderOf } from './l16-order.ts';
import type { MediaFormat, StartMessage } from './protocol.ts';

/** L16 where no carrier of the table has any. */
const PLAIN_L16: L16Wire = { byteOrder: 'le' };
/** Rates at which carriers send linear PCM, Hz. */
const L16_RATES = [8000, 16_000, 24_000];

type Family = 'mulaw' | 'alaw' | 'l16';

/**
 * The names of each encoding, without "audio/" and "x-": those of the carriers' pages, of RFC 3551 (PCMU, PCMA, L16) and RFC 2046
 * (audio/basic), and what common media libraries call them.
 */
const NAMES: Readonly<Record<string, Family>> = {
  mulaw: 'mulaw',
  'mu-law': 'mulaw',
  ulaw: 'mulaw',
  'u-law': 'mulaw',
  pcmu: 'mulaw',
  pcm_mulaw: 'mulaw',
  g711u: 'mulaw',
  g711_ulaw: 'mulaw',
  basic: 'mulaw',
  alaw: 'alaw',
  'a-law': 'alaw',
  pcma: 'alaw',
  pcm_alaw: 'alaw',
  g711a: 'alaw',
  g711_alaw: 'alaw',
  l16: 'l16',
  linear16: 'l16',
  lpcm16: 'l16',
  pcm16: 'l16',
};

/** What an encoding says, taken apart: "audio/x-L16;rate=24000", "PCMU@8000h", "L16/24000/1". */
interface Encoding {
  readonly name: string;
  /** Hz; undefined when it does not say, NaN when what it says is no rate. */
  readonly rate: number | undefined;
  readonly channels: number | undefined;
}

/**
 * The codec of `format`, undefined when it is not spoken here or not plain. A G.711 law without a rate is at 8 kHz; L16 without one is at
 * `l16Hz`, which is what the stream's document asked for. No `start` says the byte order of L16.
 */
export function codecFor(format: MediaFormat, l16ByteOrder: ByteOrder, l16Hz?: number): Codec | undefined {
  const said = readEncoding(format.encoding);
  const family = Object.hasOwn(NAMES, said.name) ? NAMES[said.name] : undefined;
  if (family === undefined || format.channels !== 1 || (said.channels ?? 1) !== 1) return undefined;
  // Two rates that contradict each other leave open which of them is the samples'.
  if (said.rate !== undefined && format.sampleRate !== 0 && said.rate !== format.sampleRate) return undefined;
  const stated = said.rate ?? (format.sampleRate === 0 ? undefined : format.sampleRate);
  if (family === 'l16') {
    const rate = stated ?? l16Hz;
    return rate !== undefined && L16_RATES.includes(rate) ? l16(rate, l16ByteOrder) : undefined;
  }
  if ((stated ?? 8000) !== 8000) return undefined;
  return family === 'mulaw' ? pcmu : pcma;
}

/** The codecs of a stream's two directions. */
export interface StreamCodecs {
  /** Of what the carrier sends: the caller. */
  readonly heard: Codec;
  /** Of what it plays: the agent. */
  readonly played: Codec;
  /** Whom the caller's audio has to be shown until the byte order of both directions' L16 is known. */
  readonly judge?: OrderJudge;
}

/** The same codec in this byte order; one that has none is itself. */
export const inOrder = (codec: Codec, order: ByteOrder): Codec =>
  codec.bytesPerSample === 2 ? l16(codec.sampleRate, order) : codec;

/** The codecs of a stream that began so; undefined when one of its formats is not spoken here. */
export function codecsFor(
  protocol: Pick<CarrierMedia, 'l16' | 'plays'>,
  start: StartMessage,
): StreamCodecs | undefined {
  const wire = protocol.l16 ?? PLAIN_L16;
  const order = orderOf(wire);
  const heard = codecFor(start.format, order, wire.hz);
  const played = protocol.plays === undefined ? heard : codecFor(protocol.plays(start), order, wire.hz);
  if (heard === undefined || played === undefined) return undefined;
  const isOpen = wire.byteOrder === 'auto' && heard.bytesPerSample === 2;
  return { heard, played, ...(isOpen ? { judge: new OrderJudge(wire, heard.sampleRate) } : {}) };
}

/** "pcmu@8000", "l16le@24000": the codec as the audio path shows it. */
export function codecLabel({ name, sampleRate }: Codec): string {
  return `${name.replace(/^(l16)\/\d+\/(\w+)$/, '$1$2')}@${sampleRate}`;
}

/** "audio/x-opus 48000 Hz x 2", from the wire: bounded, and with nothing in it that a log could trip over. */
export function describeFormat({ encoding, sampleRate, channels }: MediaFormat): string {
  const name = encoding.slice(0, 40).replace(/[^\w./+@;= -]/g, '?');
  const rate = sampleRate === 0 ? 'without a rate' : `${sampleRate} Hz`;
  return `${name} ${rate} x ${channels}`;
}

/** RFC 3551 section 4.1 names an encoding `name/rate/channels`, a media type adds parameters (RFC 4855), and cXML writes `name@rateh`. */
function readEncoding(encoding: string): Encoding {
  const [type = '', ...parameters] = encoding.toLowerCase().split(';');
  const bare = type.trim().replace(/^audio\/\s*/, '');
  const [name = '', rate, channels] = bare.split(/[/@]/).map((part) => part.trim());
  const given = new Map<string, string>();
  for (const parameter of parameters) {
    const [key = '', value = ''] = parameter.split('=').map(unquoted);
    given.set(key, value);
  }
  return {
    name: name.replace(/^x-/, ''),
    rate: hertz(given.get('rate') ?? given.get('samplerate') ?? rate),
    channels: hertz(given.get('channels') ?? channels),
  };
}

const unquoted = (text: string) => text.trim().replace(/^"(.*)"$/, '$1');

function hertz(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  return /^\d{1,6}\s*(h|hz)?$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
}
