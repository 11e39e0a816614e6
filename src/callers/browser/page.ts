/**
 * What a page and its call say to each other on the data channel, one JSON object a message. A page is somebody else's program: all
 * it sends is checked here, and nothing of it is trusted further than its own call.
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

/** Label of the channel, which the page makes before its offer; one of another label is taken where there is none of this. */
export const CHANNEL = 'events';

/** Keys as telephones have them. */
const DIGITS = /^[0-9*#A-D]{1,32}$/;

export type PageMessage =
  /** A typed turn. `id` is the page's own, for the answer; said again with the same id it is still one turn. */
  | { readonly type: 'text'; readonly id: string; readonly text: string }
  /** From now on the agent hears silence, or again the microphone. */
  | { readonly type: 'mute'; readonly muted: boolean }
  /** Keys that the caller pressed, in their order. */
  | { readonly type: 'digits'; readonly digits: string }
  | { readonly type: 'hangup' };

/** Why something of a page was not taken. */
export type PageError = ChannelError;

/** What a page is told. */
export type CallMessage =
  | { readonly type: 'text_accepted'; readonly id: string }
  | ({ readonly type: 'text_failed'; readonly id: string } & PageError)
  | ({ readonly type: 'error' } & PageError)
  /** The call is over; nothing comes after it. */
  | { readonly type: 'ended'; readonly result: string; readonly reason: string };

export type ParsedPageMessage =
  | { readonly ok: true; readonly message: PageMessage }
  /** `id` is that of a typed turn that cannot be taken. */
  | (Refused & { readonly id?: string });

/** Reads a message. Never throws. */
export function parsePageMessage(json: string): ParsedPageMessage {
  const read = readMessage(json);
  if (!read.ok) return read;
  const { type, id, text: words, muted, digits } = read.value;
  switch (type) {
    case 'text': {
      if (typeof id !== 'string' || !MESSAGE_ID.test(id)) return refused('MESSAGE_INVALID', 'a typed turn needs an id');
      const text = readText(words);
      if (text === undefined) return { ...refused('TEXT_INVALID', `a typed turn has 1 to ${MAX_TEXT} characters`), id };
      return { ok: true, message: { type, id, text } };
    }
    case 'mute':
      if (typeof muted !== 'boolean') return refused('MESSAGE_INVALID', 'muted must be true or false');
      return { ok: true, message: { type, muted } };
    case 'digits':
      if (typeof digits !== 'string' || !DIGITS.test(digits))
        return refused('MESSAGE_INVALID', 'digits must be 1 to 32 of 0-9 * # A-D');
      return { ok: true, message: { type, digits } };
    case 'hangup':
      return { ok: true, message: { type } };
    default:
      return unknownMessage();
  }
}
