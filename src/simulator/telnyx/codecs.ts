import { type Codec, l16, pcma, pcmu } from '../../media/codecs.ts';
import type { ByteOrder } from '../../media/l16.ts';

/** The codecs of a stream, in the words of its parameters. https://developers.telnyx.com/api-reference/call-commands/streaming-start */

/** What a call itself is in: G.711 as its network has it, or linear and wideband. */
export type CallCodec = 'PCMU' | 'PCMA' | 'L16@16000' | 'L16@24000';

const RATES = [8_000, 16_000, 22_050, 24_000, 48_000];
const isLaw = (name: string) => name === 'PCMU' || name === 'PCMA';

const codecOf = (name: string, hz: number, order: ByteOrder): Codec | undefined =>
  name === 'PCMU' ? pcmu : name === 'PCMA' ? pcma : name === 'L16' && RATES.includes(hz) ? l16(hz, order) : undefined;

/** What the stream sends: between the two laws it converts, else it is the call's own. */
export function sentCodec(asked: string, call: CallCodec, order: ByteOrder): { name: string; codec: Codec } {
  const [own = '', hz] = call.split('@');
  const name = isLaw(asked) && isLaw(own) ? asked : own;
  return { name, codec: codecOf(name, Number(hz ?? 8_000), order) ?? pcmu };
}

/** What the stream plays of ours; undefined for what this stand-in does not. */
export const playedCodec = (asked: string, hz: number, order: ByteOrder): Codec | undefined =>
  codecOf(asked, hz, order);
