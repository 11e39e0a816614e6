/**
 * Call instructions as Twilio (TwiML) and SignalWire (cXML) write them, for the verbs a media bridge answers with. Names are case-sensitive.
 *
 * https://www.twilio.com/docs/voice/twiml, https://developer.signalwire.com/compatibility-api/cxml
 */

import type { Carrier } from './carrier.ts';
import { type CodecName, parseCodecName, STREAM_CODECS } from './codec.ts';
import type { DialInstruction } from './dial.ts';
import { parseXml, type XmlElement, XmlError } from './xml.ts';

export interface StreamInstruction {
  /** As written; carriers that allow it resolve a relative one against the document's address. */
  readonly url: string;
  readonly name: string | undefined;
  readonly parameters: Readonly<Record<string, string>>;
  readonly statusCallback: string | undefined;
  readonly statusCallbackMethod: 'GET' | 'POST';
  /** SignalWire only, as all below. */
  readonly codec: CodecName | undefined;
  readonly authBearerToken: string | undefined;
  readonly realtime: boolean;
  /** Vonage only: whether the upgrade is signed as webhooks are. */
  readonly isSigned?: boolean;
}

type Method = 'GET' | 'POST';

export type Verb =
  | { readonly verb: 'Say'; readonly text: string; readonly loop: number }
  | { readonly verb: 'Play'; readonly url: string; readonly digits: string | undefined }
  | { readonly verb: 'Pause'; readonly seconds: number }
  | {
      readonly verb: 'Connect';
      readonly stream: StreamInstruction;
      readonly action: string | undefined;
      readonly method: Method;
    }
  | ({ readonly verb: 'Dial' } & DialInstruction)
  | { readonly verb: 'Redirect'; readonly url: string; readonly method: Method }
  | { readonly verb: 'Hangup' }
  | { readonly verb: 'Reject'; readonly reason: string };

/** Instructions a carrier would refuse; the message says where and why. */
export class TwimlError extends Error {
  constructor(message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = 'TwimlError';
  }
}

/** Twilio's error 11750: larger answers are not read. */
export const MAX_TWIML_BYTES = 64 * 1024;

/** Longest name and value of one `<Parameter>` together, characters. */
const MAX_PARAMETER = 500;

/** Reads a document into the verbs to execute, in order. Throws a TwimlError. */
export function parseTwiml(document: string, carrier: Carrier): Verb[] {
  if (Buffer.byteLength(document) > MAX_TWIML_BYTES) fail('the document is larger than 64 KB (Twilio error 11750)');
  let root: XmlElement;
  try {
    root = parseXml(document);
  } catch (cause) {
    if (!(cause instanceof XmlError)) throw cause;
    throw new TwimlError(`not well-formed XML: ${cause.message}`, { cause });
  }
  if (root.name !== 'Response')
    fail(`the root element is <${root.name}>, it must be <Response> (case-sensitive)`, root);
  if (root.text !== '') fail('text directly inside <Response>', root);
  return root.children.map((element) => readVerb(element, carrier));
}

function readVerb(element: XmlElement, carrier: Carrier): Verb {
  switch (element.name) {
    case 'Say':
      return { verb: 'Say', text: element.text, loop: wholeNumber(element, 'loop', 1) };
    case 'Play':
      if (element.text === '' && !element.attributes.has('digits')) fail('<Play> needs a URL or digits', element);
      return { verb: 'Play', url: element.text, digits: element.attributes.get('digits') };
    case 'Pause':
      childless(element);
      return { verb: 'Pause', seconds: wholeNumber(element, 'length', 1) };
    case 'Connect':
      return readConnect(element, carrier);
    case 'Dial':
      return { verb: 'Dial', ...readDial(element) };
    case 'Redirect':
      childless(element);
      if (element.text === '') fail('<Redirect> needs a URL', element);
      checkHttpUrl(element.text, element);
      return { verb: 'Redirect', url: element.text, method: method(element, 'method') };
    case 'Hangup':
      childless(element);
      return { verb: 'Hangup' };
    case 'Reject': {
      const reason = element.attributes.get('reason') ?? 'rejected';
      if (reason !== 'rejected' && reason !== 'busy') fail('reason of <Reject> is neither rejected nor busy', element);
      return { verb: 'Reject', reason };
    }
    default:
      return fail(
        `<${element.name}> is not a verb this phone follows (Say, Play, Pause, Connect, Dial, Redirect, Hangup, Reject; case-sensitive)`,
        element,
      );
  }
}

function readDial(element: XmlElement): DialInstruction {
  const target = [element.text, ...element.children.map((child) => child.text)].find((text) => text !== '');
  const action = element.attributes.get('action');
  if (action !== undefined) checkHttpUrl(action, element);
  const callerId = element.attributes.get('callerId');
  if (callerId !== undefined && !/^\+\d{7,15}$/.test(callerId)) fail('callerId of <Dial> is no E.164 number', element);
  return {
    target: target ?? fail('<Dial> says nobody to dial', element),
    action,
    method: action === undefined ? undefined : method(element, 'method'),
    timeout: element.attributes.has('timeout') ? wholeNumber(element, 'timeout', 0) : undefined,
    timeLimit: element.attributes.has('timeLimit') ? wholeNumber(element, 'timeLimit', 0) : undefined,
    callerId,
  };
}

function readConnect(element: XmlElement, carrier: Carrier): Verb {
  const [stream, ...more] = element.children;
  if (stream === undefined) fail('<Connect> is empty; it needs a <Stream>', element);
  if (stream.name !== 'Stream')
    fail(`<Connect> holds <${stream.name}>; this phone connects to a <Stream> only`, stream);
  if (more.length > 0) fail('<Connect> takes one <Stream>', more[0]);
  const action = element.attributes.get('action');
  if (action !== undefined) checkHttpUrl(action, element);
  return {
    verb: 'Connect',
    stream: readStream(stream, carrier),
    action,
    method: method(element, 'method'),
  };
}

function readStream(element: XmlElement, carrier: Carrier): StreamInstruction {
  const attribute = (name: string) => element.attributes.get(name);
  const url = attribute('url') ?? fail('<Stream> needs a url', element);
  checkStreamUrl(url, carrier, element);
  const track = attribute('track') ?? 'inbound_track';
  if (track !== 'inbound_track') fail(`track ${track}: a bidirectional <Stream> has inbound_track only`, element);
  const parameters: Record<string, string> = {};
  for (const child of element.children) {
    if (child.name !== 'Parameter') fail(`<Stream> takes <Parameter>s, not <${child.name}>`, child);
    const name = child.attributes.get('name');
    const value = child.attributes.get('value');
    if (name === undefined || name === '' || value === undefined) fail('<Parameter> needs a name and a value', child);
    if (name.length + value.length >= MAX_PARAMETER) {
      fail(`<Parameter> ${name}: name and value together must stay under ${MAX_PARAMETER} characters`, child);
    }
    parameters[name] = value;
  }
  const common = {
    url,
    name: attribute('name'),
    parameters,
    statusCallback: attribute('statusCallback'),
    statusCallbackMethod: method(element, 'statusCallbackMethod'),
  };
  // Twilio knows none of these: it warns about an attribute it does not know (12200) and goes on without it.
  if (carrier === 'twilio') return { ...common, codec: undefined, authBearerToken: undefined, realtime: false };
  const codec = attribute('codec');
  const codecName = codec === undefined ? undefined : parseCodecName(codec);
  if (codec !== undefined && !STREAM_CODECS.some((known) => known === codecName)) {
    fail(`codec ${codec}: known are ${STREAM_CODECS.map((known) => `${known}h`).join(', ')} (codec_error)`, element);
  }
  return {
    ...common,
    codec: codecName,
    authBearerToken: attribute('authBearerToken'),
    realtime: attribute('realtime') === 'true',
  };
}

/** Absolute or relative, but one that can be asked for more instructions. */
function checkHttpUrl(url: string, element: XmlElement): void {
  const resolved = URL.canParse(url, 'https://base.invalid/') ? new URL(url, 'https://base.invalid/') : undefined;
  if (resolved?.protocol !== 'http:' && resolved?.protocol !== 'https:') {
    fail(`<${element.name}>: not an http(s) URL: ${url}`, element);
  }
}

function checkStreamUrl(url: string, carrier: Carrier, element: XmlElement): void {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    if (carrier === 'twilio') fail('the url of <Stream> must be absolute: wss://...', element);
  } else if (scheme !== 'wss' && scheme !== 'ws') {
    fail(`the url of <Stream> is ${scheme}://; it must be wss:// (ws:// for local trials)`, element);
  }
  if (!URL.canParse(url, 'wss://base.invalid/')) fail(`the url of <Stream> is not a URL: ${url}`, element);
  if (url.includes('#')) fail('the url of <Stream> has a fragment, which a WebSocket URL must not have', element);
  if (url.includes('?')) {
    fail('the url of <Stream> has a query string, which carriers do not pass on; use <Parameter>', element);
  }
}

function childless(element: XmlElement): void {
  const child = element.children[0];
  if (child !== undefined) fail(`<${element.name}> takes no <${child.name}>`, child);
}

function method(element: XmlElement, name: string): Method {
  const value = element.attributes.get(name)?.toUpperCase() ?? 'POST';
  if (value !== 'GET' && value !== 'POST') fail(`${name} of <${element.name}> is neither GET nor POST`, element);
  return value;
}

function wholeNumber(element: XmlElement, name: string, fallback: number): number {
  const value = element.attributes.get(name);
  if (value === undefined) return fallback;
  if (!/^\d{1,6}$/.test(value)) fail(`${name} of <${element.name}> is not a whole number: ${value}`, element);
  return Number(value);
}

function fail(message: string, element?: XmlElement): never {
  throw new TwimlError(element === undefined ? message : `${message} (line ${element.line}, column ${element.column})`);
}
