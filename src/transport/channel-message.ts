/**
 * What is common to the messages of somebody else's program on a channel of its call, one JSON object a text: bounds, why one is not taken, and the
 * first look at it. Each channel has its own types of messages beside it.
 */

/** Longest message, characters, where a channel does not say otherwise. */
export const MAX_MESSAGE = 16 * 1024;
/** Longest text that is typed or to be said, characters. */
export const MAX_TEXT = 4_000;
/** What a sender may call a text of its own. */
export const MESSAGE_ID = /^[\w.:-]{1,64}$/;

/** Why something was not taken. */
export type ChannelErrorCode =
  /** The message is not what it should be. */
  | 'MESSAGE_INVALID'
  /** No message has this type. */
  | 'MESSAGE_UNKNOWN'
  /** More messages in a short time than a conversation needs. */
  | 'MESSAGE_FLOOD'
  /** The text is empty or too long. */
  | 'TEXT_INVALID'
  /** Too many texts in a minute. */
  | 'TEXT_TOO_MANY'
  /** The agent of the call takes no typed turns, or cannot be asked for words. */
  | 'TEXT_UNSUPPORTED'
  /** Nobody is on the line yet. */
  | 'CALL_NOT_ANSWERED'
  | 'CALL_ENDED';

export interface ChannelError<Code extends string = ChannelErrorCode> {
  readonly code: Code;
  readonly message: string;
}

export interface Refused<Code extends string = ChannelErrorCode> {
  readonly ok: false;
  readonly error: ChannelError<Code>;
}

export function refused<Code extends string>(code: Code, message: string): Refused<Code> {
  return { ok: false, error: { code, message } };
}

/** The object that a message of `most` characters at most is. Never throws. */
export function readMessage(
  json: string,
  most = MAX_MESSAGE,
): { readonly ok: true; readonly value: Record<string, unknown> } | Refused<'MESSAGE_INVALID'> {
  if (json.length > most) return refused('MESSAGE_INVALID', `a message has ${most} characters at most`);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return refused('MESSAGE_INVALID', 'a message must be a JSON object');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refused('MESSAGE_INVALID', 'a message must be a JSON object');
  return { ok: true, value: value as Record<string, unknown> };
}

/** A text without space around it; undefined where it is none, empty or longer than `MAX_TEXT`. */
export function readText(words: unknown): string | undefined {
  const text = typeof words === 'string' ? words.trim() : '';
  return text === '' || text.length > MAX_TEXT ? undefined : text;
}

export const unknownMessage = (): Refused<'MESSAGE_UNKNOWN'> =>
  refused('MESSAGE_UNKNOWN', 'there is no message of this type');
