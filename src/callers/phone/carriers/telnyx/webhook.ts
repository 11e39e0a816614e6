import { parseParty } from '../../../../numbering/party.ts';
import { jsonObject } from '../../../../transport/http.ts';
import type { CallStatus } from '../../control/control.ts';
import { parseForm } from '../laml/form.ts';
import { headerText } from '../laml/webhook.ts';
import type {
  CarrierRequest,
  CarrierWebhook,
  Instruction,
  ToldStatus,
  ToldTransfer,
  UpgradeProof,
  UpgradeRequest,
  WebhookEvent,
  WebhookFacts,
} from '../webhook.ts';
import { type ClientState, readState } from './state.ts';
import { telnyxVoice } from './words.ts';

/**
 * The webhooks of a Voice API application: JSON, all events of a call at one address, answered by commands over REST.
 * https://developers.telnyx.com/docs/voice/programmable-voice/voice-api-webhooks
 */

export interface TelnyxWebhookOptions {
  proves(request: CarrierRequest): boolean;
  /** Tells the daemon's answer over REST. */
  carryOut(instruction: Instruction, facts: WebhookFacts): Promise<void>;
  /** Told of events that ask for nothing. */
  noted(facts: WebhookFacts): void;
}

/** Of a call's payload: what is text and told on; nested lists of headers but for who handed the call on. */
const FIELDS = [
  'call_session_id',
  'client_state',
  'connection_id',
  'direction',
  'failure_reason',
  'from',
  'hangup_cause',
  'result',
  'state',
  'stream_id',
  'to',
] as const;

type Payload = Readonly<Record<string, unknown>>;

const asObject = (value: unknown): Payload | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Payload) : undefined;

/** RFC 5806: a header of the caller's network. */
function diversionOf({ sip_headers: headers }: Payload): string {
  const found = Array.isArray(headers)
    ? headers.find((one: unknown) => String(asObject(one)?.['name']).toLowerCase() === 'diversion')
    : undefined;
  const value = asObject(found)?.['value'];
  return typeof value === 'string' ? value : '';
}

/** The event and its call, by names of their own. Has no prototype. */
function paramsOf(data: Payload, payload: Payload): Record<string, string> {
  const params: Record<string, string> = Object.create(null);
  const keep = (name: string, value: unknown) => {
    if (typeof value === 'string' && value !== '') params[name] = value;
  };
  keep('event_type', data['event_type']);
  keep('event_id', data['id']);
  for (const name of FIELDS) keep(name, payload[name]);
  keep('diversion', diversionOf(payload));
  return params;
}

/** What an event is about, by its name, by whose leg it is of, and by what we had asked before. */
function eventsOf(name: string, direction: string | undefined, state: ClientState | undefined): Partial<WebhookFacts> {
  const events = (event: WebhookEvent | 'other', also?: WebhookEvent) => ({ event, also });
  // Of the leg that a transfer rings only its end matters, and that is news of the call it was rung for.
  if (state?.is === 'transfer') return events(name === 'call.hangup' ? 'transfer-ended' : 'other');
  switch (name) {
    case 'call.initiated':
      return events(direction === 'outgoing' || state?.is === 'placed' ? 'call-status' : 'incoming-call');
    case 'call.answered':
      return events(state?.is === 'placed' ? 'incoming-call' : 'other');
    case 'call.hangup':
      return events('call-status');
    case 'streaming.started':
      return events('stream-status');
    // The stream is over and the call may not be: what comes next? Where we took the stream away that is known.
    case 'streaming.stopped':
    case 'streaming.failed':
      return state?.is === 'moving' ? events('stream-status') : events('call-continue', 'stream-status');
    default:
      return events(/^call\.machine\./.test(name) ? 'call-status' : 'other');
  }
}

function read(request: CarrierRequest): WebhookFacts | undefined {
  const data = asObject(jsonObject(request.rawBody)?.['data']);
  const payload = data && asObject(data['payload']);
  if (data === undefined || payload === undefined) return undefined;
  const params = paramsOf(data, payload);
  const state = readState(params['client_state']);
  const id = payload['call_control_id'];
  return {
    ...eventsOf(params['event_type'] ?? '', params['direction'], state),
    // No event says whose account it is of: all that come with one key are of one account.
    accountId: '',
    carrierCallId: state?.is === 'transfer' ? state.callId : typeof id === 'string' ? id : '',
    params,
    query: parseForm(request.query).params ?? {},
  };
}

const ENDS: Readonly<Record<string, CallStatus>> = {
  normal_clearing: 'completed',
  time_limit: 'completed',
  user_busy: 'busy',
  call_rejected: 'busy',
  timeout: 'no-answer',
  no_answer: 'no-answer',
  originator_cancel: 'canceled',
};

/** What machine detection found, in the words that carriers have in common. */
const ANSWERERS: Readonly<Record<string, string>> = {
  human: 'human',
  human_residence: 'human',
  human_business: 'human',
  machine: 'machine_start',
  fax_detected: 'fax',
  beep_detected: 'machine_end_beep',
  ended: 'machine_end_silence',
  no_beep_detected: 'machine_end_silence',
};

const endOf = (cause = ''): CallStatus => (Object.hasOwn(ENDS, cause) ? ENDS[cause]! : 'failed');

function status({ params }: WebhookFacts): ToldStatus {
  const { event_type: name = '', hangup_cause: cause, result = '', to = '' } = params;
  const told = { word: name, to: parseParty(to) };
  if (name === 'call.hangup') return { ...told, word: cause ?? name, status: endOf(cause) };
  if (name === 'call.initiated') return { ...told, status: 'ringing' };
  const answeredBy = Object.hasOwn(ANSWERERS, result) ? ANSWERERS[result] : 'unknown';
  return /^call\.machine\./.test(name) ? { ...told, answeredBy } : told;
}

/** How the leg ended that a transfer had rung. An end that is told in no way of failing had a talk before it. */
function transferEnded({ params }: WebhookFacts): ToldTransfer {
  const state = readState(params['client_state']);
  const how = endOf(params['hangup_cause']);
  return {
    how: how === 'busy' || how === 'no-answer' || how === 'canceled' || how === 'completed' ? how : 'failed',
    seconds: 0,
    // Whoever rang off before the other answered gave the attempt up.
    gone: how === 'canceled',
    n: state?.is === 'transfer' ? state.n : undefined,
  };
}

const STREAM_EVENTS = {
  'streaming.started': 'started',
  'streaming.stopped': 'stopped',
  'streaming.failed': 'error',
} as const;

/** The token with which a stream was asked for that is not opened by answering the call. */
export function telnyxUpgrade({ headers }: UpgradeRequest): UpgradeProof | undefined {
  const token = headerText(headers, 'x-telnyx-streaming-auth-token');
  return token === '' ? undefined : { token };
}

export function telnyxWebhook({ proves, carryOut, noted }: TelnyxWebhookOptions): CarrierWebhook {
  return {
    callIdName: 'a call_control_id',
    proves,
    likeness: ({ contentType, rawBody }) =>
      contentType === 'application/json' && rawBody.includes('"call_control_id"') ? 3 : 0,
    read,
    upgrade: telnyxUpgrade,
    offered({ params }, origin) {
      const { from: text = '', to = '', event_type: name, client_state: state } = params;
      const from = parseParty(text, origin);
      return {
        from,
        wrapped: from.kind === 'number' && from.number !== text,
        to: parseParty(to, origin),
        direction: readState(state)?.is === 'placed' ? 'outbound' : 'inbound',
        forwardedBy: parseParty(params['diversion'] ?? ''),
        rings: name === 'call.initiated',
      };
    },
    status,
    stream({ params }) {
      const { event_type: word = '', stream_id: streamId = '', failure_reason: error = '' } = params;
      const event = Object.hasOwn(STREAM_EVENTS, word) ? STREAM_EVENTS[word as keyof typeof STREAM_EVENTS] : 'other';
      return { event, word, streamId, error };
    },
    transferEnded,
    noted,
    documentType: 'application/json; charset=utf-8',
    document: () => '',
    carryOut,
    voice: telnyxVoice,
  };
}
