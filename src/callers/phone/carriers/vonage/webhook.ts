import { numberOf } from '../../../../call/party.ts';
import type { TransferEnd } from '../../../../call/transfer.ts';
import { parseParty } from '../../../../numbering/party.ts';
import { jsonObject } from '../../../../transport/http.ts';
import type { CallStatus } from '../../control/index.ts';
import type {
  CarrierRequest,
  CarrierWebhook,
  OfferedCall,
  PartyOrigin,
  ToldStream,
  WebhookEvent,
  WebhookFacts,
} from '../webhook.ts';
import { bearerJwt, payloadHash, queryText, unprovenClaims, verified } from './jwt.ts';
import { actionsOf, EVENT_QUERY } from './ncco.ts';

/**
 * Vonage's webhooks: an answer webhook by GET or POST, which asks for an NCCO, and events in JSON. Each `connect` of ours has its events at an
 * address of its own, where some of them are answered with the next NCCO; all others go to the application's or the order's event URL.
 * https://developer.vonage.com/en/voice/voice-api/webhook-reference
 */

/** Where it tells of the media socket, and of whoever is dialled for a caller. */
export const STREAM_ADDRESS = '/vonage/stream';
export const TRANSFER_ADDRESS = '/vonage/transfer';

/** In the answer address of calls that we placed, since the answer webhook does not say which way a call goes. */
export const PLACED = 'placed';

/** What Vonage itself puts into the query of a GET; the rest is whoever's who wrote the address. */
const OWN_NAMES = new Set([
  'to',
  'from',
  'from_user',
  'uuid',
  'conversation_uuid',
  'endpoint_type',
  'region_url',
  'custom_data',
  'timestamp',
]);
/** Fields of a message beyond this many are ignored. */
const FIELDS_MOST = 64;

/** https://developer.vonage.com/en/voice/voice-api/webhook-reference#event-webhook */
const STATUSES: Readonly<Record<string, CallStatus>> = {
  started: 'initiated',
  ringing: 'ringing',
  answered: 'in-progress',
  completed: 'completed',
  busy: 'busy',
  cancelled: 'canceled',
  unanswered: 'no-answer',
  timeout: 'no-answer',
  failed: 'failed',
  rejected: 'failed',
};
/** After these the socket is gone, or never was: the answer says what comes next for the caller. */
const SOCKET_GONE = new Set(['disconnected', 'failed', 'unanswered', 'timeout', 'rejected', 'busy', 'cancelled']);
/** What the carrier's news of a socket are; an error in what it was answered has no status. */
const STREAM_EVENTS: Readonly<Record<string, ToldStream['event']>> = {
  '': 'error',
  answered: 'started',
  completed: 'stopped',
  disconnected: 'stopped',
  failed: 'error',
  unanswered: 'error',
  timeout: 'error',
  rejected: 'error',
  busy: 'error',
};
const TRANSFER_ENDS: Readonly<Record<string, TransferEnd>> = {
  completed: 'completed',
  busy: 'busy',
  unanswered: 'no-answer',
  timeout: 'no-answer',
  cancelled: 'canceled',
  failed: 'failed',
  rejected: 'failed',
};

export interface VonageWebhookOptions {
  /** Signature secrets; several while one is being rotated. */
  readonly secrets: readonly string[];
  /** Media type of the sockets. */
  readonly contentType: string;
  /** The application whose calls these are where a webhook does not say. */
  readonly applicationId: string | undefined;
  /** Wall time, ms since the epoch. */
  readonly wall: () => number;
}

type Texts = Record<string, string>;

const own = (from: Readonly<Record<string, string>>, key: string): string =>
  Object.hasOwn(from, key) ? (from[key] ?? '') : '';
const of = <T>(table: Readonly<Record<string, T>>, word: string): T | undefined =>
  Object.hasOwn(table, word) ? table[word] : undefined;

/** Texts, numbers and truths by name, of a bounded number; a hostile name is a name and nothing more. */
function texts(entries: Iterable<readonly [string, unknown]>): Texts {
  const found: Texts = Object.create(null);
  let left = FIELDS_MOST;
  for (const [name, value] of entries) {
    if (left-- === 0) break;
    if (typeof value === 'string') found[name] = value;
    else if (typeof value === 'number' || typeof value === 'boolean') found[name] = String(value);
  }
  return found;
}

const pathOf = ({ url }: Pick<CarrierRequest, 'url'>): string => (URL.canParse(url) ? new URL(url).pathname : '');

/** What the body says, or the query of a GET that Vonage wrote; undefined where the body is no JSON object. */
function messageOf({ method, rawBody }: CarrierRequest, query: Texts): Texts | undefined {
  if (method === 'GET') return texts(Object.entries(query));
  const message = jsonObject(rawBody);
  return message && texts(Object.entries(message));
}

/** Which event it is, where the address alone does not tell. */
function eventOf(
  request: CarrierRequest,
  { status = '', reason = '', uuid = '', call_uuid = '' }: Texts,
): WebhookFacts['event'] {
  const path = pathOf(request);
  if (path.endsWith(STREAM_ADDRESS)) return SOCKET_GONE.has(status) ? 'call-continue' : 'stream-status';
  if (path.endsWith(TRANSFER_ADDRESS)) return of(TRANSFER_ENDS, status) === undefined ? 'other' : 'transfer-ended';
  // An error in what we answered: it is about a conversation and no leg of it.
  return reason !== '' && status === '' && uuid === '' && call_uuid === '' ? 'stream-status' : undefined;
}

/** Of this request, whose proof is not looked at again: which application it is of. */
function applicationOf({ headers }: CarrierRequest): string | undefined {
  const token = bearerJwt(headers.authorization);
  return token === undefined ? undefined : unprovenClaims(token).applicationId;
}

function read(request: CarrierRequest, applicationId: string | undefined): WebhookFacts | undefined {
  const asked = texts(new URLSearchParams(request.query));
  const message = messageOf(request, asked);
  if (message === undefined) return undefined;
  const isEvent = [STREAM_ADDRESS, TRANSFER_ADDRESS].some((address) => pathOf(request).endsWith(address));
  // Such an event is about a leg beside the caller's: whose call it is of, its address says, which we wrote.
  const params: Texts = isEvent
    ? Object.assign(Object.create(null), message, { from: '', to: own(asked, EVENT_QUERY.number) })
    : message;
  if (own(asked, PLACED) === 'us') params[PLACED] = 'us';
  const query = texts(
    Object.entries(asked).filter(
      ([name]) => name !== PLACED && !(request.method === 'GET' && (OWN_NAMES.has(name) || /^SipHeader_/i.test(name))),
    ),
  );
  const leg = own(message, 'uuid') || own(message, 'call_uuid') || own(message, 'conversation_uuid');
  return {
    event: eventOf(request, message),
    ...(eventOf(request, message) === 'call-continue' ? { also: 'stream-status' as const } : {}),
    accountId: applicationOf(request) ?? applicationId ?? '',
    carrierCallId: isEvent ? own(asked, EVENT_QUERY.leg) : leg,
    params,
    query,
  };
}

function offered({ params }: WebhookFacts, origin?: PartyOrigin): OfferedCall {
  const isOurs = own(params, PLACED) === 'us';
  const user = own(params, 'from_user');
  return {
    // Who calls by its client SDK is a name and has no number.
    from: parseParty(user === '' ? own(params, 'from') : `client:${user}`, origin),
    to: parseParty(own(params, 'to'), origin),
    // It shows numbers of the account alone, so a caller's own is none to it. One that we call from is.
    wrapped: !isOurs,
    direction: isOurs ? 'outbound' : 'inbound',
    forwardedBy: parseParty(''),
    // A repetition says nothing of itself; one after the socket was open is another visit of the call.
    rings: false,
  };
}

/** Our end of the call that a webhook is about. */
function ourNumber(facts: WebhookFacts): string | undefined {
  const { from, to, direction } = offered(facts);
  return numberOf(direction === 'outbound' ? from : to);
}

function answeredBy({ status = '', sub_state = '' }: Texts): string | undefined {
  if (status === 'human') return 'human';
  if (status !== 'machine') return undefined;
  return sub_state === 'beep_start' ? 'machine_end_beep' : 'machine_start';
}

export function vonageWebhook({ secrets, contentType, applicationId, wall }: VonageWebhookOptions): CarrierWebhook {
  const signed = secrets.length > 0;
  const claimsOf = (authorization: string | undefined) => {
    const token = bearerJwt(authorization);
    return token === undefined ? undefined : verified(token, secrets, wall());
  };
  return {
    addresses: { 'call-continue': STREAM_ADDRESS, 'transfer-ended': TRANSFER_ADDRESS } satisfies Partial<
      Record<WebhookEvent, string>
    >,
    callIdName: 'a uuid',
    proves({ method, headers, query, rawBody }) {
      const claims = signed ? claimsOf(headers.authorization) : undefined;
      // What the token does not cover could be anybody's who once saw one, as the upgrade of a media socket brings it.
      return claims !== undefined && claims.payloadHash === payloadHash(method === 'GET' ? queryText(query) : rawBody);
    },
    likeness({ contentType: type, rawBody, query }) {
      const { uuid, call_uuid, conversation_uuid } = texts(
        type === 'application/json' ? Object.entries(jsonObject(rawBody) ?? {}) : new URLSearchParams(query),
      );
      if (conversation_uuid === undefined) return 0;
      return uuid === undefined && call_uuid === undefined ? 1 : 3;
    },
    read: (request) => read(request, applicationId),
    upgrade({ headers }) {
      const token = bearerJwt(headers.authorization);
      if (token === undefined) return undefined;
      return { signed: signed ? claimsOf(headers.authorization) !== undefined : undefined, ownAuthorization: true };
    },
    offered,
    status({ params }) {
      const word = own(params, 'status');
      return { status: of(STATUSES, word), word, answeredBy: answeredBy(params), to: parseParty(own(params, 'to')) };
    },
    stream({ params }) {
      const word = own(params, 'status');
      const reason = own(params, 'reason') || own(params, 'detail');
      return {
        event: of(STREAM_EVENTS, word) ?? 'other',
        word,
        streamId: own(params, 'uuid') || own(params, 'conversation_uuid'),
        error: reason === '' ? word : reason,
      };
    },
    transferEnded({ params }) {
      const how = of(TRANSFER_ENDS, own(params, 'status')) ?? 'failed';
      // Whoever rings somebody gives up when the caller has gone.
      return { how, seconds: Number(own(params, 'duration')) || 0, gone: how === 'canceled' };
    },
    documentType: 'application/json; charset=utf-8',
    document: (instruction, facts) =>
      JSON.stringify(
        actionsOf(instruction, { leg: facts.carrierCallId, number: ourNumber(facts) }, { contentType, signed }),
      ),
    // It picks a voice by language; of other carriers' names it knows none.
    voice: (name) => name,
  };
}
