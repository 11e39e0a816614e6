import type { CarrierMedia, L16Wire } from '../../carrier-media.ts';
import { clearText, dtmfText, markText, mediaText, parseMessage } from '../laml/messages.ts';
import { countSigns, type FamilySigns } from '../laml/signs.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const SIGNS: FamilySigns = { version: /^0\./, id: UUID, topLevelStreamId: false };

/** What is set of its streams. */
export interface SignalWireMediaOptions {
  /** No page says it; the carrier's own sample implies little endian, the default. */
  readonly byteOrder?: L16Wire['byteOrder'];
  /** The codec its documents ask for, as cXML writes it: "L16@24000h", "PCMU@8000h". */
  readonly codec?: string;
}

/**
 * SignalWire's cXML `<Stream>`: the family's messages with the stream id inside `start` only, L16 at 16 and 24 kHz beside mu-law, the
 * length of a pressed digit, and digits that we may send. https://developer.signalwire.com/compatibility-api/cxml/voice/stream
 */
export function signalwireMedia({ byteOrder = 'le', codec = '' }: SignalWireMediaOptions = {}): CarrierMedia {
  const asked = /^L16@(\d+)h$/.exec(codec)?.[1];
  return {
    name: 'signalwire',
    parse: parseMessage,
    signs: (start, connected) => countSigns(SIGNS, start, connected),
    l16: { byteOrder, guess: 'le', hz: asked === undefined ? undefined : Number(asked) },
    media: mediaText,
    mark: markText,
    clear: clearText,
    dtmf: dtmfText,
  };
}
