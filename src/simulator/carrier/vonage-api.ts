import { createVerify } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { CarrierCall } from './call.ts';
import { RestError, type RestReply, type RestSide } from './rest-side.ts';

/**
 * Vonage's Voice API, and what of its account the doctor asks: applications and numbers.
 * https://developer.vonage.com/en/api/voice, https://developer.vonage.com/en/api/application.v2, https://developer.vonage.com/en/api/numbers
 */

type Json = Readonly<Record<string, unknown>>;

const object = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const first = (value: unknown): unknown => (Array.isArray(value) ? value[0] : undefined);

/** As problem details, RFC 9457. */
function refuse(status: number, title: string, detail: string): RestError {
  return new RestError(status, 0, detail, { type: `https://developer.vonage.com/api-errors#${status}`, title, detail });
}

export function vonageApi(side: RestSide, request: IncomingMessage, path: string, json: unknown): RestReply {
  const { pathname, searchParams } = new URL(path, 'http://vonage.invalid');
  const body = object(json);
  if (pathname.startsWith('/v1/calls')) return calls(side, request, pathname, body);
  const { user = '', password } = side;
  if (request.headers.authorization !== `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`)
    throw refuse(401, 'Unauthorized', 'You did not provide correct credentials.');
  if (pathname === '/account/numbers') return { status: 200, body: owned(side, searchParams.get('pattern') ?? '') };
  if (pathname === '/number/update') return update(side, body);
  if (pathname === `/v2/applications/${side.board.side.accountSid}`) {
    if (request.method === 'PUT') replace(side, body);
    return { status: 200, body: shown(side) };
  }
  throw refuse(404, 'Not Found', 'There is no such resource.');
}

/** The application's own token, RS256 by its private key. */
function authenticate({ publicKey = '', board }: RestSide, { headers }: IncomingMessage): void {
  const [head = '', claims = '', signature = ''] = text(headers.authorization)
    .replace(/^Bearer /, '')
    .split('.');
  const part = (encoded: string): Json => {
    try {
      return object(JSON.parse(Buffer.from(encoded, 'base64url').toString()));
    } catch {
      return {};
    }
  };
  const { application_id, exp, iat, jti } = part(claims);
  const now = Date.now() / 1_000;
  const isRight =
    part(head)['alg'] === 'RS256' &&
    application_id === board.side.accountSid &&
    typeof jti === 'string' &&
    typeof iat === 'number' &&
    iat <= now + 60 &&
    typeof exp === 'number' &&
    exp >= now &&
    createVerify('RSA-SHA256').update(`${head}.${claims}`).verify(publicKey, signature, 'base64url');
  if (!isRight) throw refuse(401, 'Unauthorized', 'You did not provide a valid token.');
}

function calls(side: RestSide, request: IncomingMessage, pathname: string, body: Json): RestReply {
  authenticate(side, request);
  const { method } = request;
  const { board } = side;
  if (pathname === '/v1/calls' && method === 'GET')
    return { status: 200, body: { count: board.calls.length, page_size: 1, _embedded: { calls: [] } } };
  if (pathname === '/v1/calls' && method === 'POST') return create(side, body);
  const [, uuid = '', dtmf] = /^\/v1\/calls\/([^/]+)(\/dtmf)?$/.exec(pathname) ?? [];
  const call = board.find(uuid);
  if (method !== 'PUT' || call === undefined || call.isOver)
    throw refuse(404, 'Not Found', 'There is no such call, or it is over.');
  return dtmf === undefined ? change(call, body) : play(call, body);
}

function create({ board }: RestSide, body: Json): RestReply {
  const [to, from] = [object(first(body['to'])), object(body['from'])];
  const [answerUrl, eventUrl] = [text(first(body['answer_url'])), text(first(body['event_url']))];
  const { ringing_timer: ringing, advanced_machine_detection: machines } = body;
  const isNumber = ({ type, number }: Json) => type === 'phone' && /^\d{7,15}$/.test(text(number));
  if (!isNumber(to) || !isNumber(from)) throw refuse(400, 'Bad Request', 'to and from must be phones in E.164 form.');
  if (!/^https?:/.test(answerUrl)) throw refuse(400, 'Bad Request', 'answer_url must be an array of one URL.');
  if (ringing !== undefined && !(Number(ringing) >= 1 && Number(ringing) <= 120))
    throw refuse(400, 'Bad Request', 'ringing_timer must be 1 to 120.');
  const { behavior, mode } = object(machines);
  if (machines !== undefined && !(behavior === 'continue' && ['detect', 'detect_beep'].includes(text(mode))))
    throw refuse(400, 'Bad Request', 'advanced_machine_detection is of no known form.');
  const call = board.place({
    from: `+${text(from['number'])}`,
    to: `+${text(to['number'])}`,
    first: { url: answerUrl, method: body['answer_method'] === 'POST' ? 'POST' : 'GET' },
    ...(eventUrl === ''
      ? {}
      : {
          statusCallbacks: [
            { url: eventUrl, method: 'POST' as const, events: ['initiated', 'ringing', 'answered', 'completed'] },
          ],
        }),
    ...(machines === undefined ? {} : { machineDetection: { async: true, callbackUrl: eventUrl } }),
  });
  return {
    status: 201,
    body: { uuid: call.sid, status: 'started', direction: 'outbound', conversation_uuid: `CON-${call.sid}` },
  };
}

function change(call: CarrierCall, body: Json): RestReply {
  const destination = object(body['destination']);
  if (body['action'] === 'hangup') call.hangUp();
  else if (body['action'] === 'transfer' && destination['type'] === 'ncco' && Array.isArray(destination['ncco'])) {
    if (!call.redirect({ document: JSON.stringify(destination['ncco']) }))
      throw refuse(400, 'Bad Request', 'The call was not answered yet.');
  } else throw refuse(400, 'Bad Request', 'The action is none that there is.');
  return { status: 204, body: undefined };
}

/** Beside whatever the call does. */
function play(call: CarrierCall, body: Json): RestReply {
  const digits = text(body['digits']);
  if (!/^[0-9*#p]+$/.test(digits)) throw refuse(400, 'Bad Request', 'digits must be of 0-9 * # p.');
  // As all carriers' are kept: a pause of half a second is a w.
  call.digits.push(digits.replaceAll('p', 'w'));
  return { status: 200, body: { message: 'DTMF sent', uuid: call.sid } };
}

function owned({ numbers }: RestSide, pattern: string): object {
  const found = numbers.matching(pattern);
  // Without any it says nothing at all.
  if (found.length === 0) return {};
  return {
    count: found.length,
    numbers: found.map(({ phoneNumber, takesCalls, voiceApplicationSid, trunkSid }) => ({
      country: 'US',
      msisdn: phoneNumber.slice(1),
      type: 'mobile-lvn',
      features: takesCalls ? ['VOICE', 'SMS'] : ['SMS'],
      ...(voiceApplicationSid === ''
        ? {}
        : { app_id: voiceApplicationSid, voiceCallbackType: 'app', voiceCallbackValue: voiceApplicationSid }),
      ...(trunkSid === '' ? {} : { voiceCallbackType: 'sip', voiceCallbackValue: trunkSid }),
    })),
  };
}

function update({ numbers }: RestSide, body: Json): RestReply {
  const [number] = numbers.matching(text(body['msisdn']));
  if (number === undefined || body['country'] !== 'US')
    throw refuse(420, 'Unprocessable', 'The number is not of this account.');
  numbers.update(number, { VoiceApplicationSid: text(body['app_id']) });
  return { status: 200, body: { 'error-code': '200', 'error-code-label': 'success' } };
}

function shown({ board, application, publicKey }: RestSide): object {
  const { answerUrl, answerMethod, eventUrl, eventMethod, signedCallbacks } = application;
  return {
    id: board.side.accountSid,
    name: 'voicebridge',
    keys: { public_key: publicKey },
    capabilities: {
      voice: {
        webhooks: {
          answer_url: { address: answerUrl, http_method: answerMethod, connect_timeout: 1_000, socket_timeout: 5_000 },
          event_url: { address: eventUrl, http_method: eventMethod },
        },
        signed_callbacks: signedCallbacks,
        region: 'na-east',
      },
    },
    privacy: { improve_ai: false },
    _links: { self: { href: `/v2/applications/${board.side.accountSid}` } },
  };
}

/** All of it: what is not said is gone. */
function replace({ application, publicKey }: RestSide, body: Json): void {
  const voice = object(object(body['capabilities'])['voice']);
  const webhooks = object(voice['webhooks']);
  const [answer, event] = [object(webhooks['answer_url']), object(webhooks['event_url'])];
  if (text(body['name']) === '' || object(body['keys'])['public_key'] !== publicKey || voice['region'] !== 'na-east')
    throw refuse(400, 'Bad Request', 'An application is set as a whole: name, keys, and what it had.');
  application.answerUrl = text(answer['address']);
  application.answerMethod = text(answer['http_method']);
  application.eventUrl = text(event['address']);
  application.eventMethod = text(event['http_method']);
  application.signedCallbacks = voice['signed_callbacks'] !== false;
}
