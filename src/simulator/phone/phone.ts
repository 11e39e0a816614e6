/**
 * A telephone and the carrier behind it, as one object for one call: asks the webhook, follows its instructions, opens the media stream,
 * speaks, listens, hangs up, and says what it measured.
 */

import { type Clock, systemClock, type Timer } from '../../call/clock.ts';
import { Ticker } from '../../call/ticker.ts';
import { errorMessage } from '../../errors.ts';
import type { ByteOrder } from '../../media/l16.ts';
import { Addresses } from './addresses.ts';
import { CallLine } from './call-line.ts';
import { type Carrier, newAccountSid, newCallSid } from './carrier.ts';
import type { CodecName } from './codec.ts';
import type { DialledParty } from './dial.ts';
import { FAR_ENDS } from './far-ends.ts';
import { type FlowEnd, follow } from './flow.ts';
import { type HabitOptions, Habits } from './habits.ts';
import type { Interruption } from './interruptions.ts';
import { type CallReport, makeReport } from './report.ts';
import type { AudioSource } from './source.ts';
import type { MediaStream } from './stream.ts';
import { Timeline, type TimelineEntry, tenth } from './timeline.ts';
import { type StreamInstruction, TwimlError } from './twiml.ts';
import { WebhookClient, WebhookError } from './webhook.ts';

export interface PhoneOptions extends HabitOptions {
  readonly carrier: Carrier;
  /** What the caller says. */
  readonly source: AudioSource;
  readonly from?: string;
  readonly to?: string;
  /** Left out, the instructions decide; given, it overrides that, so that every codec of the carrier's can be tried. */
  readonly codec?: CodecName;
  /** Byte order of L16; little endian when left out. */
  readonly byteOrder?: ByteOrder;
  readonly callSid?: string;
  readonly accountSid?: string;
  readonly clock?: Clock;
  /** The media clock. Hundreds of phones share one; left out, the phone has its own. */
  readonly ticker?: Ticker;
  /** Keep a stereo recording (caller left, agent right) and the arrival of every media message. */
  readonly record?: boolean;
  /** Hang up this long after the call was answered, ms. */
  readonly hangUpAfterMs?: number;
  /** Factor on the time that Say, Play and Pause take; 0 passes over them. */
  readonly verbTimeScale?: number;
  /** Told everything that happens, when it happens. Must not throw. */
  readonly onEvent?: (entry: TimelineEntry) => void;
  /** What the one does whom a `<Dial>` calls; left out: answers, and hangs up at once. */
  readonly dialled?: (to: string) => DialledParty;
  /** Told when an interruption is over; `phone.reportHeard` may then say what the bridge believes was heard. */
  readonly onInterruption?: (interruption: Interruption) => void;
}

export interface PlaceCallOptions {
  /** http or https. */
  readonly webhookUrl: string;
  readonly method?: 'GET' | 'POST';
  /** The carrier's secret: signs all that is sent. */
  readonly secret?: string;
  /** Origin under which the bridge knows itself, when it is not the webhook's: signed and written by it, but dialled at the webhook's. */
  readonly publicUrl?: string;
  /** Where the call's final status is posted. */
  readonly statusCallback?: string;
}

export interface ConnectOptions {
  /** ws or wss. */
  readonly url: string;
  /** The `<Parameter>`s of the stream. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Signs the upgrade, where the carrier does. */
  readonly secret?: string;
  /** Sent with the upgrade (SignalWire). */
  readonly authBearerToken?: string;
  /** Whether the upgrade is signed, where that has to be asked for (Vonage). */
  readonly signed?: boolean;
}

const HUNG_UP: FlowEnd = { by: 'caller', reason: 'the caller hung up', callStatus: 'completed' };

/** Who calls whom where nothing else is said: Twilio's own numbers for tests, which nobody has. */
export const TEST_NUMBERS = { from: '+15005550006', to: '+15005550001' } as const;

export class Phone {
  readonly carrier: Carrier;
  readonly callSid: string;
  readonly accountSid: string;
  readonly #o: PhoneOptions;
  readonly #clock: Clock;
  readonly #ticker: Ticker;
  readonly #from: string;
  readonly #to: string;
  readonly #hungUp = new AbortController();
  readonly #habits: Habits;
  #line: CallLine | undefined;
  #timeline: Timeline | undefined;
  #limit: Timer | undefined;

  /** Throws a RangeError for a codec that the carrier does not have. */
  constructor(options: PhoneOptions) {
    const { title, codecs } = FAR_ENDS[options.carrier];
    if (options.codec !== undefined && !codecs.includes(options.codec)) {
      throw new RangeError(`${title}'s streams are ${codecs.join(', ')}, not ${options.codec}`);
    }
    this.#o = options;
    this.carrier = options.carrier;
    this.callSid = options.callSid ?? newCallSid(options.carrier);
    this.accountSid = options.accountSid ?? newAccountSid(options.carrier);
    this.#clock = options.clock ?? systemClock;
    this.#ticker = options.ticker ?? new Ticker(this.#clock);
    this.#from = options.from ?? TEST_NUMBERS.from;
    this.#to = options.to ?? TEST_NUMBERS.to;
    this.#habits = new Habits(options, () => this.hangUp());
  }

  /** The stream that is open now. */
  get stream(): MediaStream | undefined {
    return this.#line?.stream;
  }

  /**
   * Calls: asks the webhook and follows its instructions to the end. Resolves when the call is over; whatever failed stands in the report.
   * Rejects for a second call on this phone, and for a `webhookUrl` that is no http(s) URL.
   */
  async placeCall(call: PlaceCallOptions): Promise<CallReport> {
    const { webhookUrl, statusCallback } = call;
    if (!/^https?:\/\//.test(webhookUrl) || !URL.canParse(webhookUrl)) {
      throw new TypeError(`not an http(s) URL: ${webhookUrl}`);
    }
    return this.#run(new Addresses(webhookUrl, call.publicUrl), call.secret, statusCallback, async (line, timeline) => {
      const method = call.method ?? 'POST';
      timeline.add('webhook', `${method} ${webhookUrl}`);
      const first = await line.instructions(webhookUrl, method, 'ringing');
      if (first.verbs[0]?.verb !== 'Reject') this.#answered(timeline);
      return follow(first, line);
    });
  }

  /** Opens a media stream straight away, as after a webhook that answered `<Connect><Stream url=...>`; else as `placeCall`. */
  async connect(options: ConnectOptions): Promise<CallReport> {
    const stream: StreamInstruction = {
      url: options.url,
      name: undefined,
      parameters: options.parameters ?? {},
      statusCallback: undefined,
      statusCallbackMethod: 'POST',
      codec: undefined,
      authBearerToken: options.authBearerToken,
      realtime: false,
      isSigned: options.signed ?? false,
    };
    if (!/^wss?:\/\//.test(options.url) || !URL.canParse(options.url)) {
      throw new TypeError(`not a ws(s) URL: ${options.url}`);
    }
    return this.#run(new Addresses(options.url), options.secret, undefined, (line, timeline) => {
      this.#answered(timeline);
      return follow(
        { verbs: [{ verb: 'Connect', stream, action: undefined, method: 'POST' }], url: options.url },
        line,
      );
    });
  }

  /** The caller hangs up. Idempotent; the report comes from `placeCall`. */
  hangUp(): void {
    if (this.#hungUp.signal.aborted) return;
    this.#timeline?.add('hangup', 'the caller hangs up');
    this.#hungUp.abort(new Error(HUNG_UP.reason));
  }

  /** Presses keys now, one after the other: 0-9 * # A-D. Ignored while no stream is open. */
  press(keys: string): void {
    this.stream?.press(keys);
  }

  /** The caller says this now, before anything else. Ignored while no stream is open. */
  say(source: AudioSource): void {
    this.stream?.mouth.cutIn(source);
  }

  /** What the bridge believes was heard of the utterance last interrupted, ms: stands beside the truth in the report. */
  reportHeard(heardMs: number): void {
    this.stream?.interruptions.reported(heardMs);
  }

  /** The call as a stereo WAV (caller left, agent right); undefined without `record` or before a stream began. */
  recording(): Uint8Array | undefined {
    return this.#line?.recorder?.wav();
  }

  /** The same as samples of one length, both channels. */
  recordedChannels(): { sampleRate: number; caller: Int16Array; agent: Int16Array } | undefined {
    const recorder = this.#line?.recorder;
    if (recorder === undefined) return undefined;
    const [caller, agent] = recorder.channels();
    return { sampleRate: recorder.sampleRate, caller, agent };
  }

  async #run(
    addresses: Addresses,
    secret: string | undefined,
    statusCallback: string | undefined,
    body: (line: CallLine, timeline: Timeline) => Promise<FlowEnd>,
  ): Promise<CallReport> {
    if (this.#line !== undefined) throw new Error('one call a phone: make another phone for another call');
    const timeline = new Timeline(this.#clock, this.#o.onEvent);
    const line = this.#makeLine(addresses, secret, timeline);
    this.#timeline = timeline;
    this.#line = line;
    let ended: FlowEnd;
    try {
      ended = await body(line, timeline);
    } catch (error) {
      if (this.#hungUp.signal.aborted) ended = HUNG_UP;
      else if (error instanceof WebhookError || error instanceof TwimlError) {
        ended = { by: 'carrier', reason: errorMessage(error), callStatus: 'failed' };
      } else throw error;
    } finally {
      this.#limit?.cancel();
    }
    const durationMs = tenth(this.#clock.now() - timeline.originMs);
    timeline.add('ended', ended.reason);
    if (statusCallback !== undefined) {
      line.finalStatus(statusCallback, ended.callStatus, Math.round(durationMs / 1000));
    }
    await line.callbacksDone();
    return makeReport({
      carrier: this.carrier,
      callSid: this.callSid,
      from: this.#from,
      to: this.#to,
      ended,
      durationMs,
      connect: {
        webhookMs: line.webhookMs,
        webhookStatus: line.webhookStatus,
        socketMs: line.socketMs,
        streamStartMs: line.reports[0]?.startedMs,
      },
      streams: line.reports,
      timeline,
    });
  }

  #makeLine(addresses: Addresses, secret: string | undefined, timeline: Timeline): CallLine {
    const { carrier, callSid, accountSid } = this;
    const clock = this.#clock;
    return new CallLine({
      carrier,
      callSid,
      accountSid,
      from: this.#from,
      to: this.#to,
      source: this.#o.source,
      codec: this.#o.codec,
      byteOrder: this.#o.byteOrder,
      record: this.#o.record ?? false,
      verbTimeScale: this.#o.verbTimeScale ?? 1,
      clock,
      ticker: this.#ticker,
      timeline,
      webhook: new WebhookClient({ carrier, secret, addresses, clock }),
      addresses,
      secret,
      hungUp: this.#hungUp.signal,
      onStream: (stream) => this.#habits.began(stream),
      onTick: (stream, now) => this.#habits.tick(stream, now, timeline),
      onInterruption: this.#o.onInterruption,
      dialled: this.#o.dialled,
    });
  }

  #answered(timeline: Timeline): void {
    const ms = this.#o.hangUpAfterMs;
    if (ms === undefined || this.#hungUp.signal.aborted) return;
    this.#limit = this.#clock.after(ms, () => {
      timeline.add('hangup', `${ms} ms are over`);
      this.hangUp();
    });
  }
}
