/**
 * The bodies of Meta's webhooks about calls. Numbers that Meta writes as text are text here.
 * https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/reference ("Webhooks")
 */

/** The business's number. */
export interface BusinessNumber {
  /** `phone_number_id`. */
  readonly id: string;
  /** As people dial it, without the plus. */
  readonly display: string;
  /** Of the WhatsApp Business account that has it. */
  readonly accountId: string;
}

/** A WhatsApp user. Who has taken a username may have no `waId` that the business gets to see. */
export interface User {
  /** His telephone number, digits alone. */
  readonly waId?: string | undefined;
  /** Meta's id of him for this business. */
  readonly userId: string;
  readonly name?: string | undefined;
}

export type Direction = 'USER_INITIATED' | 'BUSINESS_INITIATED';

/** What is told of a call in all its webhooks. */
export interface CallIdentity {
  readonly id: string;
  readonly number: BusinessNumber;
  readonly user: User;
  readonly direction: Direction;
  /** Given by the business with `connect` or `accept`, and told back. */
  readonly opaque?: string | undefined;
}

const seconds = (wallMs: number) => String(Math.floor(wallMs / 1_000));

/** One change of one number, in its envelope. */
function envelope(number: BusinessNumber, field: string, value: object): object {
  const metadata = { display_phone_number: number.display, phone_number_id: number.id };
  return {
    object: 'whatsapp_business_account',
    entry: [
      { id: number.accountId, changes: [{ field, value: { messaging_product: 'whatsapp', metadata, ...value } }] },
    ],
  };
}

/** Those who call are told with their names; on calls of the business Meta leaves them out. */
function contacts({ user, direction }: CallIdentity): object {
  if (direction === 'BUSINESS_INITIATED') return {};
  const { waId, userId, name = 'A user' } = user;
  return { contacts: [{ profile: { name }, ...(waId === undefined ? {} : { wa_id: waId }), user_id: userId }] };
}

function parties({ number, user, direction }: CallIdentity): object {
  const theirs = user.waId;
  if (direction === 'USER_INITIATED') return { ...(theirs === undefined ? {} : { from: theirs }), to: number.display };
  return { from: number.display, ...(theirs === undefined ? {} : { to: theirs }) };
}

const opaqueOf = ({ opaque }: CallIdentity) => (opaque === undefined ? {} : { biz_opaque_callback_data: opaque });

/** A user calls, or (with the answer) takes a call of the business. */
export function connectWebhook(call: CallIdentity, sdp: string, wallMs: number): object {
  const sdp_type = call.direction === 'USER_INITIATED' ? 'offer' : 'answer';
  return envelope(call.number, 'calls', {
    ...contacts(call),
    calls: [
      {
        id: call.id,
        ...parties(call),
        event: 'connect',
        timestamp: seconds(wallMs),
        direction: call.direction,
        session: { sdp_type, sdp },
        ...opaqueOf(call),
      },
    ],
  });
}

export interface EndOfCall {
  readonly status: 'COMPLETED' | 'FAILED';
  /** When it was taken, wall ms; undefined for one that was not. */
  readonly takenMs: number | undefined;
  readonly errors: readonly object[];
}

/** The call is over, by whomever. */
export function terminateWebhook(call: CallIdentity, end: EndOfCall, wallMs: number): object {
  const { takenMs } = end;
  return envelope(call.number, 'calls', {
    ...contacts(call),
    calls: [
      {
        id: call.id,
        ...parties(call),
        event: 'terminate',
        direction: call.direction,
        timestamp: seconds(wallMs),
        status: end.status,
        ...(takenMs === undefined
          ? {}
          : {
              start_time: seconds(takenMs),
              end_time: seconds(wallMs),
              duration: Math.max(1, Math.round((wallMs - takenMs) / 1_000)),
            }),
        ...opaqueOf(call),
      },
    ],
    ...(end.errors.length === 0 ? {} : { errors: end.errors }),
  });
}

/** How far a call of the business has come. */
export function statusWebhook(call: CallIdentity, status: 'RINGING' | 'ACCEPTED' | 'REJECTED', wallMs: number): object {
  const recipient = call.user.waId === undefined ? {} : { recipient_id: call.user.waId };
  return envelope(call.number, 'calls', {
    statuses: [{ id: call.id, type: 'call', status, timestamp: seconds(wallMs), ...recipient, ...opaqueOf(call) }],
  });
}

/** A user's answer to the question whether the business may call. */
export function permissionReply(
  number: BusinessNumber,
  user: User,
  reply: { readonly response: 'accept' | 'reject'; readonly permanent: boolean; readonly untilMs?: number },
  messageId: string,
  wallMs: number,
): object {
  const { waId, userId, name = 'A user' } = user;
  const { response, permanent, untilMs } = reply;
  return envelope(number, 'messages', {
    contacts: [{ profile: { name }, ...(waId === undefined ? {} : { wa_id: waId }), user_id: userId }],
    messages: [
      {
        context: { from: number.display, id: messageId },
        ...(waId === undefined ? {} : { from: waId }),
        id: `wamid.reply.${messageId.slice(-8)}`,
        timestamp: seconds(wallMs),
        type: 'interactive',
        interactive: {
          type: 'call_permission_reply',
          call_permission_reply: {
            response,
            is_permanent: permanent,
            ...(untilMs === undefined ? {} : { expiration_timestamp: Math.floor(untilMs / 1_000) }),
            response_source: 'user_action',
          },
        },
      },
    ],
  });
}
