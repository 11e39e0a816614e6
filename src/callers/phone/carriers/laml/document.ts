import { BridgeError } from '../../../../errors.ts';
import type { Instruction, Spoken, StreamOrder } from '../webhook.ts';

/**
 * The documents that carriers of this family read: TwiML, and cXML, the same language with attributes of its own.
 * https://www.twilio.com/docs/voice/twiml/stream
 * https://developer.signalwire.com/compatibility-api/cxml/voice/stream
 */

export interface StreamDocument {
  /** `wss://…` without a query, which carriers strip or refuse. */
  readonly streamUrl: string;
  /** The one-time token; it returns in the stream's `start`. */
  readonly token: string;
  /** Asked for when the stream ended without the call being ended. */
  readonly continueUrl: string;
  readonly name?: string | undefined;
  readonly statusCallbackUrl?: string | undefined;
  /** More values for the stream's `start`. */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  /** What the carrier's own `<Stream>` is told beyond the family's: one that does not know an attribute rejects the document. */
  readonly attributes?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The name of the `<Parameter>` and the key in `start.customParameters` that hold the one-time token. */
export const TOKEN_PARAMETER = 'token';

/** Name and value of a parameter together must have fewer characters than this: https://www.twilio.com/docs/voice/twiml/stream */
const PARAMETER_LIMIT = 500;
const PROLOG = '<?xml version="1.0" encoding="UTF-8"?>';

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** A text for an attribute or an element; characters that XML 1.0 cannot hold at all (section 2.2) are left out. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '')
    .replace(/[&<>"'\t\n\r]/g, (c) => ESCAPES[c] ?? '');
}

type Attributes = Record<string, string | undefined>;

/** One element; `content` is markup already. */
export function element(name: string, attributes: Attributes = {}, content = ''): string {
  let tag = `<${name}`;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) tag += ` ${key}="${escapeXml(value)}"`;
  }
  return content === '' ? `${tag}/>` : `${tag}>${content}</${name}>`;
}

export const response = (...verbs: string[]) => PROLOG + element('Response', {}, verbs.join(''));

function parameter(name: string, value: string): string {
  if (name === '' || name.length + value.length >= PARAMETER_LIMIT)
    throw new BridgeError(
      'INTERNAL',
      `stream parameter "${name}" must have a name and fewer than 500 characters in all`,
    );
  return element('Parameter', { name, value });
}

/**
 * Connects the caller to the media stream. `<Connect>` blocks until the stream ends, so the `<Redirect>` after it is what the carrier
 * does when the stream is gone and the call is not: it asks what comes next.
 * Throws INTERNAL for a stream URL that no carrier takes and for a parameter that is too long.
 */
export function connectStream(document: StreamDocument): string {
  if (!/^wss?:\/\/[^?#]+$/.test(document.streamUrl))
    throw new BridgeError('INTERNAL', 'a stream URL must be wss:// and have neither query nor fragment');
  const attributes: Attributes = {
    url: document.streamUrl,
    name: document.name,
    statusCallback: document.statusCallbackUrl,
    statusCallbackMethod: document.statusCallbackUrl === undefined ? undefined : 'POST',
    ...document.attributes,
  };
  const parameters = [parameter(TOKEN_PARAMETER, document.token)];
  for (const [name, value] of Object.entries(document.parameters ?? {})) {
    if (name !== TOKEN_PARAMETER) parameters.push(parameter(name, value));
  }
  return response(
    element('Connect', {}, element('Stream', attributes, parameters.join(''))),
    element('Redirect', { method: 'POST' }, escapeXml(document.continueUrl)),
  );
}

/** Ends the call. */
export function hangUp(): string {
  return response(element('Hangup'));
}

/**
 * Rings a number (E.164). `seconds`: the carrier hangs up after so long a talk; its own limit is hours.
 * https://www.twilio.com/docs/voice/twiml/dial
 */
const dial = (number: string, seconds: number | undefined, options: DialOptions = {}) => {
  const { action, ringSeconds, callerId } = options;
  const asked = action === undefined ? {} : { action, method: 'POST' };
  const attributes = { ...asked, timeout: ringSeconds?.toString(), timeLimit: seconds?.toString(), callerId };
  return element('Dial', attributes, escapeXml(number));
};

/** What a `<Dial>` may be told beside its number. */
export interface DialOptions {
  /** Asked what comes next when it has ended, and told how. */
  readonly action?: string | undefined;
  /** How long it rings, seconds; the carrier's 30 without it. */
  readonly ringSeconds?: number | undefined;
  /** Number (E.164) that is shown to the one who is called; the caller's own without it. */
  readonly callerId?: string | undefined;
}

/** Connects the caller to a number (E.164), for `seconds` at most: the transfer that the agent decided. */
export function connectTo(number: string, seconds: number | undefined, options: DialOptions = {}): string {
  return response(dial(number, seconds, options), element('Hangup'));
}

/** https://www.twilio.com/docs/voice/twiml/say, https://developer.signalwire.com/compatibility-api/cxml/voice/say */
const say = ({ text, language, voice }: Spoken) => element('Say', { language, voice }, escapeXml(text));

/** Says that the call cannot go on; then connects the caller to `to` (E.164) where there is such a number, for `seconds` at most, and hangs up. */
export function apologise(spoken: Spoken, to?: string, seconds?: number, options: DialOptions = {}): string {
  const verbs = spoken.text === '' ? [] : [say(spoken)];
  if (to !== undefined) verbs.push(dial(to, seconds, options));
  return response(...verbs, element('Hangup'));
}

/** Turns a new caller away: with words (the call is answered and billed), or without, by the network's busy signal. */
export function refuseCall(spoken?: Spoken): string {
  if (spoken === undefined || spoken.text === '') return response(element('Reject', { reason: 'busy' }));
  return response(say(spoken), element('Hangup'));
}

/** What a document needs of the carrier that reads it. */
export interface LamlWriter {
  streamAttributes?(stream: StreamOrder): Readonly<Record<string, string | undefined>>;
  voice(name: string): string;
}

/** The document that says this. Throws INTERNAL for a stream that cannot be asked for. */
export function documentOf(instruction: Instruction, writer: LamlWriter): string {
  const spoken = (said: Spoken): Spoken => ({
    ...said,
    voice: said.voice === undefined ? undefined : writer.voice(said.voice),
  });
  switch (instruction.do) {
    case 'connect': {
      const { stream } = instruction;
      const { streamUrl, token, continueUrl, statusUrl: statusCallbackUrl } = stream;
      const attributes = writer.streamAttributes?.(stream);
      return connectStream({ streamUrl, token, continueUrl, statusCallbackUrl, attributes });
    }
    case 'transfer': {
      const { to, seconds, ...options } = instruction.connection;
      return connectTo(to, seconds, options);
    }
    case 'apologise': {
      const { to, seconds, ...options } = instruction.connection ?? {};
      return apologise(spoken(instruction.spoken), to, seconds, options);
    }
    case 'refuse':
      return refuseCall(instruction.spoken && spoken(instruction.spoken));
    case 'hang-up':
      return hangUp();
    default:
      return instruction satisfies never;
  }
}
