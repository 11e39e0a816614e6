import { BridgeError } from '../../../../errors.ts';
import { element, escapeXml, response } from '../laml/document.ts';
import type { Connection, Instruction, Spoken, StreamOrder } from '../webhook.ts';
import { extraHeaders } from './extra-headers.ts';

/** Plivo's XML. https://docs.plivo.com/docs/voice/xml */

/** What a document says of the carrier's own. */
export interface PlivoWriter {
  /** "audio/x-mulaw;rate=8000" */
  readonly contentType: string;
  /** The id by which the bridge knows the call, where the stream's `start` will not say it. */
  readonly callId?: string | undefined;
  voice(name: string): string;
}

/** The longest that one may be asked for, s: a day, which no call outlasts. */
const STREAM_SECONDS = '86400';

/**
 * Connects the caller to the media stream. With `keepCallAlive` what follows is done when the stream is over and the call is not: it asks what comes
 * next. Throws INTERNAL for a stream that cannot be asked for.
 */
function connect({ streamUrl, token, continueUrl, statusUrl }: StreamOrder, writer: PlivoWriter): string {
  if (!/^wss?:\/\/[^?#]+$/.test(streamUrl))
    throw new BridgeError('INTERNAL', 'a stream URL must be wss:// and have neither query nor fragment');
  const attributes = {
    bidirectional: 'true',
    keepCallAlive: 'true',
    audioTrack: 'inbound',
    contentType: writer.contentType,
    streamTimeout: STREAM_SECONDS,
    statusCallbackUrl: statusUrl,
    statusCallbackMethod: 'POST',
    extraHeaders: extraHeaders(token, writer.callId),
  };
  return response(
    element('Stream', attributes, escapeXml(streamUrl)),
    element('Redirect', { method: 'POST' }, escapeXml(continueUrl)),
  );
}

/** Numbers are written without their plus. */
export const bare = (number: string): string => number.replace(/^\+/, '');

/** https://docs.plivo.com/docs/voice/xml/dial */
export function dialElement({ to, seconds, action, ringSeconds, callerId }: Connection): string {
  const attributes = {
    ...(action === undefined ? {} : { action, method: 'POST', redirect: 'true' }),
    timeout: ringSeconds?.toString(),
    timeLimit: seconds?.toString(),
    callerId: callerId === undefined ? undefined : bare(callerId),
  };
  return element('Dial', attributes, element('Number', {}, escapeXml(bare(to))));
}

/** https://docs.plivo.com/docs/voice/xml/speak */
export const speak = ({ text, language, voice }: Spoken, nameOf: (voice: string) => string): string[] =>
  text.trim() === ''
    ? []
    : [element('Speak', { language, voice: voice === undefined ? undefined : nameOf(voice) }, escapeXml(text))];

/** The document that says this. Throws INTERNAL for a stream that cannot be asked for. */
export function documentOf(instruction: Instruction, writer: PlivoWriter): string {
  const hangup = element('Hangup');
  const said = (spoken: Spoken) => speak(spoken, writer.voice);
  switch (instruction.do) {
    case 'connect':
      return connect(instruction.stream, writer);
    case 'transfer':
      return response(dialElement(instruction.connection), hangup);
    case 'apologise': {
      const { spoken, connection } = instruction;
      return response(...said(spoken), ...(connection === undefined ? [] : [dialElement(connection)]), hangup);
    }
    case 'refuse': {
      const words = instruction.spoken === undefined ? [] : said(instruction.spoken);
      return words.length === 0 ? response(element('Hangup', { reason: 'busy' })) : response(...words, hangup);
    }
    case 'hang-up':
      return response(hangup);
    default:
      return instruction satisfies never;
  }
}
