/**
 * What a page and its call say to each other on the data channel, one JSON object a message. A page is somebody else's program: all
 * it sends is checked here, and nothing of it is trusted further than its own call.
 */

/** Label of the channel, which the page makes before its offer; one of another label is taken where there is none of this. */
export const CHANNEL = 'events';

/** Longest message of a page, characters. */
export const MAX_MESSAGE = 16 * 1024;
/** Longest typed turn, characters. */
export const MAX_TEXT = 4_000;
const ID = /^[\w.:-]{1,64}$/;

export type PageMessage =
  /** A typed turn. `id` is the page's own, for the answer; said again with the same id it is still one turn. */
  | { readonly type: 'text'; readonly id: string; readonly text: string }
  /** From now on the agent hears silence, or again the microphone. */
  | { readonly type: 'mute'; readonly muted: boolean }
  | { readonly type: 'hangup' };

/** Why something of a page was not taken. */
export type PageErrorCode =
  /** The message is not what it should be. */
  | 'MESSAGE_INVALID'
  /** No message has this type. */
  | 'MESSAGE_UNKNOWN'
  /** More messages in a short time than a person's page sends. */
  | 'MESSAGE_FLOOD'
  /** The typed turn is empty or too long. */
  | 'TEXT_INVALID'
  /** Too many typed turns in a minute. */
  | 'TEXT_TOO_MANY'
  /** The agent of the call takes no typed turns. */
  | 'TEXT_UNSUPPORTED'
  /** The call has not begun yet. */
  | 'CALL_NOT_ANSWERED'
  | 'CALL_ENDED';

export interface PageError {
  readonly code: PageErrorCode;
  readonly message: string;
}

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
  | { readonly ok: false; readonly error: PageError; readonly id?: string };

/** Reads a message. Never throws. */
export function parsePageMessage(text: string): ParsedPageMessage {
  if (text.length > MAX_MESSAGE) return refused('MESSAGE_INVALID', `a message has ${MAX_MESSAGE} characters at most`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refused('MESSAGE_INVALID', 'a message must be a JSON object');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refused('MESSAGE_INVALID', 'a message must be a JSON object');
  const { type, id, text: words, muted } = value as Record<string, unknown>;
  switch (type) {
    case 'text': {
      if (typeof id !== 'string' || !ID.test(id)) return refused('MESSAGE_INVALID', 'a typed turn needs an id');
      const said = typeof words === 'string' ? words.trim() : '';
      if (said === '' || said.length > MAX_TEXT)
        return { ...refused('TEXT_INVALID', `a typed turn has 1 to ${MAX_TEXT} characters`), id };
      return { ok: true, message: { type, id, text: said } };
    }
    case 'mute':
      if (typeof muted !== 'boolean') return refused('MESSAGE_INVALID', 'muted must be true or false');
      return { ok: true, message: { type, muted } };
    case 'hangup':
      return { ok: true, message: { type } };
    default:
      return refused('MESSAGE_UNKNOWN', 'there is no message of this type');
  }
}

function refused(code: PageErrorCode, message: string): { readonly ok: false; readonly error: PageError } {
  return { ok: false, error: { code, message } };
}
