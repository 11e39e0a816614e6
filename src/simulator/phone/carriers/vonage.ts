import { createHash, createHmac, randomUUID } from 'node:crypto';
import type { BridgeMessage } from '../bridge-message.ts';
import type { Dialect, StreamIdentity } from '../dialect.ts';
import type { FarEnd, Form, ToldCall } from '../far-end.ts';
import { parseNcco } from './vonage-ncco.ts';

/** Vonage: JSON webhooks with a JWT, and a media socket of binary messages. https://developer.vonage.com/en/voice/voice-api/overview */

const API_KEY = 'abcd1234';

/** Its answer URL is given 3 s to connect and 5 s to reply, and one more try where that ran out. */
const ANSWER_MS = 5_000;
const TRIES = 2;

/** Messages that wait to be played, 20 ms each. https://developer.vonage.com/en/voice/voice-api/concepts/websockets */
const BUFFER_MS = 3_072 * 20;

const digits = (number: string) => number.replace(/^\+/, '');
const conversationOf = (leg: string) => `CON-${leg}`;

/**
 * `body`: what is hashed, of a GET its query as a JSON object. https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks,
 * https://api.support.vonage.com/hc/en-us/articles/19033783342876
 */
function jwt(secret: string, body: string | undefined): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = [
    part({ alg: 'HS256', typ: 'JWT' }),
    part({
      iat: Math.floor(Date.now() / 1_000),
      jti: randomUUID(),
      iss: 'Vonage',
      ...(body === undefined ? {} : { payload_hash: createHash('sha256').update(body).digest('hex') }),
      api_key: API_KEY,
    }),
  ].join('.');
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
}

const bearer = (secret: string, body?: string): Form => ({ Authorization: `Bearer ${jwt(secret, body)}` });

const callForm = ({ callSid, from, to }: ToldCall): Form => ({
  from: digits(from),
  to: digits(to),
  endpoint_type: 'phone',
  uuid: callSid,
  conversation_uuid: conversationOf(callSid),
});

/** What the first carrier's words are called here. */
const STATUSES: Readonly<Record<string, string>> = {
  queued: 'started',
  initiated: 'started',
  'in-progress': 'answered',
  'no-answer': 'unanswered',
  canceled: 'cancelled',
};
const statusOf = (word: string) => STATUSES[word] ?? word;

export const vonageFarEnd: FarEnd = {
  title: 'Vonage',
  secret: 'signature secret',
  codecs: ['L16@8000', 'L16@16000', 'L16@24000'],
  codec: 'L16@24000',
  json: true,
  answers: { timeoutMs: ANSWER_MS, tries: TRIES, types: ['application/json'] },
  proof(secret, method, url, form) {
    const said = method === 'POST' ? form : Object.fromEntries(new URL(url).searchParams);
    return secret === undefined ? {} : bearer(secret, JSON.stringify(said));
  },
  upgrade: (_url, secret, { isSigned = false }) => (isSigned && secret !== undefined ? bearer(secret) : {}),
  callForm,
  statusForm(call, seconds, at) {
    const status = statusOf(call.callStatus);
    return {
      ...callForm(call),
      status,
      direction: call.direction === 'inbound' ? 'inbound' : 'outbound',
      timestamp: at.toISOString(),
      ...(status === 'completed'
        ? { duration: String(seconds), end_time: at.toISOString(), rate: '0.00450000', price: '0.00015000' }
        : {}),
    };
  },
  machineForm: ({ callSid, from, to }, answeredBy) => ({
    call_uuid: callSid,
    conversation_uuid: conversationOf(callSid),
    from: digits(from),
    to: digits(to),
    status: answeredBy === 'human' ? 'human' : 'machine',
    ...(answeredBy === 'machine_end_beep' ? { sub_state: 'beep_start' } : {}),
    timestamp: new Date().toISOString(),
  }),
  dialForm: ({ status, seconds }) => ({
    uuid: randomUUID(),
    status: status === 'no-answer' ? 'timeout' : statusOf(status),
    direction: 'outbound',
    timestamp: new Date().toISOString(),
    ...(seconds === undefined ? {} : { duration: String(seconds) }),
  }),
  // That it is gone is asked about, where somebody is still there to be told of.
  streamForm: ({ callSid, streamSid, at }, { event }) =>
    event === 'started'
      ? {
          uuid: streamSid,
          conversation_uuid: conversationOf(callSid),
          status: 'answered',
          direction: 'outbound',
          timestamp: at.toISOString(),
        }
      : undefined,
  streamEndForm: ({ streamSid, url }, end) => ({
    uuid: streamSid,
    to: url,
    status: end === 'failed' ? 'failed' : 'disconnected',
    direction: 'outbound',
    timestamp: new Date().toISOString(),
  }),
  instructions: parseNcco,
  dialect: (identity) => new VonageDialect(identity),
};

class VonageDialect implements Dialect {
  readonly streamSid: string;
  readonly isBinary = true;
  readonly bufferMs = BUFFER_MS;
  readonly #identity: StreamIdentity;

  constructor(identity: StreamIdentity) {
    this.#identity = identity;
    this.streamSid = identity.streamSid;
  }

  read(text: string): BridgeMessage {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return { event: 'fault', fault: 'bad-json', detail: text.slice(0, 80) };
    }
    const { action, payload } = (message ?? {}) as Record<string, unknown>;
    if (action === 'clear') return { event: 'clear' };
    if (action !== 'notify') return { event: 'fault', fault: 'unknown-event', detail: String(action).slice(0, 80) };
    // Whatever it is, an object, comes back as it is.
    return typeof payload === 'object' && payload !== null
      ? { event: 'mark', name: JSON.stringify(payload) }
      : { event: 'fault', fault: 'missing-field', detail: 'notify.payload' };
  }

  connected(): undefined {}

  start(): string {
    const { codec, parameters } = this.#identity;
    const rate = codec.slice(codec.indexOf('@') + 1);
    return JSON.stringify({ event: 'websocket:connected', 'content-type': `audio/l16;rate=${rate}`, ...parameters });
  }

  /** Audio is binary. */
  media(): string {
    return '';
  }

  dtmf(digit: string, durationMs: number): string {
    return JSON.stringify({ event: 'websocket:dtmf', digit, duration: durationMs });
  }

  /** One whose audio was cleared does not come back. */
  mark(payload: string, cause: 'played' | 'cleared'): string | undefined {
    return cause === 'played' ? `{"event":"websocket:notify","payload":${payload}}` : undefined;
  }

  cleared(): string {
    return '{"event":"websocket:cleared"}';
  }

  stop(): undefined {}
}
