import type { Clock, Timer } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { CallerEvent } from '../../call/events.ts';
import type { CallerLeg, LegContext, Pace, Playout } from '../../call/leg.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { BridgeError } from '../../errors.ts';
import { type Codec, pcmu } from '../../media/codecs.ts';
import type { AudioSink, PcmFrame } from '../../media/frame.ts';
import { CLOSE } from '../../transport/socket.ts';
import { EarlyBuffer } from './early.ts';
import { codecFor, codecLabel, describeFormat } from './formats.ts';
import { Hold } from './hold.ts';
import { Inbound } from './inbound.ts';
import { type PhoneLegOptions, withDefaults } from './options.ts';
import { Outbound } from './outbound.ts';
import type { MediaMessage, MediaProtocol, PhoneMessage, StartMessage } from './protocol.ts';
import { DIGITS } from './protocol.ts';
import { Tally } from './tally.ts';
import { type PhoneSocket, PhoneWire } from './wire.ts';

export interface PhoneLegInit {
  readonly socket: PhoneSocket;
  readonly protocol: MediaProtocol;
  /** The carrier's `start`, already authorised or about to be. */
  readonly start: StartMessage;
  readonly clock: Clock;
  readonly options?: Partial<PhoneLegOptions>;
  /** What was counted before there was a leg. */
  readonly tally?: Tally;
}

/** Frames are counted by so many: a fifth of a second of them. */
const COUNTED_AT_ONCE = 10;
/** Decoded frames of all legs of the process: each is written on, or copied, before the next is decoded. */
let decoded = new Int16Array(480);

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
  readonly #wire: PhoneWire;
  readonly #clock: Clock;
  readonly #options: PhoneLegOptions;
  readonly #tally: Tally;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;
  readonly #early: EarlyBuffer;
  readonly #hold: Hold;
  readonly #frame: { samples: Int16Array; readonly sampleRate: number };
  #codec: Codec;
  #context: LegContext<CallerEvent> | undefined;
  #detach: (() => void) | undefined;
  /** The front of `decoded` of the length received last. */
  #pcm = decoded;
  #framesIn = 0;
  #lastMedia: number;
  #sawMedia = false;
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
    const codec = codecFor(start.format, options.l16ByteOrder, options.l16Hz) ?? pcmu;
    this.#socket = socket;
    this.#clock = clock;
    this.#options = options;
    this.#tally = init.tally ?? new Tally();
    this.#codec = codec;
    this.#wire = new PhoneWire(socket, protocol, start.streamId);
    this.#lastMedia = clock.now();
    this.#early = new EarlyBuffer(codec.sampleRate, options.maxEarlyMs);
    this.#frame = { samples: decoded, sampleRate: codec.sampleRate };
    this.kind = protocol.name;
    this.rate = codec.sampleRate;
    this.carrierCallId = start.callId;
    this.count = this.#tally.count;
    this.#inbound = new Inbound(
      {
        sampleRate: codec.sampleRate,
        count: this.count,
        reorderMs: options.reorderMs,
        maxFillMs: options.maxFillMs,
        wallGapMs: options.wallGapMs,
        write: (samples) => this.#deliver(samples),
      },
      this.#lastMedia,
    );
    this.#hold = new Hold({ ...options, count: this.count, probe: () => socket.probe() });
    this.#outbound = new Outbound(codec, this.#wire, this.#onStuck, this.count, clock, options);
    this.playout = this.#outbound;
    this.audio = {
      sampleRate: codec.sampleRate,
      write: (frame) => this.#write(frame),
      clear: () => {
        if (this.#ended === undefined && this.#context !== undefined) this.#outbound.clear();
      },
      toString: () => `${codecLabel(this.#codec, options.l16ByteOrder)} -> ${this.kind}`,
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
    this.#tally.connect(context.count);
    if (this.#ended !== undefined) {
      context.emit({ type: 'ended', end: this.#ended });
      return;
    }
    const unsubscribe = context.ticker.subscribe((now) => this.#tick(now));
    const onAbort = () => this.#detachAll();
    context.signal.addEventListener('abort', onAbort, { once: true });
    this.#detach = () => {
      unsubscribe();
      context.signal.removeEventListener('abort', onAbort);
    };
    const now = this.#clock.now();
    this.#lastMedia = now;
    this.#inbound.reset(now);
    for (const item of this.#early.take()) {
      if (item.kind === 'media') this.#inbound.push(item.samples, item.timestampMs, now);
      else this.#emitDigit(item.digit, item.durationMs);
    }
  }

  /** Sends nothing more and closes with 1000, whereupon the carrier goes on with what its instructions say after the stream. */
  close(end: Termination): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#ended ??= end;
      this.#countFrames();
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
        if (this.#context === undefined) this.#early.dtmf(message.digit, message.durationMs);
        else this.#emitDigit(message.digit, message.durationMs);
        break;
      case 'start':
        this.#restart(message, now);
        break;
      case 'stop':
        this.#end(termination('caller-hangup'));
        break;
      case 'connected':
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

  /** The socket is gone. Without a `stop` before it, the media was lost, whatever the code. */
  lost(code: number): void {
    this.#socketClosed = true;
    this.#onSocketClosed?.();
    this.#end(termination('media-lost', `the media socket closed with ${code}`));
  }

  #onMedia(message: MediaMessage, now: number): void {
    if (message.track !== 'inbound') return;
    if (++this.#framesIn === COUNTED_AT_ONCE) this.#countFrames();
    this.#hold.audio(now - this.#lastMedia, this.#context?.log);
    this.#lastMedia = now;
    this.#sawMedia = true;
    const { payload, timestampMs } = message;
    const samples = payload.length / this.#codec.bytesPerSample;
    if (samples === 0) return;
    if (!Number.isInteger(samples)) {
      // Half a sample: taking the rest would be a guess about which half is missing.
      this.count('frames_invalid');
      return;
    }
    if (this.#pcm.length !== samples) {
      if (decoded.length < samples) decoded = new Int16Array(samples);
      this.#pcm = decoded.subarray(0, samples);
    }
    this.#codec.decode(payload, this.#pcm);
    if (this.#context !== undefined) {
      this.#inbound.push(this.#pcm, timestampMs, now);
      return;
    }
    const dropped = this.#early.media(this.#pcm, timestampMs);
    if (dropped > 0) this.count('ms_dropped_holdback', Math.round(dropped));
  }

  #restart(start: StartMessage, now: number): void {
    if (start.callId !== this.carrierCallId) {
      this.fail(termination('media-malformed', 'a second start named another call'), CLOSE.policy);
      return;
    }
    const codec = codecFor(start.format, this.#options.l16ByteOrder, this.#options.l16Hz);
    if (codec === undefined || codec.sampleRate !== this.rate) {
      this.fail(
        termination('media-format-unsupported', `a second start changed the format to ${describeFormat(start.format)}`),
        CLOSE.unsupported,
      );
      return;
    }
    this.#codec = codec;
    this.#wire.streamId = start.streamId;
    this.#outbound.restart(codec);
    this.#inbound.reset(now);
    this.#early.take();
    this.#lastMedia = now;
    this.#sawMedia = false;
    this.#hold.reset();
    this.count('stream_restarted');
    this.#context?.emit({ type: 'stream_restarted' });
  }

  #write(frame: PcmFrame): void {
    if (this.#ended !== undefined || this.#context === undefined) return;
    if (frame.sampleRate !== this.rate) this.count('frames_invalid');
    else this.#outbound.write(frame.samples);
  }

  /** Adds up some frames at a time: the books are looked up by name, the call's and the process's. */
  #countFrames(): void {
    if (this.#framesIn > 0) this.count('frames_in', this.#framesIn);
    this.#framesIn = 0;
  }

  #deliver(samples: Int16Array): void {
    // Most often it is the same view: storing it again would be a write to old memory, and work for the collector.
    if (this.#frame.samples !== samples) this.#frame.samples = samples;
    this.#context?.peer.write(this.#frame);
  }

  #emitDigit(digit: string, durationMs: number | undefined): void {
    this.#context?.emit(durationMs === undefined ? { type: 'dtmf', digit } : { type: 'dtmf', digit, durationMs });
  }

  #tick(now: number): void {
    this.#inbound.tick(now);
    this.#outbound.tick(now);
    if (this.#ended !== undefined) return;
    const limit = this.#sawMedia ? this.#options.holdMs : this.#options.firstMediaMs;
    if (now - this.#lastMedia > limit) {
      this.fail(termination('media-stalled', `no audio from the carrier for ${limit} ms`), CLOSE.policy);
    } else if (this.#sawMedia) this.#hold.tick(now, this.#context?.log);
  }

  readonly #onStuck = (): void => {
    this.fail(termination('media-backpressure', 'the carrier stopped taking audio'), CLOSE.policy);
  };

  #end(end: Termination): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    this.#countFrames();
    this.#wire.shut();
    this.#detachAll();
    this.#context?.emit({ type: 'ended', end });
  }

  /** Stops the clockwork; what is not driven sends nothing. */
  #detachAll(): void {
    this.#detach?.();
    this.#detach = undefined;
  }
}
