import type { CodecName } from '../codec.ts';
import { type StreamInstruction, TwimlError, type Verb } from '../twiml.ts';
import { parseXml, type XmlElement, XmlError } from '../xml.ts';

/** Plivo's XML, for the elements that a media bridge answers with; what it documents no element or attribute for it refuses. https://docs.plivo.com/docs/voice/xml */

/** https://docs.plivo.com/docs/voice/xml/request: larger answers are not taken. */
const BYTES_MOST = 100 * 1024;
/** https://docs.plivo.com/docs/voice/xml/audiostream */
const EXTRA_HEADERS_MOST = 512;

const CONTENT_TYPES: Readonly<Record<string, CodecName>> = {
  'audio/x-mulaw;rate=8000': 'PCMU@8000',
  'audio/x-l16;rate=8000': 'L16@8000',
  'audio/x-l16;rate=16000': 'L16@16000',
};

/** The attributes of each element, those of the `plivo` package. */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  Stream: [
    'bidirectional',
    'audioTrack',
    'streamTimeout',
    'statusCallbackUrl',
    'statusCallbackMethod',
    'contentType',
    'extraHeaders',
    'keepCallAlive',
  ],
  Speak: ['voice', 'language', 'loop'],
  Play: ['loop'],
  Wait: ['length', 'silence', 'minSilence', 'beep'],
  Redirect: ['method'],
  Hangup: ['schedule', 'reason'],
  Dial: ['action', 'method', 'redirect', 'timeout', 'timeLimit', 'callerId', 'callerName', 'hangupOnStar'],
  Number: ['sendDigits', 'sendOnPreanswer'],
};

const fail = (message: string, { line, column }: XmlElement): never => {
  throw new TwimlError(`${message} (line ${line}, column ${column})`);
};

/** Reads a document into the verbs to execute, in order. Throws a TwimlError. */
export function parsePlivoXml(document: string): Verb[] {
  if (Buffer.byteLength(document) > BYTES_MOST) throw new TwimlError('the document is larger than 100 KB');
  let root: XmlElement;
  try {
    root = parseXml(document);
  } catch (cause) {
    if (!(cause instanceof XmlError)) throw cause;
    throw new TwimlError(`not well-formed XML: ${cause.message}`, { cause });
  }
  if (root.name !== 'Response') fail(`the root element is <${root.name}>, it must be <Response>`, root);
  return root.children.map(readVerb);
}

function readVerb(element: XmlElement): Verb {
  checkAttributes(element);
  const attribute = (name: string) => element.attributes.get(name);
  const { text } = element;
  switch (element.name) {
    case 'Speak':
      if (text === '') fail('<Speak> says nothing', element);
      return { verb: 'Say', text, loop: whole(element, 'loop', 1) };
    case 'Play':
      return { verb: 'Play', url: text, digits: undefined };
    case 'Wait':
      return { verb: 'Pause', seconds: whole(element, 'length', 1) };
    case 'Redirect':
      return { verb: 'Redirect', url: httpUrl(text, element), method: method(element, 'method') };
    case 'Hangup': {
      const reason = attribute('reason');
      if (reason === undefined) return { verb: 'Hangup' };
      if (reason !== 'rejected' && reason !== 'busy') fail('reason of <Hangup> is neither rejected nor busy', element);
      return { verb: 'Reject', reason };
    }
    case 'Dial':
      return readDial(element);
    case 'Stream':
      return { verb: 'Connect', stream: readStream(element), action: undefined, method: 'POST' };
    default:
      return fail(`<${element.name}> is no element that this phone follows`, element);
  }
}

function readDial(element: XmlElement): Verb {
  const [number] = element.children;
  if (number?.name !== 'Number') return fail('<Dial> needs a <Number> inside', element);
  checkAttributes(number);
  const e164 = (text: string, what: string) =>
    /^\+?[1-9]\d{6,14}$/.test(text) ? `+${text.replace('+', '')}` : fail(`${what} is no number`, element);
  const action = element.attributes.get('action');
  const callerId = element.attributes.get('callerId');
  const redirect = element.attributes.get('redirect') ?? 'true';
  if (action !== undefined && redirect !== 'true') fail('this phone redirects to the action of a <Dial>', element);
  return {
    verb: 'Dial',
    target: e164(number.text, '<Number>'),
    action: action === undefined ? undefined : httpUrl(action, element),
    method: method(element, 'method'),
    timeout: element.attributes.has('timeout') ? whole(element, 'timeout', 0) : undefined,
    timeLimit: element.attributes.has('timeLimit') ? whole(element, 'timeLimit', 0) : undefined,
    callerId: callerId === undefined ? undefined : e164(callerId, 'callerId of <Dial>'),
  };
}

function readStream(element: XmlElement): StreamInstruction {
  const attribute = (name: string) => element.attributes.get(name);
  const { text: url } = element;
  if (!/^wss?:\/\//.test(url) || !URL.canParse(url)) fail(`<Stream> to ${url}: it must be wss://`, element);
  if (url.length > 2_048) fail('the URL of <Stream> is longer than 2048 characters', element);
  // Otherwise what is sent is not played, and what follows is done while the stream runs.
  if (attribute('bidirectional') !== 'true') fail('<Stream> is not bidirectional', element);
  if (attribute('keepCallAlive') !== 'true') fail('<Stream> without keepCallAlive ends the call with itself', element);
  if ((attribute('audioTrack') ?? 'inbound') !== 'inbound')
    fail('a bidirectional <Stream> has the inbound track alone', element);
  if (whole(element, 'streamTimeout', 86_400) === 0) fail('streamTimeout must be positive', element);
  const contentType = attribute('contentType') ?? 'audio/x-l16;rate=8000';
  const statusCallback = attribute('statusCallbackUrl');
  return {
    url,
    name: undefined,
    parameters: extraHeaders(element),
    statusCallback: statusCallback === undefined ? undefined : httpUrl(statusCallback, element),
    statusCallbackMethod: method(element, 'statusCallbackMethod'),
    codec: CONTENT_TYPES[contentType] ?? fail(`contentType ${contentType} is none of its own`, element),
    authBearerToken: undefined,
    realtime: false,
  };
}

function extraHeaders(element: XmlElement): Record<string, string> {
  const text = element.attributes.get('extraHeaders') ?? '';
  if (Buffer.byteLength(text) > EXTRA_HEADERS_MOST) fail('extraHeaders of more than 512 bytes', element);
  const pairs = text === '' ? [] : text.split(/[,;]/);
  return Object.fromEntries(
    pairs.map((pair): [string, string] => {
      const [, name, value] = /^([A-Za-z0-9]+)=([A-Za-z0-9]+)$/.exec(pair) ?? [];
      return [name ?? fail(`extraHeaders: ${pair} is no pair of letters and digits`, element), value ?? ''];
    }),
  );
}

function checkAttributes(element: XmlElement): void {
  const known = ATTRIBUTES[element.name] ?? [];
  for (const name of element.attributes.keys())
    if (!known.includes(name)) fail(`<${element.name}> has no attribute ${name}`, element);
}

function httpUrl(url: string, element: XmlElement): string {
  return /^https?:\/\//.test(url) && URL.canParse(url)
    ? url
    : fail(`<${element.name}>: not a fully qualified http(s) URL: ${url}`, element);
}

function method(element: XmlElement, name: string): 'GET' | 'POST' {
  const value = element.attributes.get(name) ?? 'POST';
  return value === 'GET' || value === 'POST' ? value : fail(`${name} of <${element.name}> is neither`, element);
}

function whole(element: XmlElement, name: string, fallback: number): number {
  const value = element.attributes.get(name);
  if (value === undefined) return fallback;
  return /^\d{1,6}$/.test(value) ? Number(value) : fail(`${name} of <${element.name}> is no whole number`, element);
}
