import type { CodecName } from './codec.ts';
import type { DialOutcome } from './dial.ts';
import type { Dialect, StreamIdentity } from './dialect.ts';
import type { StreamEnd } from './flow.ts';
import type { StreamInstruction, Verb } from './twiml.ts';

/** What a carrier posts. */
export type Form = Readonly<Record<string, string>>;

/** A call, as every webhook of it tells it. */
export interface ToldCall {
  readonly accountSid: string;
  readonly callSid: string;
  /** In the words of the first carrier's `CallStatus`. */
  readonly callStatus: string;
  readonly direction: 'inbound' | 'outbound-api';
  readonly from: string;
  readonly to: string;
  /** What machine detection found before the call was answered. */
  readonly answeredBy?: string | undefined;
  /** The carrier's id of the order of a call that was placed, where that is another than the call's. */
  readonly requestSid?: string | undefined;
}

/** What becomes of a media stream. */
export type StreamNews =
  | { readonly event: 'started' }
  | { readonly event: 'stopped' }
  /** It could not be opened. */
  | { readonly event: 'unopened'; readonly error: unknown }
  /** The bridge closed it with a code that is none of a good end. */
  | { readonly event: 'broken'; readonly code: number };

/** Which stream it is about. */
export interface ToldStream {
  readonly accountSid: string;
  readonly callSid: string;
  readonly streamSid: string;
  readonly name: string | undefined;
  readonly at: Date;
}

/** What an answer to a webhook must be. */
export interface AnswerRules {
  /** How long it is waited for, ms. */
  readonly timeoutMs: number;
  /** How often it is asked for where none comes in time or no connection is had. */
  readonly tries: number;
  /** Media types of instructions. */
  readonly types: readonly string[];
}

/** One carrier as a phone of it behaves: what it posts and how it signs that, how it reads instructions, and how its media stream speaks. */
export interface FarEnd {
  /** As people write it. */
  readonly title: string;
  /** What its signing secret is called there. */
  readonly secret: string;
  /** What its streams can be in. */
  readonly codecs: readonly CodecName[];
  /** What they are in where the instructions do not say. */
  readonly codec: CodecName;
  /** Whether it posts JSON; forms without it. */
  readonly json?: boolean;
  /** How it waits for instructions, where that is not as the first carrier does. */
  readonly answers?: AnswerRules;
  /** Headers that prove a request to this URL, as the bridge knows it; `form` is that of a POST. */
  proof(secret: string | undefined, method: 'GET' | 'POST', url: string, form: Form): Form;
  /** Headers of a stream's upgrade to this URL. */
  upgrade(url: string, secret: string | undefined, instruction: StreamInstruction): Form;
  callForm(call: ToldCall): Form;
  /** How a call fares that was placed, or ended; `seconds` since it was answered. */
  statusForm(call: ToldCall, seconds: number, at: Date): Form;
  /** What machine detection found meanwhile. */
  machineForm(call: ToldCall, answeredBy: string): Form;
  /** How a dial ended, beside `callForm`. */
  dialForm(outcome: DialOutcome): Form;
  /** Undefined for what this carrier does not tell. */
  streamForm(stream: ToldStream, news: StreamNews): Form | undefined;
  /** How a stream ended whose instructions say whom to ask then, beside `callForm`; nothing is said of it without this. */
  streamEndForm?(stream: { readonly streamSid: string; readonly url: string }, end: StreamEnd): Form;
  /** Reads instructions. Throws a TwimlError for what the carrier would refuse. */
  instructions(document: string): Verb[];
  dialect(identity: StreamIdentity): Dialect;
}
