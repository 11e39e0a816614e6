import { type Fields, integerOf, listOf, objectOf, textOf } from './reading.ts';

/**
 * What Meta's webhooks tell, read leniently: one POST may hold many entries, changes and calls of several numbers; fields come and go between
 * versions, and some are arrays in one sample and texts in the next. What is unknown is handed out as that, and nothing throws.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/reference
 */

/** What every event says of where it belongs. */
interface Addressed {
  /** The id of our number. */
  readonly phoneNumberId: string;
  /** Our number for people to read: digits, perhaps with separators, perhaps without `+`; empty where it is not told. */
  readonly displayNumber: string;
}

/** Who the user is: each may be missing, the number of who goes by a username above all. */
export interface UserIds {
  readonly userId?: string | undefined;
  readonly waId?: string | undefined;
  readonly from?: string | undefined;
}

interface OfCall extends Addressed {
  /** Meta's id of the call: `wacid.…`. */
  readonly id: string;
  /** What a call that we placed was given with it. */
  readonly opaque: string | undefined;
}

/** A user calls (`offer`), or one whom we call has an answer. */
export interface ConnectEvent extends OfCall {
  readonly type: 'connect';
  readonly direction: 'inbound' | 'outbound';
  readonly user: UserIds;
  /** SDP as Meta wrote it; empty where it is missing. */
  readonly sdp: string;
  /** When Meta says that it happened, ms since the epoch. */
  readonly at: number | undefined;
}

export interface TerminateEvent extends OfCall {
  readonly type: 'terminate';
  readonly direction: 'inbound' | 'outbound' | undefined;
  /** COMPLETED, FAILED, or what Meta adds; empty where it is not told. */
  readonly status: string;
  /** How long it was, seconds; undefined where nobody picked up. */
  readonly seconds: number | undefined;
  /** Why it failed: Meta's own numbers, the first first. */
  readonly errors: readonly number[];
}

/** What becomes of a call that we place. */
export interface StatusEvent extends OfCall {
  readonly type: 'status';
  /** RINGING, ACCEPTED, REJECTED, or what Meta adds. */
  readonly status: string;
  readonly user: UserIds;
}

/** A user's answer to the question whether we may call. */
export interface PermissionEvent extends Addressed {
  readonly type: 'permission';
  readonly user: UserIds;
  readonly accepted: boolean;
  readonly permanent: boolean;
  /** When it ends, ms since the epoch. */
  readonly until: number | undefined;
  /** Whether the user answered a question, or allowed it by calling: `user_action`, `automatic`. */
  readonly source: string | undefined;
}

/** Nothing that calls are about. */
export interface OtherEvent {
  readonly type: 'other';
  /** A field that we do not serve, an event or a status that is unknown, or what cannot be read. */
  readonly why: 'field' | 'event' | 'malformed';
}

export type MetaEvent = ConnectEvent | TerminateEvent | StatusEvent | PermissionEvent | OtherEvent;

/** What an id of Meta's is made of, with room for others; it becomes a key and is written into logs. */
const CALL_ID = /^[A-Za-z0-9][A-Za-z0-9._:=+/-]{0,255}$/;
const OTHER = (why: OtherEvent['why']): OtherEvent => ({ type: 'other', why });

/** All events of a webhook's body, in its order. Never throws. */
export function readMetaEvents(body: unknown): MetaEvent[] {
  const { object, entry } = objectOf(body);
  if (object !== 'whatsapp_business_account') return [OTHER(object === undefined ? 'malformed' : 'field')];
  return listOf(entry).flatMap((one) =>
    listOf(objectOf(one)['changes']).flatMap((change) => ofChange(objectOf(change))),
  );
}

function ofChange({ field, value }: Fields): MetaEvent[] {
  const told = objectOf(value);
  const metadata = objectOf(told['metadata']);
  const where: Addressed = {
    phoneNumberId: textOf(metadata['phone_number_id']) ?? '',
    displayNumber: textOf(metadata['display_phone_number']) ?? '',
  };
  if (field === 'calls') {
    const events = [
      ...listOf(told['calls']).map((call) => ofCall(objectOf(call), told, where)),
      ...listOf(told['statuses']).map((status) => ofStatus(objectOf(status), told, where)),
    ];
    // A change without a call may tell of an error of the account; it is nothing to act upon.
    return events.length === 0 ? [OTHER('event')] : events;
  }
  if (field !== 'messages') return [OTHER('field')];
  const replies = listOf(told['messages']).flatMap((message) => ofMessage(objectOf(message), told, where));
  return replies.length === 0 ? [OTHER('field')] : replies;
}

function ofCall(call: Fields, value: Fields, where: Addressed): MetaEvent {
  const id = textOf(call['id']) ?? '';
  if (!CALL_ID.test(id)) return OTHER('malformed');
  const direction = directionOf(call['direction']);
  const about = { ...where, id, opaque: textOf(call['biz_opaque_callback_data']) };
  switch (textOf(call['event'])?.toLowerCase()) {
    case 'connect': {
      // What stood in `connection.webrtc.sdp` before may still come beside it, and is the same.
      const session = objectOf(call['session']);
      const outbound = direction === undefined && textOf(session['sdp_type'])?.toLowerCase() === 'answer';
      return {
        type: 'connect',
        ...about,
        direction: direction ?? (outbound ? 'outbound' : 'inbound'),
        user: userOf(call, value, 'from'),
        sdp: textOf(session['sdp']) ?? '',
        at: msOf(call['timestamp']),
      };
    }
    case 'terminate':
      return {
        type: 'terminate',
        ...about,
        direction,
        status: firstText(call['status']),
        seconds: integerOf(call['duration']),
        errors: errorsOf(call, value),
      };
    default:
      return OTHER('event');
  }
}

function ofStatus(status: Fields, value: Fields, where: Addressed): MetaEvent {
  const id = textOf(status['id']) ?? '';
  if (textOf(status['type']) !== 'call' || !CALL_ID.test(id)) return OTHER('event');
  return {
    type: 'status',
    ...where,
    id,
    opaque: textOf(status['biz_opaque_callback_data']),
    status: firstText(status['status']),
    user: userOf(status, value, 'recipient_id'),
  };
}

function ofMessage(message: Fields, value: Fields, where: Addressed): MetaEvent[] {
  const interactive = objectOf(message['interactive']);
  if (interactive['type'] !== 'call_permission_reply') return [];
  const reply = objectOf(interactive['call_permission_reply']);
  return [
    {
      type: 'permission',
      ...where,
      user: userOf(message, value, 'from'),
      accepted: textOf(reply['response'])?.toLowerCase() === 'accept',
      permanent: reply['is_permanent'] === true,
      until: msOf(reply['expiration_timestamp']),
      source: textOf(reply['response_source']),
    },
  ];
}

/**
 * Who it is about. Contacts stand beside the calls, none where we placed one: of several it is the one whose number the call names, and without
 * such a one only a contact that is alone.
 */
function userOf(call: Fields, value: Fields, name: 'from' | 'recipient_id'): UserIds {
  const from = textOf(call[name]);
  const contacts = listOf(value['contacts']).map(objectOf);
  const own = textOf(call[`${name === 'from' ? 'from' : 'recipient'}_user_id`]) ?? textOf(call['user_id']);
  const contact =
    contacts.find((one) => from !== undefined && textOf(one['wa_id']) === from) ??
    contacts.find((one) => own !== undefined && textOf(one['user_id']) === own) ??
    (contacts.length === 1 && (from === undefined || contacts[0]?.['wa_id'] === undefined) ? contacts[0] : undefined);
  return { userId: own ?? textOf(contact?.['user_id']), waId: textOf(contact?.['wa_id']), from };
}

/** Errors stand beside the calls, or in the call they are about. Beside several calls they are nobody's for certain. */
function errorsOf(call: Fields, value: Fields): number[] {
  const own = listOf(call['errors']);
  const beside = listOf(value['calls']).length === 1 ? listOf(value['errors']) : [];
  return [...own, ...beside].map((error) => integerOf(objectOf(error)['code'])).filter((code) => code !== undefined);
}

function directionOf(value: unknown): 'inbound' | 'outbound' | undefined {
  const direction = textOf(value)?.toUpperCase();
  if (direction === 'USER_INITIATED') return 'inbound';
  return direction === 'BUSINESS_INITIATED' ? 'outbound' : undefined;
}

/** A text, or the first of a list of them, in capitals; empty where there is none. */
function firstText(value: unknown): string {
  return (textOf(Array.isArray(value) ? value[0] : value) ?? '').toUpperCase();
}

/** Meta writes seconds since the epoch, as a text or a number. */
function msOf(value: unknown): number | undefined {
  const seconds = integerOf(value);
  return seconds === undefined || seconds <= 0 ? undefined : seconds * 1_000;
}
