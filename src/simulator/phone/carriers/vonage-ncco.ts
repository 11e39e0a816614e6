import type { CodecName } from '../codec.ts';
import type { DialInstruction } from '../dial.ts';
import { type StreamInstruction, TwimlError, type Verb } from '../twiml.ts';

/**
 * Call control objects as Vonage reads them, for the actions that a media bridge answers with. What it does not know is an error, as there:
 * https://developer.vonage.com/en/voice/voice-api/ncco-reference
 */

/** Longest text of a `talk`, characters; of a socket's headers, bytes of JSON; of a `connect`, s. */
const TALK_MOST = 1_500;
const HEADERS_MOST = 512;
const LIMIT_MOST = 7_200;

/** Shown to whoever is dialled where the document leaves the choice of a number to the application. */
const ANY_NUMBER = 'a number of the application';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function fail(message: string): never {
  throw new TwimlError(`Syntax error in NCCO. ${message}`);
}

/** Reads a document. One without actions, and none at all, end the call: nothing follows. Throws a TwimlError. */
export function parseNcco(document: string): Verb[] {
  if (document === '') return [{ verb: 'Hangup' }];
  let actions: unknown;
  try {
    actions = JSON.parse(document);
  } catch {
    fail('It is no JSON.');
  }
  if (!Array.isArray(actions)) fail('It must be an array of actions.');
  return actions.length === 0 ? [{ verb: 'Hangup' }] : actions.map((one, at) => readAction(one, at));
}

function readAction(action: unknown, at: number): Verb {
  if (!isObject(action)) fail(`Action ${at} is no object.`);
  switch (action['action']) {
    case 'talk':
      return readTalk(action);
    case 'connect':
      return readConnect(action);
    default:
      return fail(`Invalid value type or action: ${String(action['action'])} (this phone follows talk and connect).`);
  }
}

/** Throws for names that the reference does not have. */
function only(what: string, object: Json, names: readonly string[]): void {
  const odd = Object.keys(object).find((name) => !names.includes(name));
  if (odd !== undefined) fail(`${what} has no ${odd}.`);
}

function readTalk(action: Json): Verb {
  only('talk', action, ['action', 'text', 'language', 'style', 'premium', 'bargeIn', 'loop', 'level']);
  const { text, language, style } = action;
  if (typeof text !== 'string' || text === '' || text.length > TALK_MOST)
    fail(`The text of talk must have 1 to ${TALK_MOST} characters.`);
  if (language !== undefined && typeof language !== 'string') fail('The language of talk is no text.');
  if (style !== undefined && !Number.isInteger(style)) fail('The style of talk is no whole number.');
  return { verb: 'Say', text, loop: 1 };
}

function readConnect(action: Json): Verb {
  only('connect', action, [
    ...['action', 'endpoint', 'from', 'randomFromNumber', 'eventType', 'eventUrl', 'eventMethod', 'timeout', 'limit'],
    ...['machineDetection', 'advancedMachineDetection', 'ringbackTone'],
  ]);
  const endpoints = action['endpoint'];
  if (!Array.isArray(endpoints) || endpoints.length !== 1 || !isObject(endpoints[0]))
    fail('connect takes one endpoint in an array.');
  const endpoint = endpoints[0];
  const events = readEvents(action);
  if (endpoint['type'] === 'websocket')
    return { verb: 'Connect', stream: readSocket(endpoint, events), action: events.url, method: events.method };
  if (endpoint['type'] === 'phone') return { verb: 'Dial', ...readPhone(action, endpoint, events) };
  return fail(`An endpoint of type ${String(endpoint['type'])} is none that this phone connects to.`);
}

interface Events {
  /** Undefined: nothing that is answered there is followed. */
  readonly url: string | undefined;
  readonly method: 'GET' | 'POST';
}

function readEvents({ eventType, eventUrl, eventMethod = 'POST' }: Json): Events {
  if (eventMethod !== 'GET' && eventMethod !== 'POST') fail('eventMethod is neither GET nor POST.');
  if (eventType !== undefined && eventType !== 'synchronous') fail('eventType can be synchronous alone.');
  if (eventUrl !== undefined) {
    const url: unknown = Array.isArray(eventUrl) && eventUrl.length === 1 ? eventUrl[0] : undefined;
    if (typeof url !== 'string' || !/^https?:\/\//.test(url) || !URL.canParse(url))
      fail('eventUrl is no array of one http(s) URL.');
    if (eventType === 'synchronous') return { url, method: eventMethod };
  }
  return { url: undefined, method: eventMethod };
}

const CODECS: Readonly<Record<string, CodecName>> = {
  'audio/l16;rate=8000': 'L16@8000',
  'audio/l16;rate=16000': 'L16@16000',
  'audio/l16;rate=24000': 'L16@24000',
};

function readSocket(endpoint: Json, events: Events): StreamInstruction {
  only('An endpoint of a websocket', endpoint, ['type', 'uri', 'content-type', 'headers', 'authorization']);
  const { uri, headers = {}, authorization } = endpoint;
  // Only TLS, as Vonage says; a bridge on this machine has none.
  if (typeof uri !== 'string' || !/^wss?:\/\//.test(uri) || !URL.canParse(uri)) fail('uri must be wss://.');
  const codec = CODECS[String(endpoint['content-type'])];
  if (codec === undefined) fail(`content-type must be ${Object.keys(CODECS).join(' or ')}.`);
  if (!isObject(headers) || Buffer.byteLength(JSON.stringify(headers)) > HEADERS_MOST)
    fail(`headers must be an object of ${HEADERS_MOST} bytes at most.`);
  if (authorization !== undefined && !(isObject(authorization) && authorization['type'] === 'vonage'))
    fail('authorization is of no type that this phone has.');
  return {
    url: uri,
    name: undefined,
    parameters: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    statusCallback: events.url,
    statusCallbackMethod: events.method,
    codec,
    authBearerToken: undefined,
    realtime: false,
    isSigned: authorization !== undefined,
  };
}

function readPhone(action: Json, endpoint: Json, events: Events): DialInstruction {
  only('An endpoint of a phone', endpoint, ['type', 'number', 'dtmfAnswer', 'onAnswer', 'shaken']);
  const { from, randomFromNumber, timeout, limit } = action;
  const isNumber = (value: unknown) => typeof value === 'string' && /^\d{7,15}$/.test(value);
  if (!isNumber(endpoint['number'])) fail('The number of a phone must be E.164 without its plus sign.');
  if (from !== undefined && !isNumber(from)) fail('from must be E.164 without its plus sign.');
  if (from !== undefined && randomFromNumber !== undefined) fail('from and randomFromNumber exclude each other.');
  const seconds = (name: string, value: unknown, most: number): number | undefined => {
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > most)
      fail(`${name} must be a whole number from 1 to ${most}.`);
    return value;
  };
  return {
    target: `+${String(endpoint['number'])}`,
    action: events.url,
    method: events.method,
    timeout: seconds('timeout', timeout, 7_200) ?? 60,
    timeLimit: seconds('limit', limit, LIMIT_MOST) ?? LIMIT_MOST,
    callerId: from === undefined ? ANY_NUMBER : `+${String(from)}`,
  };
}
