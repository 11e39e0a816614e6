import type { CarrierMedia } from '../../carrier-media.ts';
import { clearText, markText, mediaText, parseMessage } from '../laml/messages.ts';
import { countSigns, type FamilySigns } from '../laml/signs.ts';

/** Ids are two letters of the kind, then 32 hexadecimal digits. */
const SIGNS: FamilySigns = { version: /^1\./, id: /^(MZ|CA|AC)[0-9a-f]{32}$/i, topLevelStreamId: true };

/**
 * Twilio Media Streams, bidirectional `<Connect><Stream>`: mu-law at 8 kHz, no digits towards the caller.
 * https://www.twilio.com/docs/voice/media-streams/websocket-messages
 */
export const twilio: CarrierMedia = {
  name: 'twilio',
  parse: parseMessage,
  signs: (start, connected) => countSigns(SIGNS, start, connected),
  media: mediaText,
  mark: markText,
  clear: clearText,
};
