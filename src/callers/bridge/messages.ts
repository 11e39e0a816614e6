/**
 * What a handler says on the socket of a call that it handed on, one JSON object a message, and what it is answered beside the call's events.
 * All of it is checked here, and nothing of it is trusted further than its own call.
 */

import {
  type ChannelError,
  MAX_TEXT,
  MESSAGE_ID,
  type Refused,
  readMessage,
  readText,
  refused,
  unknownMessage,
} from '../../transport/channel-message.ts';

export type HandlerMessage =
  /** A typed turn of the caller's, or words that the agent is to say. Sent again with the same id it is still one. */
  | { readonly type: 'text' | 'say'; readonly text: string; readonly id: string | undefined }
  /** The far end has taken the answer: from now on audio may be sent to it. */
  | { readonly type: 'accepted' }
  | { readonly type: 'hangup' };

/** Why something of a handler's was not taken. */
export type HandlerError = ChannelError;

/** What a handler is told beside `{"type":"event","event":{…}}`. */
export type CallWord =
  /** First. `callId` is the handler's own id, `id` ours; `missed`: events before this that are not kept any more. */
  | { readonly type: 'hello'; readonly callId: string; readonly id: string; readonly missed: number }
  /** The text was taken (or had been before). */
  | { readonly type: 'text_accepted' | 'say_accepted'; readonly id: string }
  | ({ readonly type: 'text_failed' | 'say_failed'; readonly id: string } & HandlerError)
  | ({ readonly type: 'error' } & HandlerError)
  /** The call is over; nothing comes after it. */
  | { readonly type: 'ended'; readonly result: string; readonly reason: string };

export type ParsedMessage =
  | { readonly ok: true; readonly message: HandlerMessage }
  /** `of`: a text that cannot be taken, where it had an id. */
  | (Refused & { readonly of?: { readonly type: 'text' | 'say'; readonly id: string } });

/** Reads a message. Never throws. */
export function parseHandlerMessage(json: string): ParsedMessage {
  const read = readMessage(json);
  if (!read.ok) return read;
  const { type, id, text: words } = read.value;
  switch (type) {
    case 'text':
    case 'say': {
      if (id !== undefined && (typeof id !== 'string' || !MESSAGE_ID.test(id)))
        return refused('MESSAGE_INVALID', 'an id has 1 to 64 letters, digits and _ . : -');
      const text = readText(words);
      if (text !== undefined) return { ok: true, message: { type, text, id } };
      const error = refused('TEXT_INVALID', `a text has 1 to ${MAX_TEXT} characters`);
      return id === undefined ? error : { ...error, of: { type, id } };
    }
    case 'accepted':
    case 'hangup':
      return { ok: true, message: { type } };
    default:
      return unknownMessage();
  }
}
