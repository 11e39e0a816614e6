import type { MediaProtocol } from '../../protocol.ts';
import { clearText, markText, mediaText, parseMessage } from '../laml/messages.ts';

/**
 * Twilio Media Streams, bidirectional `<Connect><Stream>`: mu-law at 8 kHz, no digits towards the caller.
 * https://www.twilio.com/docs/voice/media-streams/websocket-messages
 */
export const twilio: MediaProtocol = {
  name: 'twilio',
  parse: parseMessage,
  media: mediaText,
  mark: markText,
  clear: clearText,
};
