/**
 * What a handler says on the socket of a call that it handed on, one JSON object a message, and what it is answered beside the call's events.
 * All of it is checked here, and nothing of it is trusted further than its own call.
 */

/** Longest message of a handler, characters. */
export const MAX_MESSAGE = 16 * 1024;
/** Longest text that is typed or to be said, characters. */
export const MAX_TEXT = 4_000;
const ID = /^[\w.:-]{1,64}$/;

export type HandlerMessage =
  /** A typed turn of the caller's, or words that the agent is to say. Sent again with the same id it is still one. */
  | { readonly type: 'text' | 'say'; readonly text: string; readonly id: string | undefined }
  /** The far end has taken the answer: from now on audio may be sent to it. */
  | { readonly type: 'accepted' }
  | { readonly type: 'hangup' };

/** Why something of a handler's was not taken. */
export type HandlerErrorCode =
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

export interface HandlerError {
  readonly code: HandlerErrorCode;
  readonly message: string;
}

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
  | {
      readonly ok: false;
      readonly error: HandlerError;
      readonly of?: { readonly type: 'text' | 'say'; readonly id: string };
    };

/** Reads a message. Never throws. */
export function parseHandlerMessage(json: string): ParsedMessage {
  if (json.length > MAX_MESSAGE) return refused('MESSAGE_INVALID', `a message has ${MAX_MESSAGE} characters at most`);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return refused('MESSAGE_INVALID', 'a message must be a JSON object');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refused('MESSAGE_INVALID', 'a message must be a JSON object');
  const { type, id, text: words } = value as Record<string, unknown>;
  switch (type) {
    case 'text':
    case 'say': {
      if (id !== undefined && (typeof id !== 'string' || !ID.test(id)))
        return refused('MESSAGE_INVALID', 'an id has 1 to 64 letters, digits and _ . : -');
      const text = typeof words === 'string' ? words.trim() : '';
      if (text === '' || text.length > MAX_TEXT) {
        const error = refused('TEXT_INVALID', `a text has 1 to ${MAX_TEXT} characters`);
        return id === undefined ? error : { ...error, of: { type, id } };
      }
      return { ok: true, message: { type, text, id } };
    }
    case 'accepted':
    case 'hangup':
      return { ok: true, message: { type } };
    default:
      return refused('MESSAGE_UNKNOWN', 'there is no message of this type');
  }
}

function refused(code: HandlerErrorCode, message: string): { readonly ok: false; readonly error: HandlerError } {
  return { ok: false, error: { code, message } };
}
