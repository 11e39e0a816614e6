import type { MediaProtocol } from '../../protocol.ts';
import { clearText, dtmfText, markText, mediaText, parseMessage } from '../laml/messages.ts';

/**
 * SignalWire's cXML `<Stream>`: Twilio's messages with the stream id inside `start` only, L16 at 16 and 24 kHz beside mu-law, the
 * length of a pressed digit, and digits that we may send. https://developer.signalwire.com/compatibility-api/cxml/voice/stream
 */
export const signalwire: MediaProtocol = {
  name: 'signalwire',
  parse: parseMessage,
  media: mediaText,
  mark: markText,
  clear: clearText,
  dtmf: dtmfText,
};
