import type { IncomingHttpHeaders } from 'node:http';
import { WITHHELD } from '../../../../call/party.ts';
import { isTransferFailure } from '../../../../call/transfer.ts';
import { parseParty } from '../../../../numbering/party.ts';
import { CALL_STATUSES, type CallStatus, isFinal } from '../../control/control.ts';
import type {
  CarrierRequest,
  CarrierWebhook,
  OfferedCall,
  PartyOrigin,
  StreamOrder,
  ToldStatus,
  ToldStream,
  ToldTransfer,
  UpgradeProof,
  UpgradeRequest,
  WebhookFacts,
} from '../webhook.ts';
import { documentOf } from './document.ts';
import { bodyOf, parseForm } from './form.ts';
import type { SignedContent } from './signature.ts';

/**
 * The webhooks of the family that answers with TwiML: forms with CallSid, AccountSid, From and To, signed over URL and parameters.
 * https://www.twilio.com/docs/voice/twiml#request-parameters, https://developer.signalwire.com/compatibility-api/cxml
 */

/** What differs from carrier to carrier. */
export interface LamlWebhookDialect {
  /** Whether a secret that is set made the signature in these headers. */
  proves(content: SignedContent, headers: IncomingHttpHeaders): boolean;
  /** See `CarrierWebhook`; of the ids and headers of a webhook. */
  likeness(params: Readonly<Record<string, string>>, headers: IncomingHttpHeaders): number;
  upgrade?(request: UpgradeRequest): UpgradeProof | undefined;
  /** Attributes of `<Stream>` that are this carrier's alone. */
  streamAttributes?(stream: StreamOrder): Readonly<Record<string, string | undefined>>;
  voice(name: string): string;
}

/** RFC 4122 text form, as some of the family write their ids. */
export const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** One header's text, '' without it. */
export function headerText(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}

/** The parameters: of a GET those of the query. */
function paramsOf(request: CarrierRequest): WebhookFacts['params'] | undefined {
  return request.method === 'GET' ? parseForm(request.query).params : bodyOf(request).params;
}

export function lamlWebhook(dialect: LamlWebhookDialect): CarrierWebhook {
  const { upgrade, voice } = dialect;
  return {
    callIdName: 'a CallSid',
    proves(request) {
      const { url, rawBody, headers } = request;
      return dialect.proves({ url, params: bodyOf(request).signed, rawBody }, headers);
    },
    likeness: (request) => dialect.likeness(paramsOf(request) ?? {}, request.headers),
    read(request) {
      const params = paramsOf(request);
      if (params === undefined) return undefined;
      const { AccountSid: accountId = '', CallSid: carrierCallId = '' } = params;
      return { accountId, carrierCallId, params, query: parseForm(request.query).params ?? {} };
    },
    ...(upgrade === undefined ? {} : { upgrade: (request: UpgradeRequest) => upgrade(request) }),
    offered,
    status,
    stream,
    transferEnded,
    documentType: 'text/xml; charset=utf-8',
    document: (instruction) => documentOf(instruction, dialect),
    voice: (name) => voice(name),
  };
}

/** Whether the caller's own network was asked not to tell who he is, though it tells us: RFC 3323 section 4.2, RFC 3325 section 9.3. */
function asksForPrivacy({ SipHeader_Privacy = '' }: WebhookFacts['params']): boolean {
  return /(?:^|[;,\s])(?:id|user|header)(?:$|[;,\s])/i.test(SipHeader_Privacy);
}

/** A call that rings has not been anywhere yet: what says so can only be the first webhook again. */
const RINGS = /^(?:queued|initiated|ringing)$/;

function offered({ params }: WebhookFacts, origin: PartyOrigin = {}): OfferedCall {
  const { From = '', To = '', Direction = '', ForwardedFrom = '', CallStatus = '' } = params;
  const from = asksForPrivacy(params) ? WITHHELD : parseParty(From, origin);
  return {
    from,
    wrapped: from.kind === 'number' && from.number !== From,
    to: parseParty(To, origin),
    // "outbound-api" and "outbound-dial": calls that were placed through the carrier's API and answered.
    direction: Direction.startsWith('outbound') ? 'outbound' : 'inbound',
    forwardedBy: parseParty(ForwardedFrom),
    rings: RINGS.test(CallStatus),
  };
}

const KNOWN: ReadonlySet<string> = new Set(CALL_STATUSES);
const isStatus = (word: string): word is CallStatus => KNOWN.has(word);

function status({ params }: WebhookFacts): ToldStatus {
  const { CallStatus = '', AnsweredBy = '', To = '' } = params;
  // Of the family, one says "answered" where the other says "in-progress".
  const word = CallStatus === 'answered' ? 'in-progress' : CallStatus;
  return {
    status: isStatus(word) ? word : undefined,
    word,
    answeredBy: /^[a-z_]{1,40}$/.test(AnsweredBy) ? AnsweredBy : undefined,
    to: parseParty(To),
  };
}

const STREAM_EVENTS: ReadonlyMap<string, ToldStream['event']> = new Map([
  ['stream-started', 'started'],
  ['stream-stopped', 'stopped'],
  ['stream-error', 'error'],
]);

function stream({ params }: WebhookFacts): ToldStream {
  const { StreamEvent: word = '', StreamSid: streamId = '', StreamError: error = '' } = params;
  return { event: STREAM_EVENTS.get(word) ?? 'other', word, streamId, error };
}

/** A word of the carriers', in one spelling: "No Answer", "no_answer" and "no-answer" are one, as are "cancelled" and "canceled". */
const plain = (text = '') =>
  text
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, '-')
    .replace('cancelled', 'canceled')
    .replace('noanswer', 'no-answer');

/**
 * How a `<Dial>` ended, and how long the talk was, s. Whoever answered is not dialled again, however that ended and is told; what is not known did
 * not come about. https://www.twilio.com/docs/voice/twiml/dial#action
 */
function transferEnded({ params }: WebhookFacts): ToldTransfer {
  const { DialCallStatus, DialCallDuration = '', DialBridged, CallStatus } = params;
  const seconds = /^\d{1,6}(?:\.\d*)?$/.test(DialCallDuration.trim()) ? Math.ceil(Number(DialCallDuration)) : 0;
  const word = plain(DialCallStatus);
  const call = plain(CallStatus);
  const gone = isStatus(call) && isFinal(call);
  if (word === 'completed' || word === 'answered' || seconds > 0 || plain(DialBridged) === 'true')
    return { how: 'completed', seconds, gone };
  return { how: isTransferFailure(word) ? word : 'failed', seconds, gone };
}
