import { isTransferFailure } from '../../../../call/transfer.ts';
import { parseParty } from '../../../../numbering/party.ts';
import { CALL_STATUSES, type CallStatus, isFinal } from '../../control/control.ts';
import { bodyOf, parseForm } from '../laml/form.ts';
import { UUID } from '../laml/webhook.ts';
import type {
  CarrierRequest,
  CarrierWebhook,
  OfferedCall,
  PartyOrigin,
  ToldStatus,
  ToldStream,
  ToldTransfer,
  UpgradeProof,
  UpgradeRequest,
  WebhookEvent,
  WebhookFacts,
} from '../webhook.ts';
import type { PlivoCalls } from './calls.ts';
import { documentOf } from './document.ts';
import { isPlivoSignature, isSigned } from './signature.ts';

/**
 * Plivo's webhooks: forms with CallUUID, From and To, signed over address, parameters and a nonce, answered with its XML.
 * https://docs.plivo.com/docs/voice/xml/request
 */

export interface PlivoWebhookOptions {
  /** Auth tokens, several while one is being rotated. */
  readonly secrets: readonly string[];
  /** The account; not every webhook says it, and one call is to have one. */
  readonly accountId: string;
  /** Media type of the streams, with its rate. */
  readonly contentType: string;
  /** Told the two ids of calls that were placed. */
  readonly calls: PlivoCalls;
}

/** Events that come to an address of another purpose too: a call's end is told to the answer URL where no other was set. */
const EVENTS: ReadonlyMap<string, WebhookEvent> = new Map([
  ['hangup', 'call-status'],
  ['ring', 'call-status'],
  ['machinedetection', 'call-status'],
]);

/** One page of its writes the first names, another the second. */
const STREAM_EVENTS: ReadonlyMap<string, ToldStream['event']> = new Map([
  ['startstream', 'started'],
  ['started', 'started'],
  ['stopstream', 'stopped'],
  ['stopped', 'stopped'],
  ['droppedstream', 'error'],
  ['failed', 'error'],
]);

const plain = (text = '') => text.trim().toLowerCase();

/** Of a GET they are in the query. */
function paramsOf(request: CarrierRequest): WebhookFacts['params'] | undefined {
  return request.method === 'GET' ? parseForm(request.query).params : bodyOf(request).params;
}

function eventOf({ Event, StreamID, DialStatus, HangupCause, CallStatus }: WebhookFacts['params']) {
  const event = plain(Event);
  // A caller who hung up in a transfer is news of that transfer.
  if (DialStatus !== undefined) return undefined;
  if (StreamID !== undefined && (STREAM_EVENTS.has(event) || event.endsWith('stream'))) return 'stream-status';
  if (event === '' && HangupCause !== undefined && isOver(CallStatus)) return 'call-status';
  return EVENTS.get(event);
}

/** Its words for what other carriers call otherwise. */
const WORDS: ReadonlyMap<string, CallStatus> = new Map([
  ['answered', 'in-progress'],
  ['answer', 'in-progress'],
  ['timeout', 'no-answer'],
  ['noanswer', 'no-answer'],
  ['no_answer', 'no-answer'],
  ['cancel', 'canceled'],
  ['cancelled', 'canceled'],
  ['rejected', 'busy'],
  ['invalid', 'failed'],
]);

function statusOf(word: string | undefined): CallStatus | undefined {
  const name = plain(word).replace(/\s+/g, '-');
  return WORDS.get(name) ?? CALL_STATUSES.find((one) => one === name);
}

const isOver = (word: string | undefined): boolean => {
  const status = statusOf(word);
  return status !== undefined && isFinal(status);
};

function offered({ params }: WebhookFacts, origin: PartyOrigin = {}): OfferedCall {
  const { From = '', To = '', Direction, ForwardedFrom = '', CallStatus } = params;
  const from = parseParty(From, origin);
  return {
    from,
    // It writes numbers without their plus.
    wrapped: from.kind === 'number' && from.number.slice(1) !== From.trim().replace(/^\+/, ''),
    to: parseParty(To, origin),
    direction: plain(Direction) === 'outbound' ? 'outbound' : 'inbound',
    forwardedBy: parseParty(ForwardedFrom),
    rings: /^(?:queued|initiated|ringing)$/.test(plain(CallStatus)),
  };
}

/** https://docs.plivo.com/docs/voice/api/call/machine-detection */
function status({ params }: WebhookFacts): ToldStatus {
  const { CallStatus: word = '', Event, Machine, To = '' } = params;
  const to = parseParty(To);
  if (plain(Event) !== 'machinedetection') return { status: statusOf(word), word, to };
  const answeredBy = plain(Machine) === 'true' ? 'machine_start' : plain(Machine) === 'false' ? 'human' : 'unknown';
  return { word, answeredBy, to };
}

function stream({ params }: WebhookFacts): ToldStream {
  const { Event: word = '', StreamID: streamId = '', StatusReason } = params;
  const event = STREAM_EVENTS.get(plain(word)) ?? 'other';
  return { event, word, streamId, error: StatusReason ?? (event === 'error' ? word : '') };
}

/** Whoever answered is not dialled again, however that ended. https://docs.plivo.com/docs/voice/xml/dial */
function transferEnded({ params }: WebhookFacts): ToldTransfer {
  const { DialStatus, DialBLegDuration = '', CallStatus } = params;
  const seconds = /^\d{1,6}$/.test(DialBLegDuration.trim()) ? Number(DialBLegDuration) : 0;
  const word = statusOf(DialStatus);
  const gone = isOver(CallStatus);
  if (word === 'completed' || word === 'in-progress' || seconds > 0) return { how: 'completed', seconds, gone };
  return { how: word !== undefined && isTransferFailure(word) ? word : 'failed', seconds, gone };
}

/**
 * A voice by its name here: WOMAN and MAN, and Polly's, which have no engine in their names. Google's it has not; the language's own stands in.
 * https://docs.plivo.com/docs/voice/concepts/ssml
 */
function voice(name: string): string {
  if (/^polly\./i.test(name))
    return name.replace(/^polly\./i, 'Polly.').replace(/-(?:Neural|Generative|Long-form)$/i, '');
  return /^man$/i.test(name) ? 'MAN' : 'WOMAN';
}

/** The id of the order of a call that we placed; undefined of any other. */
function orderOf({ ALegRequestUUID, RequestUUID = ALegRequestUUID, Direction }: WebhookFacts['params']) {
  return plain(Direction) === 'outbound' && RequestUUID !== '' ? RequestUUID : undefined;
}

export function plivoWebhook({ secrets, accountId, contentType, calls }: PlivoWebhookOptions): CarrierWebhook {
  const learn = (params: WebhookFacts['params']) => {
    const [order, { CallUUID = '' }] = [orderOf(params), params];
    if (order !== undefined && CallUUID !== '') calls.tell(order, CallUUID);
  };
  return {
    callIdName: 'a CallUUID',
    proves(request) {
      const { method, url, headers } = request;
      const params = method === 'GET' ? {} : bodyOf(request).signed;
      return params !== undefined && isPlivoSignature(secrets, headers, { method, url, params });
    },
    likeness(request) {
      const { CallUUID = '' } = paramsOf(request) ?? {};
      return CallUUID === '' ? 0 : isSigned(request.headers) ? 3 : UUID.test(CallUUID) ? 2 : 1;
    },
    read(request) {
      const params = paramsOf(request);
      if (params === undefined) return undefined;
      // Only what is proven reaches this where a secret is set: a stranger's word changes no id.
      learn(params);
      return {
        event: eventOf(params),
        accountId,
        carrierCallId: orderOf(params) ?? params['CallUUID'] ?? '',
        params,
        query: parseForm(request.query).params ?? {},
      };
    },
    upgrade({ headers, url }: UpgradeRequest): UpgradeProof | undefined {
      if (secrets.length === 0 || !isSigned(headers)) return undefined;
      const asked = url();
      // Its own server library takes the address as https; the documents write it as wss.
      const forms = [asked.replace(/^ws/, 'http'), asked];
      return {
        signed: forms.some((one) => isPlivoSignature(secrets, headers, { method: 'GET', url: one, params: {} })),
      };
    },
    offered,
    status,
    stream,
    transferEnded,
    known: ({ params }) => learn(params),
    documentType: 'text/xml; charset=utf-8',
    document(instruction, { carrierCallId, params: { CallUUID } }) {
      return documentOf(instruction, {
        contentType,
        callId: carrierCallId === CallUUID ? undefined : carrierCallId,
        voice,
      });
    },
    voice,
  };
}
