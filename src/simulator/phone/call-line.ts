/**
 * The carrier's side of one call: fetches instructions, opens media streams, posts callbacks, and keeps what a report needs of each.
 */

import { type Clock, delay } from '../../call/clock.ts';
import type { Ticker } from '../../call/ticker.ts';
import { errorMessage } from '../../errors.ts';
import type { ByteOrder } from '../../media/l16.ts';
import type { Addresses } from './addresses.ts';
import type { Carrier } from './carrier.ts';
import { type CodecName, streamCodec } from './codec.ts';
import { type DialInstruction, type DialledParty, type DialOutcome, dial } from './dial.ts';
import type { Form, ToldCall } from './far-end.ts';
import { FAR_ENDS } from './far-ends.ts';
import type { Instructions, Line, StreamEnd } from './flow.ts';
import type { Interruption } from './interruptions.ts';
import { CallRecorder } from './recorder.ts';
import type { AudioSource } from './source.ts';
import type { MediaStream } from './stream.ts';
import { StreamConnection } from './stream-connection.ts';
import type { StreamReport } from './stream-report.ts';
import { type Timeline, tenth } from './timeline.ts';
import { type StreamInstruction, TwimlError } from './twiml.ts';
import { type WebhookClient, WebhookError } from './webhook.ts';

export interface CallLineOptions {
  readonly carrier: Carrier;
  readonly callSid: string;
  readonly accountSid: string;
  readonly from: string;
  readonly to: string;
  /** What is known of a call that was placed; inbound without it. */
  readonly placed?: Pick<ToldCall, 'direction' | 'answeredBy' | 'requestSid'> | undefined;
  readonly source: AudioSource;
  /** Overrides the codec that the instructions ask for. */
  readonly codec: CodecName | undefined;
  readonly byteOrder: ByteOrder | undefined;
  readonly record: boolean;
  readonly verbTimeScale: number;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly timeline: Timeline;
  readonly webhook: WebhookClient;
  readonly addresses: Addresses;
  readonly secret: string | undefined;
  /** Aborts when the caller hangs up. */
  readonly hungUp: AbortSignal;
  /** A stream has started: the caller may press keys. */
  readonly onStream: (stream: MediaStream) => void;
  /** After each tick's frames. */
  readonly onTick: (stream: MediaStream, now: number) => void;
  readonly onInterruption: ((interruption: Interruption) => void) | undefined;
  /** What the one does who is dialled; left out: answers, and hangs up at once. */
  readonly dialled?: ((to: string) => DialledParty) | undefined;
}

/** How long a WebSocket may take to open, ms. */
const SOCKET_TIMEOUT_MS = 10_000;

export class CallLine implements Line {
  readonly hungUp: AbortSignal;
  /** Of every stream that was opened, in order. */
  readonly reports: StreamReport[] = [];
  /** Of the first document asked for. */
  webhookMs: number | undefined;
  webhookStatus: number | undefined;
  /** Of the first stream. */
  socketMs: number | undefined;
  recorder: CallRecorder | undefined;
  readonly #o: CallLineOptions;
  readonly #callbacks = new Set<Promise<void>>();
  #connection: StreamConnection | undefined;
  #lastStream: { readonly streamSid: string; readonly url: string } | undefined;

  constructor(options: CallLineOptions) {
    this.#o = options;
    this.hungUp = options.hungUp;
  }

  /** The stream that is open now. */
  get stream(): MediaStream | undefined {
    return this.#connection?.opened === true ? this.#connection.stream : undefined;
  }

  wait(ms: number): Promise<void> {
    return delay(this.#o.clock, ms * this.#o.verbTimeScale, this.hungUp).catch(() => {});
  }

  note(text: string): void {
    this.#o.timeline.add('verb', text);
  }

  fetch(url: string, method: 'GET' | 'POST', dialled?: DialOutcome, stream?: StreamEnd): Promise<Instructions> {
    const more = { ...this.#dialForm(dialled), ...this.#streamEndForm(stream) };
    return this.instructions(url, method, 'in-progress', more);
  }

  async dial(instruction: DialInstruction, base: string): Promise<DialOutcome> {
    const { clock, from, dialled = () => ({ outcome: 'answer', ringMs: 0 }) } = this.#o;
    this.note(`dials ${instruction.target} as ${instruction.callerId ?? 'the caller'}`);
    const outcome = await dial(instruction, {
      from,
      party: dialled(instruction.target),
      wait: (ms) => delay(clock, ms, this.hungUp).catch(() => {}),
      ringOut: (ms) => this.wait(ms),
      hungUp: this.hungUp,
    });
    // A caller who hangs up meanwhile ends the call, and the action is told all the same.
    if (this.hungUp.aborted && instruction.action !== undefined) {
      const form = { ...this.#form('completed'), ...this.#dialForm(outcome) };
      this.#callback(new URL(instruction.action, base).href, instruction.method ?? 'POST', form, 'dial action');
    }
    return outcome;
  }

  /** Asks for instructions with this CallStatus. Rejects with a WebhookError, a TwimlError, or what the hang-up aborted with. */
  async instructions(url: string, method: 'GET' | 'POST', callStatus: string, more: Form = {}): Promise<Instructions> {
    const { webhook, timeline, carrier } = this.#o;
    try {
      const answer = await webhook.instructions(url, method, { ...this.#form(callStatus), ...more }, this.hungUp);
      this.webhookMs ??= tenth(answer.ms);
      this.webhookStatus ??= answer.status;
      timeline.add('webhook', `HTTP ${answer.status} after ${tenth(answer.ms)} ms`);
      const verbs = FAR_ENDS[carrier].instructions(answer.document);
      timeline.add('twiml', verbs.length === 0 ? 'no instructions' : verbs.map(({ verb }) => `<${verb}>`).join(' '));
      return { verbs, url };
    } catch (error) {
      if (error instanceof WebhookError) {
        this.webhookStatus ??= error.status;
        timeline.add('fault', `webhook: ${error.message}`);
      } else if (error instanceof TwimlError) {
        timeline.add('fault', `instructions: ${error.message}`);
      }
      throw error;
    }
  }

  async connect(instruction: StreamInstruction, base: string): Promise<StreamEnd> {
    const { timeline, carrier, clock, accountSid, callSid } = this.#o;
    const asked = instruction.codec ?? FAR_ENDS[carrier].codec;
    const codecName = this.#o.codec ?? asked;
    if (codecName !== asked && instruction.codec !== undefined) {
      timeline.add('stream', `the instructions ask for ${asked}; the phone was told to speak ${codecName}`);
    }
    const codec = streamCodec(codecName, this.#o.byteOrder);
    if (this.#o.record) this.recorder ??= new CallRecorder(codec.sampleRate, clock.now());
    const connection: StreamConnection = new StreamConnection({
      carrier,
      accountSid,
      callSid,
      instruction,
      base,
      addresses: this.#o.addresses,
      secret: this.#o.secret,
      codecName,
      codec,
      source: this.#o.source,
      clock,
      ticker: this.#o.ticker,
      timeline,
      // A second stream in another codec cannot go on with the first one's recording.
      recorder: this.recorder?.sampleRate === codec.sampleRate ? this.recorder : undefined,
      keepArrivals: this.#o.record,
      connectTimeoutMs: SOCKET_TIMEOUT_MS,
      onTick: (now) => this.#o.onTick(connection.stream, now),
      onInterruption: this.#o.onInterruption,
      callback: (form, event) => this.#streamCallback(instruction, base, form, event),
    });
    this.#connection = connection;
    this.#lastStream = { streamSid: connection.streamSid, url: instruction.url };
    const end = await connection.run(this.hungUp, this.#o.onStream);
    if (connection.socketMs !== undefined) this.socketMs ??= tenth(connection.socketMs);
    if (connection.opened) this.reports.push(connection.stream.report());
    this.#connection = undefined;
    return end;
  }

  /** Posts the call's final status. `url`: absolute. */
  finalStatus(url: string, callStatus: string, seconds: number): void {
    const { carrier, clock } = this.#o;
    const form = FAR_ENDS[carrier].statusForm(this.#told(callStatus), seconds, new Date(clock.wall()));
    this.#callback(url, 'POST', form, callStatus);
  }

  /** Resolves when every callback has been answered or given up. */
  async callbacksDone(): Promise<void> {
    await Promise.all(this.#callbacks);
  }

  #told(callStatus: string): ToldCall {
    const { accountSid, callSid, from, to, placed = { direction: 'inbound' } } = this.#o;
    return { accountSid, callSid, from, to, callStatus, ...placed };
  }

  #form(callStatus: string): Form {
    return FAR_ENDS[this.#o.carrier].callForm(this.#told(callStatus));
  }

  #dialForm(outcome: DialOutcome | undefined): Form {
    return outcome === undefined ? {} : FAR_ENDS[this.#o.carrier].dialForm(outcome);
  }

  #streamEndForm(end: StreamEnd | undefined): Form {
    const last = this.#lastStream;
    return end === undefined || last === undefined ? {} : (FAR_ENDS[this.#o.carrier].streamEndForm?.(last, end) ?? {});
  }

  #streamCallback(instruction: StreamInstruction, base: string, form: Form, event: string): void {
    const target = instruction.statusCallback;
    if (target === undefined) return;
    const http = base.replace(/^ws/, 'http');
    if (!URL.canParse(target, http)) {
      this.#o.timeline.add('fault', `statusCallback is no URL: ${target}`);
      return;
    }
    // What is signed is the address as it was written, unless it was relative.
    const url = URL.canParse(target) ? target : new URL(target, http).href;
    this.#callback(url, instruction.statusCallbackMethod, form, event);
  }

  /** Posts without holding up the call. */
  #callback(url: string, method: 'GET' | 'POST', form: Form, name: string): void {
    const { webhook, timeline } = this.#o;
    const posted = webhook
      .callback(url, method, form)
      .then((status) => timeline.add('callback', `${name}: HTTP ${status}`))
      .catch((error: unknown) => timeline.add('fault', `callback ${name}: ${errorMessage(error)}`))
      .then(() => {
        this.#callbacks.delete(posted);
      });
    this.#callbacks.add(posted);
  }
}
