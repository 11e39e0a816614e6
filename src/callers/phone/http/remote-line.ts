import type { Clock } from '../../../call/clock.ts';
import type { CallerEvent } from '../../../call/events.ts';
import type { CallerLeg, LegContext, Playout } from '../../../call/leg.ts';
import { type Termination, termination } from '../../../call/termination.ts';
import { BridgeError } from '../../../errors.ts';
import type { AudioSink } from '../../../media/frame.ts';
import { jsonObject } from '../../../transport/http.ts';
import { CLOSE, type Socket, type SocketHandlers } from '../../../transport/socket.ts';
import { EarlyBuffer } from '../early.ts';
import { DIGITS } from '../protocol.ts';

/** What of a line has to be known where it is not. */
export interface RelayedLine {
  readonly kind: string;
  /** Hz of what is heard of it, and of what it plays. */
  readonly rate: number;
  readonly playedRate: number;
  /** The carrier's id of its call. */
  readonly carrierCallId: string;
}

/** As the wire has samples: 16 bits, the low byte first. A copy. */
export const pcmBytes = (samples: Int16Array): Buffer => {
  const bytes = Buffer.alloc(samples.length * 2);
  for (let i = 0; i < samples.length; i++) bytes.writeInt16LE(samples[i]!, i * 2);
  return bytes;
};

export const pcmSamples = (bytes: Buffer): Int16Array => {
  const samples = new Int16Array(bytes.length >> 1);
  for (let i = 0; i < samples.length; i++) samples[i] = bytes.readInt16LE(i * 2);
  return samples;
};

/** Audio that waits for the instance that has the line, bytes: a second at 24 kHz. What comes then is dropped. */
const WAITS_MOST_BYTES = 48_000;
/** What is said before anybody listens is kept so long, as on a line of one's own, ms. */
const EARLY_MS = 2_000;

/** A line that another instance has, as a caller's leg. How far playing has come is what the clock says: nobody asks more of one who is no caller. */
export class RemoteLine implements CallerLeg {
  readonly kind: string;
  readonly carrierCallId: string;
  readonly rate: number;
  readonly audio: AudioSink;
  readonly playout: Playout;
  /** For the socket that it comes by. */
  readonly handlers: SocketHandlers;
  readonly #clock: Clock;
  readonly #early: EarlyBuffer;
  #socket: Socket | undefined;
  #context: LegContext<CallerEvent> | undefined;
  #ended: Termination | undefined;
  #writtenMs = 0;
  #playsUntil = 0;

  constructor({ kind, rate, playedRate, carrierCallId }: RelayedLine, clock: Clock) {
    this.kind = kind;
    this.carrierCallId = carrierCallId;
    this.rate = rate;
    this.#clock = clock;
    this.#early = new EarlyBuffer(rate, EARLY_MS);
    this.audio = {
      sampleRate: playedRate,
      write: ({ samples }) => this.#write(samples, playedRate),
      clear() {},
      toString: () => `${kind} at another instance`,
    };
    this.playout = {
      writtenMs: () => this.#writtenMs,
      playedMs: () => this.#writtenMs - Math.max(0, this.#playsUntil - clock.now()),
    };
    this.handlers = {
      binary: (data) => this.#heard(pcmSamples(data)),
      text: (data) => this.#told(data),
      close: (code) => this.#end(termination('media-lost', `the other instance let go of the line (${code})`)),
    };
  }

  connect(socket: Socket): void {
    this.#socket = socket;
  }

  async start(context: LegContext<CallerEvent>): Promise<void> {
    if (this.#context !== undefined) return;
    if (context.signal.aborted) throw new BridgeError('ABORTED', 'the call ended before its line was started');
    this.#context = context;
    for (const item of this.#early.take()) {
      if (item.kind === 'media') this.#heard(item.samples);
      else this.#key(item.digit, item.durationMs);
    }
    if (this.#ended !== undefined) context.emit({ type: 'ended', end: this.#ended });
  }

  async close(end: Termination): Promise<void> {
    this.#ended ??= end;
    this.#socket?.close(CLOSE.normal);
  }

  /** By the wire, or as tones: that is decided where the line is. */
  sendDigit(digit: string): boolean {
    return this.#socket?.send(JSON.stringify({ digit })) ?? false;
  }

  #write(samples: Int16Array, rate: number): void {
    const socket = this.#socket;
    if (this.#ended !== undefined || socket === undefined) return;
    const ms = (samples.length * 1000) / rate;
    if (socket.bufferedBytes > WAITS_MOST_BYTES) {
      this.#context?.count('ms_dropped_backpressure', ms);
      return;
    }
    const now = this.#clock.now();
    this.#writtenMs += ms;
    this.#playsUntil = Math.max(now, this.#playsUntil) + ms;
    socket.sendBinary(pcmBytes(samples));
  }

  #heard(samples: Int16Array): void {
    if (this.#context === undefined) this.#early.media(samples, undefined);
    else this.#context.peer.write({ samples, sampleRate: this.rate });
  }

  /** What comes is another instance's own words: it was let in by a ticket. One of another version may have words that are not known here. */
  #told(data: Buffer): void {
    const event = jsonObject(data) as Partial<Extract<CallerEvent, { type: 'dtmf' | 'ended' }>> | undefined;
    if (event?.type === 'ended' && event.end !== undefined) this.#end(event.end);
    else if (event?.type === 'dtmf' && this.#ended === undefined && DIGITS.test(String(event.digit)))
      this.#key(event.digit!, event.durationMs);
  }

  #key(digit: string, durationMs: number | undefined): void {
    if (this.#context === undefined) this.#early.dtmf(digit, durationMs);
    else this.#context.emit(durationMs === undefined ? { type: 'dtmf', digit } : { type: 'dtmf', digit, durationMs });
  }

  #end(end: Termination): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    this.#context?.emit({ type: 'ended', end });
  }
}
