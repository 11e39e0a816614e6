import type { Clock, Timer } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { CallerEvent } from '../../call/events.ts';
import type { CallerLeg, LegContext, Pace, Playout } from '../../call/leg.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { BridgeError } from '../../errors.ts';
import { pcmu } from '../../media/codecs.ts';
import type { AudioSink, PcmFrame } from '../../media/frame.ts';
import { CLOSE } from '../../transport/socket.ts';
import { CallerAudio } from './caller-audio.ts';
import type { CarrierMedia } from './carrier-media.ts';
import { codecLabel, codecsFor, describeFormat, type StreamCodecs } from './formats.ts';
import { Hold, isMissing } from './hold.ts';
import { type PhoneLegOptions, withDefaults } from './options.ts';
import { Outbound } from './outbound.ts';
import { DIGITS, type MediaMessage, type PhoneMessage, type StartMessage } from './protocol.ts';
import { Tally } from './tally.ts';
import { type PhoneSocket, PhoneWire } from './wire.ts';

export interface PhoneLegInit {
  readonly socket: PhoneSocket;
  /** How the carrier speaks. */
  readonly protocol: CarrierMedia;
  /** The carrier's `start`, already authorised or about to be. */
  readonly start: StartMessage;
  readonly clock: Clock;
  readonly options?: Partial<PhoneLegOptions>;
  /** What was counted before there was a leg. */
  readonly tally?: Tally;
}

/** How long `close` waits for the carrier's side of the closing handshake, ms; the socket cuts the line before that. */
const CLOSE_DEADLINE_MS = 3_000;

/** The caller's side of a call that came over a carrier's media WebSocket. `PhoneStream` feeds it; a call starts and closes it. */
export class PhoneLeg implements CallerLeg {
  readonly kind: string;
  readonly rate: number;
  readonly audio: AudioSink;
  readonly playout: Playout;
  /** The carrier's id of the call. */
  readonly carrierCallId: string;
  /** Counts for the call from its first message on. */
  readonly count: Count;
  readonly #socket: PhoneSocket;
  readonly #protocol: CarrierMedia;
  readonly #wire: PhoneWire;
  readonly #clock: Clock;
  readonly #options: PhoneLegOptions;
  readonly #tally: Tally;
  readonly #outbound: Outbound;
  readonly #caller: CallerAudio;
  readonly #hold: Hold;
  #context: LegContext<CallerEvent> | undefined;
  #detach: (() => void) | undefined;
  /** Ends the ticks; undefined while there is nothing to do in them. */
  #stopTicks: (() => void) | undefined;
  #lastMedia: number;
  #sawMedia = false;
  #judge: StreamCodecs['judge'];
  /** One that came to know while the stream had yet to prove itself. */
  #judged: StreamCodecs['judge'];
  /** Set once, when the caller's side is over; nothing is sent or told after it. */
  #ended: Termination | undefined;
  #socketClosed = false;
  #closeCode: number = CLOSE.normal;
  #closing: Promise<void> | undefined;
  #onSocketClosed: (() => void) | undefined;

  constructor(init: PhoneLegInit) {
    const { socket, protocol, start, clock } = init;
    const options = withDefaults(init.options);
    // A format that nobody speaks is the stream's to refuse; the leg still has to be whole, to tell its call about it.
    const { heard, played, judge }: StreamCodecs = codecsFor(protocol, start) ?? { heard: pcmu, played: pcmu };
    const wire = new PhoneWire(socket, protocol, start.streamId);
    this.#socket = socket;
    this.#protocol = protocol;
    this.#wire = wire;
    this.#clock = clock;
    this.#options = options;
    this.#tally = init.tally ?? new Tally();
    this.#judge = judge;
    this.#lastMedia = clock.now();
    this.kind = protocol.name;
    this.rate = heard.sampleRate;
    this.carrierCallId = start.callId;
    const { count } = this.#tally;
    this.count = count;
    this.#caller = new CallerAudio(heard, protocol.ordered ?? false, options, count, this.#lastMedia);
    this.#hold = new Hold({ ...options, count, probe: () => socket.probe() });
    const onStuck = () =>
      this.fail(termination('media-backpressure', 'the carrier stopped taking audio'), CLOSE.policy);
    this.#outbound = new Outbound({ codec: played, rules: protocol, wire, onStuck, count, clock, options });
    this.playout = this.#outbound;
    this.audio = {
      sampleRate: played.sampleRate,
      write: (frame) => this.#write(frame),
      clear: () => {
        if (this.#ended === undefined && this.#context !== undefined) this.#outbound.clear();
      },
      toString: () => `${codecLabel(this.#outbound.codec)} -> ${this.kind}`,
    };
  }

  /** The carrier's id of the stream; a second `start` changes it. */
  get streamId(): string {
    return this.#wire.streamId;
  }

  /** As `CallerLeg.setPace`. Until it is told it is observed. */
  setPace(pace: Pace): void {
    this.#outbound.live = pace === 'live';
  }

  /** As `CallerLeg.cushionMs`. */
  get cushionMs(): number | undefined {
    return this.#outbound.live ? this.#outbound.cushionMs : undefined;
  }

  /** As `CallerLeg.onHold`: the carrier sends nothing, and its socket lives. */
  get onHold(): boolean {
    return this.#hold.on;
  }

  /**
   * Attaches at once and replays what the caller said since the stream's start. When the caller has gone meanwhile it tells `ended` and
   * resolves. Rejects with ABORTED when the call is over or the leg was closed.
   */
  async start(context: LegContext<CallerEvent>): Promise<void> {
    if (this.#context !== undefined) return;
    if (this.#closing !== undefined || context.signal.aborted) {
      this.#detachAll();
      throw new BridgeError('ABORTED', 'the call ended before its phone leg was started');
    }
    this.#context = context;
    this.#judged?.teach();
    this.#tally.connect(context.count);
    if (this.#ended !== undefined) {
      context.emit({ type: 'ended', end: this.#ended });
      return;
    }
    this.#outbound.heed(context.ticker.stalls);
    const unsubscribe = context.ticker.subscribeSlowly((now) => this.#look(now));
    const onAbort = () => this.#detachAll();
    context.signal.addEventListener('abort', onAbort, { once: true });
    this.#detach = () => {
      unsubscribe();
      this.#stopTicks?.();
      context.signal.removeEventListener('abort', onAbort);
    };
    const now = this.#clock.now();
    this.#lastMedia = now;
    this.#caller.open(
      context.peer,
      (digit, durationMs) =>
        context.emit(durationMs === undefined ? { type: 'dtmf', digit } : { type: 'dtmf', digit, durationMs }),
      now,
    );
    this.#wake(now);
  }

  /** Sends nothing more and closes with 1000, whereupon the carrier goes on with what its instructions say after the stream. */
  close(end: Termination): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#ended ??= end;
      this.#caller.countFrames();
      this.#wire.shut();
      this.#detachAll();
      if (this.#socketClosed) {
        resolve();
        return;
      }
      let deadline: Timer | undefined;
      this.#onSocketClosed = () => {
        deadline?.cancel();
        resolve();
      };
      deadline = this.#clock.after(CLOSE_DEADLINE_MS, resolve);
      this.#socket.close(this.#closeCode, this.#closeCode === CLOSE.normal ? '' : end.reason);
    });
    return this.#closing;
  }

  sendDigit(digit: string): boolean {
    return DIGITS.test(digit) && this.#wire.dtmf(digit);
  }

  /** Takes a message of the stream. */
  receive(message: PhoneMessage, now: number): void {
    if (this.#ended !== undefined) return;
    switch (message.type) {
      case 'media':
        this.#onMedia(message, now);
        break;
      case 'mark':
        this.#outbound.onMark(message.name);
        break;
      case 'dtmf':
        this.#caller.digit(message);
        break;
      case 'start':
        this.#restart(message, now);
        break;
      case 'stop':
        this.#end(termination('caller-hangup'));
        break;
      case 'complaint':
        this.#context?.log.warn({ detail: message.detail }, 'the carrier complains of the media stream');
        break;
      case 'connected':
      case 'noted':
        break;
      case 'unknown':
        this.count('message_unknown');
        break;
      default:
        message satisfies never;
    }
  }

  /** Ends the leg for a reason of ours and closes the socket with `code`. */
  fail(end: Termination, code: number): void {
    if (this.#ended !== undefined) return;
    // Kept, since the call that learns of the end closes this leg at once.
    this.#closeCode = code;
    this.#end(end);
    this.#socket.close(code, end.reason);
  }

  /** The socket is gone. Without a `stop` before it the media was lost, unless closing is how this carrier says that the caller hung up. */
  lost(code: number): void {
    this.#socketClosed = true;
    this.#onSocketClosed?.();
    const hungUp = this.#protocol.isHangUp?.(code) ?? false;
    this.#end(
      hungUp ? termination('caller-hangup') : termination('media-lost', `the media socket closed with ${code}`),
    );
  }

  #onMedia(message: MediaMessage, now: number): void {
    if (message.track !== 'inbound') return;
    const afterMs = now - this.#lastMedia;
    if (isMissing(afterMs)) this.#hold.audio(afterMs, this.#context?.log);
    this.#lastMedia = now;
    this.#sawMedia = true;
    const order = this.#judge?.look(message.payload);
    if (order !== undefined) {
      this.#judged = this.#judge;
      this.#judge = undefined;
      if (this.#context !== undefined) this.#judged?.teach();
      this.#caller.recode(order);
      this.#outbound.recode(order);
    }
    this.#caller.media(message, now);
    if (this.#stopTicks === undefined && this.#caller.waits(now)) this.#wake(now);
  }

  #restart(start: StartMessage, now: number): void {
    if (start.callId !== this.carrierCallId) {
      this.fail(termination('media-malformed', 'a second start named another call'), CLOSE.policy);
      return;
    }
    const codecs = codecsFor(this.#protocol, start);
    if (codecs?.heard.sampleRate !== this.rate || codecs.played.sampleRate !== this.audio.sampleRate) {
      this.fail(
        termination('media-format-unsupported', `a second start changed the format to ${describeFormat(start.format)}`),
        CLOSE.unsupported,
      );
      return;
    }
    this.#wire.streamId = start.streamId;
    this.#judge = codecs.judge;
    this.#outbound.restart(codecs.played);
    this.#caller.restart(codecs.heard, now);
    this.#lastMedia = now;
    this.#sawMedia = false;
    this.#hold.reset();
    this.count('stream_restarted');
    this.#context?.emit({ type: 'stream_restarted' });
  }

  #write(frame: PcmFrame): void {
    if (this.#ended !== undefined || this.#context === undefined) return;
    if (frame.sampleRate !== this.audio.sampleRate) this.count('frames_invalid');
    else {
      this.#outbound.write(frame.samples, frame.whole);
      if (this.#stopTicks === undefined) this.#wake(this.#clock.now());
    }
  }

  /** Something is to be sent, or waited for by the frame. Two hundred calls are too many to be walked through fifty times a second for nothing. */
  #wake(now: number): void {
    if (this.#stopTicks !== undefined || this.#detach === undefined) return;
    this.#caller.resume(now);
    this.#outbound.resume(now);
    this.#stopTicks = this.#context?.ticker.subscribe((at) => this.#tick(at));
  }

  #tick(now: number): void {
    this.#caller.tick(now);
    this.#outbound.tick(now);
    if (this.#caller.waits(now) || !this.#outbound.resting) return;
    this.#stopTicks?.();
    this.#stopTicks = undefined;
  }

  /** Every 100 ms: what takes seconds, and whether it is time for ticks. */
  #look(now: number): void {
    if (this.#ended !== undefined) return;
    if (this.#caller.waits(now)) this.#wake(now);
    const limit = this.#sawMedia ? this.#options.holdMs : this.#options.firstMediaMs;
    const quietMs = now - this.#lastMedia;
    if (quietMs > limit) {
      this.fail(termination('media-stalled', `no audio from the carrier for ${limit} ms`), CLOSE.policy);
    } else if (this.#sawMedia && isMissing(quietMs)) this.#hold.look(now, this.#context?.log);
  }

  #end(end: Termination): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    this.#caller.countFrames();
    this.#wire.shut();
    this.#detachAll();
    this.#context?.emit({ type: 'ended', end });
  }

  /** Stops the clockwork; what is not driven sends nothing. */
  #detachAll(): void {
    this.#detach?.();
    this.#detach = undefined;
    this.#stopTicks = undefined;
  }
}
