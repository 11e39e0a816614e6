/** A WhatsApp user with his phone: one call, from the webhook on, with the same ear, mouth, timeline and report as the telephone's. */

import { type Clock, systemClock, type Timer } from '../../call/clock.ts';
import { Ticker } from '../../call/ticker.ts';
import { type HabitOptions, Habits } from '../phone/habits.ts';
import type { Interruption } from '../phone/interruptions.ts';
import { CallRecorder } from '../phone/recorder.ts';
import { type CallReport, makeReport } from '../phone/report.ts';
import type { AudioSource } from '../phone/source.ts';
import { Timeline, type TimelineEntry, tenth } from '../phone/timeline.ts';
import type { CallEnd, MetaCall, UserEnd } from './call.ts';
import { answerOf, asFlowEnd, refusalOf } from './flow-end.ts';
import { ownFormat, type RtpCounts, RtpLine } from './line.ts';
import type { Direction, User } from './payloads.ts';
import { RtpPeer } from './rtp-peer.ts';
import type { Format } from './sdp.ts';
import type { Delivered, Delivery } from './webhooks.ts';

export interface WhatsAppPhoneOptions extends HabitOptions {
  readonly source: AudioSource;
  /** Who calls; somebody with a number of his own when left out. */
  readonly user?: User | undefined;
  /** Opus where this machine has it, else G.711, when left out. */
  readonly format?: Format | undefined;
  readonly clock?: Clock | undefined;
  readonly ticker?: Ticker | undefined;
  /** Keep a stereo recording. */
  readonly record?: boolean | undefined;
  /** Hang up this long after the call was accepted, ms. */
  readonly hangUpAfterMs?: number | undefined;
  /** Hang up this long after the call began if it was not accepted by then, ms. */
  readonly patienceMs?: number | undefined;
  /** Hang up when the first request of the webhook gets no 200; else Meta tries again. */
  readonly isImpatient?: boolean | undefined;
  /** How this call's webhooks are delivered. */
  readonly delivery?: Delivery | undefined;
  /** He hangs up at once, and the webhook that says so overtakes the one of his call. */
  readonly isReordered?: boolean | undefined;
  /** Sends no audio; RTCP goes on. */
  readonly mute?: boolean | undefined;
  /** Nothing of its media gets through in either direction, as where UDP ports are not published. */
  readonly isUnreachable?: boolean | undefined;
  /** Addresses of this machine for its media; loopback when left out. */
  readonly addresses?: readonly string[] | undefined;
  /** Told everything that happens, when it happens. Must not throw. */
  readonly onEvent?: ((entry: TimelineEntry) => void) | undefined;
  readonly onInterruption?: ((interruption: Interruption) => void) | undefined;
}

/** What Meta does for a phone. */
export interface MetaPort {
  /** For the timeline: where webhooks go, and the business's number. */
  readonly webhookUrl: string;
  readonly display: string;
  open(user: User, direction: Direction, end: UserEnd, delivery: Delivery | undefined): MetaCall;
}

export const LOOPBACK: readonly string[] = ['127.0.0.1'];

/** Drama numbers of the Ofcom: nobody has them. */
export const someUser = (): User => {
  const last = String(Math.floor(Math.random() * 1_000)).padStart(3, '0');
  return { waId: `447700900${last}`, userId: `GB.${String(Math.random()).slice(2, 18)}`, name: 'A caller' };
};

export class WhatsAppPhone implements UserEnd {
  readonly user: User;
  readonly #o: WhatsAppPhoneOptions;
  readonly #meta: MetaPort;
  readonly #clock: Clock;
  readonly #timeline: Timeline;
  readonly #line: RtpLine;
  readonly #recorder: CallRecorder | undefined;
  readonly #habits: Habits;
  readonly #over = Promise.withResolvers<CallEnd>();
  #peer: RtpPeer | undefined;
  #call: MetaCall | undefined;
  #isMediaUp = false;
  #mediaMs: number | undefined;
  #acceptedMs: number | undefined;
  #lastControlMs: number | undefined;
  #limit: Timer | undefined;
  #isUsed = false;

  constructor(options: WhatsAppPhoneOptions, meta: MetaPort) {
    this.#o = options;
    this.#meta = meta;
    this.user = options.user ?? someUser();
    this.#clock = options.clock ?? systemClock;
    this.#timeline = new Timeline(this.#clock, options.onEvent);
    this.#habits = new Habits(options, () => this.hangUp());
    const format = options.format ?? ownFormat();
    const rate = format.name === 'opus' ? 16_000 : 8_000;
    this.#recorder = options.record ? new CallRecorder(rate, this.#clock.now()) : undefined;
    this.#line = new RtpLine({
      format,
      source: options.source,
      clock: this.#clock,
      ticker: options.ticker ?? new Ticker(this.#clock),
      timeline: this.#timeline,
      recorder: this.#recorder,
      keepArrivals: options.record,
      onInterruption: options.onInterruption,
      onTick: (now) => this.#habits.tick(this.#line.talk, now, this.#timeline),
      mute: options.mute,
      isAccepted: () => this.#acceptedMs !== undefined,
      send: (payload, fields) => this.#peer?.send(payload, fields),
    });
    this.#format = format;
  }

  readonly #format: Format;

  /** At Meta; undefined before it was placed. */
  get call(): MetaCall | undefined {
    return this.#call;
  }

  /** What came by RTP. */
  get rtp(): RtpCounts {
    return this.#line.rtp;
  }

  /** When the accept was answered, clock ms. */
  get acceptedMs(): number | undefined {
    return this.#acceptedMs;
  }

  /** RTCP counts: it is all that comes of a side that is silent. */
  get lastPacketMs(): number | undefined {
    const { lastMs } = this.#line.rtp;
    if (lastMs === undefined || this.#lastControlMs === undefined) return lastMs ?? this.#lastControlMs;
    return Math.max(lastMs, this.#lastControlMs);
  }

  /** Calls the business. Resolves when the call is over; whatever failed stands in the report. Rejects for a second call on this phone. */
  async placeCall(): Promise<CallReport> {
    const { isReordered = false, delivery, patienceMs } = this.#o;
    const { peer, call } = await this.#open('USER_INITIATED', delivery);
    const offer = await peer.offer();
    this.#timeline.add('webhook', `POST ${this.#meta.webhookUrl}, call ${call.id}`);
    if (patienceMs !== undefined) this.#limit = this.#clock.after(patienceMs, () => this.hangUp());
    const told = await (isReordered ? call.ringReordered(offer) : call.ring(offer));
    this.#timeline.add('webhook', `${answerOf(told)} after ${tenth(told.ms)} ms`);
    if (told.status !== 200 && this.#o.isImpatient) this.hangUp();
    return this.#toTheEnd(told);
  }

  /** Is called by the business, and takes it after `ringMs`; never when that is undefined. As `placeCall`. */
  async takeCall(
    opened: (call: MetaCall) => void,
    offer: string,
    ringMs: number | undefined,
    opaque: string | undefined,
  ): Promise<CallReport> {
    const { peer, call } = await this.#open('BUSINESS_INITIATED', this.#o.delivery);
    call.identity = { ...call.identity, opaque };
    opened(call);
    this.#timeline.add('graph', 'the business calls');
    if (ringMs !== undefined) this.#limit = this.#clock.after(ringMs, () => void this.#take(call, peer, offer));
    return this.#toTheEnd(undefined);
  }

  /** The user hangs up. Idempotent; the report comes from `placeCall`. */
  hangUp(): void {
    if (this.#call === undefined || this.#call.state === 'over') return;
    this.#timeline.add('hangup', 'the caller hangs up');
    this.#call.hangUp();
  }

  /** Presses keys now: 0-9 * # A-D. */
  press(keys: string): void {
    this.#line.talk.press(keys);
  }

  /** The user says this now, before anything else. */
  say(source: AudioSource): void {
    this.#line.talk.mouth.cutIn(source);
  }

  /** What the bridge believes was heard of the utterance last interrupted, ms: stands beside the truth in the report. */
  reportHeard(heardMs: number): void {
    this.#line.talk.interruptions.reported(heardMs);
  }

  /** The call as a stereo WAV (caller left, agent right); undefined without `record`. */
  recording(): Uint8Array | undefined {
    return this.#recorder?.wav();
  }

  /** The same as samples of one length, both channels. */
  recordedChannels(): { sampleRate: number; caller: Int16Array; agent: Int16Array } | undefined {
    if (this.#recorder === undefined) return undefined;
    const [caller, agent] = this.#recorder.channels();
    return { sampleRate: this.#recorder.sampleRate, caller, agent };
  }

  async describe(sdp: string): Promise<void> {
    this.#timeline.add('graph', 'the business has answered; media comes up');
    // Without the business's description its checks are not answered.
    if (!this.#o.isUnreachable) await this.#peer?.accept(sdp);
  }

  accepted(): void {
    this.#acceptedMs = this.#clock.now();
    this.#timeline.add('graph', 'accepted');
    this.#line.talk.start();
    this.#limit?.cancel();
    const ms = this.#o.hangUpAfterMs;
    if (ms !== undefined) {
      this.#limit = this.#clock.after(ms, () => {
        this.#timeline.add('hangup', `${ms} ms are over`);
        this.hangUp();
      });
    }
    this.#speak();
  }

  over(end: CallEnd): void {
    this.#limit?.cancel();
    this.#line.talk.end();
    void this.#peer?.close();
    this.#over.resolve(end);
  }

  async #open(direction: Direction, delivery: Delivery | undefined): Promise<{ peer: RtpPeer; call: MetaCall }> {
    if (this.#isUsed) throw new Error('one call a phone: make another phone for another call');
    this.#isUsed = true;
    const peer = await RtpPeer.create({
      addresses: this.#o.addresses ?? LOOPBACK,
      format: this.#format,
      packet: (packet) => this.#line.receive(packet),
      control: () => {
        this.#lastControlMs = this.#clock.now();
      },
      connected: () => {
        this.#isMediaUp = true;
        this.#mediaMs = this.#clock.now();
        this.#timeline.add('socket', 'media is up: ICE and DTLS');
        this.#speak();
      },
    });
    const call = this.#meta.open(this.user, direction, this, delivery);
    this.#peer = peer;
    this.#call = call;
    return { peer, call };
  }

  async #take(call: MetaCall, peer: RtpPeer, offer: string): Promise<void> {
    try {
      const answer = await peer.answer(offer);
      call.take(answer);
      this.accepted();
      // Meta tells of it late as a rule, when media is up already.
      call.told('ACCEPTED');
    } catch {
      call.fail(138019);
    }
  }

  /** The user speaks when the call was accepted and there is something to carry it. */
  #speak(): void {
    if (this.#acceptedMs === undefined || !this.#isMediaUp || this.#line.talk.ended) return;
    this.#timeline.add('stream', `the talk begins, ${this.#format.name}`);
    this.#line.talk.speak();
    this.#habits.began(this.#line.talk);
  }

  async #toTheEnd(told: Delivered | undefined): Promise<CallReport> {
    const end = await this.#over.promise;
    const wasAccepted = this.#acceptedMs !== undefined;
    const ended = asFlowEnd(end, wasAccepted, told !== undefined && told.status !== 200 ? refusalOf(told) : undefined);
    this.#timeline.add('ended', ended.reason);
    const since = (ms: number | undefined) => (ms === undefined ? undefined : this.#timeline.since(ms));
    const { id = '' } = this.#call ?? {};
    const mine = this.user.waId ?? this.user.userId;
    const from = this.#call?.identity.direction === 'BUSINESS_INITIATED' ? this.#meta.display : mine;
    return makeReport({
      carrier: 'whatsapp',
      callSid: id,
      from,
      to: from === mine ? this.#meta.display : mine,
      ended,
      durationMs: tenth(this.#clock.now() - this.#timeline.originMs),
      connect: {
        webhookMs: told === undefined ? undefined : tenth(told.ms),
        webhookStatus: told?.status,
        socketMs: undefined,
        streamStartMs: since(this.#acceptedMs),
        acceptedMs: since(this.#acceptedMs),
        mediaMs: since(this.#mediaMs),
      },
      streams:
        this.#acceptedMs === undefined
          ? []
          : [this.#line.talk.report({ carrier: 'whatsapp', streamSid: id, codec: this.#format.name })],
      timeline: this.#timeline,
    });
  }
}
