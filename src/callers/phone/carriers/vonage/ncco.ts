import { BridgeError } from '../../../../errors.ts';
import type { Connection, Instruction, Spoken, StreamOrder } from '../webhook.ts';
import { CALL_HEADER, TOKEN_HEADER } from './media.ts';

/** Call control objects, the JSON that a call of Vonage's follows. https://developer.vonage.com/en/voice/voice-api/ncco-reference */

/** The actions that we use of it. */
export type Action = Readonly<Record<string, unknown>> & { readonly action: 'connect' | 'talk' };

/** Longest text of a `talk`, characters. */
const TALK_MOST = 1_500;
/** Headers of a socket, as JSON, bytes. https://developer.vonage.com/en/voice/voice-api/concepts/websockets */
const HEADERS_MOST = 512;
/** Longest `connect`, s: what it is without a limit. */
const LIMIT_MOST_S = 7_200;

/** Whose call it is that a document is for: what events about its other legs do not say. */
export interface Caller {
  /** The id of the caller's own leg; the socket and whoever is dialled are legs with ids of their own. */
  readonly leg: string;
  /** Our end of the call: the number that was called, or that we placed it from, E.164. */
  readonly number: string | undefined;
}

/** Names in the addresses of events. */
export const EVENT_QUERY = { leg: 'leg', number: 'number' } as const;

/** E.164 without its plus sign, as Vonage writes numbers. */
export const digitsOf = (number: string): string => number.replace(/^\+/, '');

/** The address at which events about the legs of this call are told, so that they say whose they are. */
export function eventUrl(base: string, { leg, number }: Caller): string {
  const url = new URL(base);
  url.searchParams.set(EVENT_QUERY.leg, leg);
  if (number !== undefined) url.searchParams.set(EVENT_QUERY.number, digitsOf(number));
  return url.href;
}

/** Tells of each change of a leg, and follows what some of them are answered. */
const synchronous = (address: string) => ({
  eventType: 'synchronous',
  eventUrl: [address],
  eventMethod: 'POST',
});

export interface SocketOptions {
  /** Media type of the audio: "audio/l16;rate=24000". */
  readonly contentType: string;
  /** Whether Vonage is asked to sign the upgrade as it signs webhooks. */
  readonly signed: boolean;
}

/**
 * The media socket of a call. Throws INTERNAL for a URL that no carrier takes, and for more headers than Vonage brings back.
 */
export function connectSocket(stream: StreamOrder, caller: Caller, { contentType, signed }: SocketOptions): Action {
  const { streamUrl, token, continueUrl } = stream;
  if (!/^wss?:\/\/[^?#]+$/.test(streamUrl))
    throw new BridgeError('INTERNAL', 'a stream URL must be wss:// and have neither query nor fragment');
  const headers = { [CALL_HEADER]: caller.leg, [TOKEN_HEADER]: token };
  if (Buffer.byteLength(JSON.stringify(headers)) > HEADERS_MOST)
    throw new BridgeError('INTERNAL', `the headers of a socket must have ${HEADERS_MOST} bytes at most`);
  return {
    action: 'connect',
    ...synchronous(eventUrl(continueUrl, caller)),
    endpoint: [
      {
        type: 'websocket',
        uri: streamUrl,
        'content-type': contentType,
        headers,
        ...(signed ? { authorization: { type: 'vonage' } } : {}),
      },
    ],
  };
}

/** Rings a number. What it shows must be a number of the account: one of the application's where none is named. */
export function connectPhone(connection: Connection, caller: Caller): Action {
  const { to, seconds, action, ringSeconds, callerId } = connection;
  return {
    action: 'connect',
    ...(action === undefined ? {} : synchronous(eventUrl(action, caller))),
    ...(callerId === undefined ? { randomFromNumber: true } : { from: digitsOf(callerId) }),
    ...(ringSeconds === undefined ? {} : { timeout: ringSeconds }),
    ...(seconds === undefined ? {} : { limit: Math.min(seconds, LIMIT_MOST_S) }),
    endpoint: [{ type: 'phone', number: digitsOf(to) }],
  };
}

/**
 * Words of its own voice, which it picks by language; of several in one language by the number of a style.
 * https://developer.vonage.com/en/voice/voice-api/concepts/text-to-speech
 */
export function talk({ text, language, voice = '' }: Spoken): Action {
  const style = /^style-(\d{1,2})$/.exec(voice)?.[1];
  return {
    action: 'talk',
    text: text.slice(0, TALK_MOST),
    ...(language === undefined ? {} : { language }),
    ...(style === undefined ? {} : { style: Number(style) }),
  };
}

/** The actions that say this; none ends the call. */
export function actionsOf(instruction: Instruction, caller: Caller, options: SocketOptions): readonly Action[] {
  switch (instruction.do) {
    case 'connect':
      return [connectSocket(instruction.stream, caller, options)];
    case 'transfer':
      return [connectPhone(instruction.connection, caller)];
    case 'apologise': {
      const { spoken, connection } = instruction;
      return [
        ...(spoken.text === '' ? [] : [talk(spoken)]),
        ...(connection === undefined ? [] : [connectPhone(connection, caller)]),
      ];
    }
    case 'refuse':
      // It has no busy signal: without words the call simply ends.
      return instruction.spoken === undefined || instruction.spoken.text === '' ? [] : [talk(instruction.spoken)];
    case 'hang-up':
      return [];
    default:
      return instruction satisfies never;
  }
}
