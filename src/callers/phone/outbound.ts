import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { Playout } from '../../call/leg.ts';
import type { Codec } from '../../media/codecs.ts';
import { msToSamples, samplesToMs } from '../../media/frame.ts';
import { staysWithin } from '../../media/level.ts';
import { Backlog } from './backlog.ts';
import { burstChunkMs } from './burst-chunk.ts';
import { ByteQueue } from './byte-queue.ts';
import { CarrierClock } from './carrier-clock.ts';
import { LiveGate, SKIP } from './live-gate.ts';
import { Marks } from './marks.ts';
import type { PhoneLegOptions } from './options.ts';
import { Positions } from './positions.ts';
import { SourcePace } from './source-pace.ts';
import type { PhoneWire } from './wire.ts';

/**
 * The agent's audio on its way to the carrier: encoded, cut into messages, sent ahead of real time by a bounded lead, with marks that
 * tell how far it was played. It has no timer and no socket: `write` and `tick` drive it, and it calls the wire.
 */

/** What the messages go through; see `PhoneWire`. */
export type OutboundWire = Pick<PhoneWire, 'media' | 'mark' | 'clear' | 'bufferedBytes' | 'rttMs'>;

/** A source that writes nothing for this long has paused: what is left of a chunk is not held back any longer, ms. */
const PAUSE_MS = 20;
/** Room of the live cushion for the granularity of ticks and of the carrier's own frames, ms. */
const GRAIN_MS = 20;
/** Deviation of the live cushion that is left alone, ms. */
const SLACK_MS = 40;
/** A round trip beyond this is a stall, not a distance, ms. */
const MAX_RTT_MS = 500;
/** How far past an unanswered mark the carrier may be believed to have played, beside the round trip: its frame, ms. */
const MARK_GRAIN_MS = 20;
/** A tick this late means that we stalled: writes wait unseen, so nothing follows from their absence, ms. */
const STALL_MS = 60;
/** Between two looks at marks that never came back, ms: they are given seconds. */
const LOOK_MS = 100;
/** Samples encoded at a time. */
const ENCODE_SAMPLES = 4_800;
/** They are copied before the next are encoded: one memory for all legs of the process. */
const ENCODED = Buffer.allocUnsafeSlow(ENCODE_SAMPLES * 2);

export class Outbound implements Playout {
  readonly #wire: OutboundWire;
  readonly #onStuck: () => void;
  readonly #count: Count;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #options: PhoneLegOptions;
  readonly #queue = new ByteQueue();
  readonly #marks = new Marks();
  readonly #pace = new SourcePace();
  readonly #gate: LiveGate;
  readonly #rate: number;
  readonly #chunk: number;
  readonly #burstChunk: number;
  readonly #markEvery: number;
  readonly #liveLeadMs: number;
  #backlog: Backlog;
  #codec: Codec;
  #carrier: CarrierClock;
  #positions = new Positions();
  #unmarked = 0;
  /** Whether something was sent since nothing waited in the socket: asking it costs more than knowing. */
  #mayWait = false;
  /** Whether anything was sent that a clear could still discard. */
  #clearable = false;
  #lastWrite = Number.NEGATIVE_INFINITY;
  #lastSent = Number.NEGATIVE_INFINITY;
  #lastTick: number;
  /** Newest played position told, samples: it never falls within a stream. */
  #played = 0;
  /** Nothing is sent, waited for or counted before something is written: most of a call's ticks are of this kind. */
  #resting = false;
  /** When marks are looked at next. */
  #lookAt = Number.NEGATIVE_INFINITY;
  /** The lead is full until then, unless an echo says that the carrier is further on, ms. */
  #fullUntil = Number.NEGATIVE_INFINITY;

  /** `onStuck` is told when the carrier takes no audio any more and the stream has to be given up. */
  constructor(
    codec: Codec,
    wire: OutboundWire,
    onStuck: () => void,
    count: Count,
    clock: Pick<Clock, 'now'>,
    options: PhoneLegOptions,
  ) {
    this.#codec = codec;
    this.#wire = wire;
    this.#onStuck = onStuck;
    this.#count = count;
    this.#clock = clock;
    this.#options = options;
    this.#rate = codec.sampleRate;
    this.#carrier = new CarrierClock(this.#rate);
    this.#backlog = new Backlog(codec, options);
    this.#chunk = msToSamples(options.chunkMs, this.#rate);
    this.#burstChunk = msToSamples(burstChunkMs(options), this.#rate);
    this.#markEvery = msToSamples(options.markMs, this.#rate);
    // While a chunk gathers here the carrier has that much less, so the cushion is that much larger than what must remain of it.
    const targetMs = options.cushionMs === 0 ? 0 : options.cushionMs + options.chunkMs + GRAIN_MS;
    this.#liveLeadMs = Math.max(options.leadMs, targetMs + options.chunkMs);
    this.#gate = new LiveGate({ targetMs, hangoverMs: options.hangoverMs, slackMs: SLACK_MS });
    this.#lastTick = clock.now();
  }

  /** Whether the source gives audio in real time. Set it when it is known; undefined (the default) observes it. */
  get live(): boolean {
    return this.#pace.live;
  }

  set live(value: boolean | undefined) {
    this.#pace.forced = value;
    this.#fullUntil = Number.NEGATIVE_INFINITY;
  }

  /** Audio that waits here, ms. */
  get queuedMs(): number {
    return samplesToMs(this.#queued(), this.#rate);
  }

  /** Audio at the carrier that it has not played, by estimation, ms. */
  get unplayedMs(): number {
    return this.#carrier.unplayedMs(this.#clock.now() + this.#oneWayMs());
  }

  /** Takes samples of the codec's rate; they are copied. */
  write(samples: Int16Array): void {
    if (samples.length === 0) return;
    this.#resting = false;
    this.#fullUntil = Number.NEGATIVE_INFINITY;
    const now = this.#clock.now();
    const ms = samplesToMs(samples.length, this.#rate);
    if (this.#backlog.blocked) {
      this.#count('ms_dropped_backpressure', Math.round(ms));
      return;
    }
    this.#lastWrite = now;
    this.#pace.wrote(ms, now);
    const ahead = this.queuedMs + this.#carrier.unplayedMs(now + this.#oneWayMs());
    // The gate follows a bursty source too, so that it knows where it is should the source turn out to be live.
    const pad = this.#gate.next(staysWithin(samples, this.#options.silencePeak), ms, ahead);
    if (this.#pace.live) {
      if (pad === SKIP && now - this.#lastSent < this.#options.keepWarmMs) {
        this.#positions.skip(samples.length);
        if (!this.#gate.talking) this.#pump(now, true);
        return;
      }
      if (pad > 0) this.#pad(msToSamples(pad, this.#rate));
    }
    if (this.queuedMs + ms > this.#options.maxQueueMs) {
      this.#count('ms_dropped_backpressure', Math.round(ms));
      return;
    }
    this.#positions.add(samples.length);
    this.#encode(samples);
    this.#pump(now, false);
  }

  /** Discards all that was not yet played, here and at the carrier. The message leaves before this returns. */
  clear(): void {
    const played = this.#playedSamples(this.#clock.now());
    if (this.#clearable) this.#wire.clear();
    this.#discard(played);
  }

  /** Every 20 ms: sends what is due, and gives up what never comes. */
  tick(now: number): void {
    const stalled = now - this.#lastTick > STALL_MS;
    this.#lastTick = now;
    if (this.#resting) return;
    if (now >= this.#lookAt) {
      this.#lookAt = now + LOOK_MS;
      const expired = this.#marks.expire(now);
      if (expired > 0) this.#count('mark_expired', expired);
    }
    if (this.#mayWait && this.#waits(now)) return;
    const idleMs = stalled ? 0 : now - this.#lastWrite;
    const over = idleMs > this.#options.hangoverMs;
    if (over) this.#gate.reset();
    if (now < this.#fullUntil) return;
    this.#pump(now, idleMs >= PAUSE_MS || (this.#pace.live && !this.#gate.talking));
    this.#resting = over && this.#isEmpty();
  }

  /** Looks at what the network has not taken; true when nothing more is to be done in this tick. */
  #waits(now: number): boolean {
    const waiting = this.#wire.bufferedBytes;
    const verdict = this.#backlog.check(waiting, now);
    // Until the backlog is gone it is asked for again.
    this.#mayWait = waiting > 0;
    if (verdict === 'close') this.#onStuck();
    else if (verdict === 'drop') {
      const played = this.#playedSamples(now);
      const ms = samplesToMs(this.#positions.writtenEnd - played, this.#rate);
      this.#count('ms_dropped_backpressure', Math.round(ms));
      this.#wire.clear();
      this.#discard(played, true);
    }
    return verdict !== 'ok';
  }

  /** Whether nothing is left to be sent, answered or taken. */
  #isEmpty(): boolean {
    return this.#queue.length === 0 && this.#unmarked === 0 && this.#marks.size === 0 && !this.#mayWait;
  }

  /** Takes the carrier's echo of a mark. */
  onMark(name: string): void {
    this.#fullUntil = Number.NEGATIVE_INFINITY;
    const echo = this.#marks.echo(name);
    if (echo.kind === 'heard') this.#carrier.onEcho(echo.position, this.#clock.now(), 2 * this.#oneWayMs());
    else if (echo.kind === 'unknown') this.#count('mark_unknown');
  }

  /** A new stream of the same rate begins on the same socket: nothing sent before counts, positions begin at zero. */
  restart(codec: Codec): void {
    this.#discard(this.#playedSamples(this.#clock.now()));
    this.#codec = codec;
    this.#backlog = new Backlog(codec, this.#options);
    this.#carrier = new CarrierClock(this.#rate);
    this.#positions = new Positions();
    this.#played = 0;
  }

  writtenMs(): number {
    return samplesToMs(this.#positions.writtenEnd, this.#rate);
  }

  playedMs(): number {
    return samplesToMs(this.#playedSamples(this.#clock.now()), this.#rate);
  }

  #oneWayMs(): number {
    return Math.min(this.#wire.rttMs ?? 0, MAX_RTT_MS) / 2;
  }

  #queued(): number {
    return this.#queue.length / this.#codec.bytesPerSample;
  }

  /** The written position that will have been played when a clear sent now arrives. */
  #playedSamples(now: number): number {
    const oneWay = this.#oneWayMs();
    let wire = this.#carrier.at(now + oneWay);
    const next = this.#marks.next;
    // An unanswered mark was not played one round trip ago, whatever the clock says: the carrier may have paused.
    if (next !== undefined) wire = Math.min(wire, next + msToSamples(2 * oneWay + MARK_GRAIN_MS, this.#rate));
    this.#played = Math.max(this.#played, Math.floor(this.#positions.writtenAt(wire)));
    return this.#played;
  }

  #encode(samples: Int16Array): void {
    for (let at = 0; at < samples.length; at += ENCODE_SAMPLES) {
      const part = samples.length <= ENCODE_SAMPLES ? samples : samples.subarray(at, at + ENCODE_SAMPLES);
      this.#queue.push(ENCODED, this.#codec.encode(part, ENCODED));
    }
  }

  #pad(samples: number): void {
    this.#positions.pad(samples);
    this.#queue.fill(this.#codec.silence, samples * this.#codec.bytesPerSample);
  }

  /** Sends whole chunks as far as the lead allows; with `flush` also what is left of the last, and a mark behind it. */
  #pump(now: number, flush: boolean): void {
    const oneWay = this.#oneWayMs();
    const leadMs = this.#pace.live ? this.#liveLeadMs : this.#options.leadMs;
    const chunk = this.#pace.live ? this.#chunk : this.#burstChunk;
    for (let left = this.#queued(); left > 0; left = this.#queued()) {
      const samples = Math.min(left, chunk);
      if (samples < chunk && !flush) return;
      const unplayedMs = this.#carrier.unplayedMs(now + oneWay);
      const over = unplayedMs + samplesToMs(samples, this.#rate) - leadMs;
      if (over > 0) {
        // The carrier plays in real time.
        this.#fullUntil = now + over;
        return;
      }
      const payload = this.#queue.takeBase64(samples * this.#codec.bytesPerSample);
      if (!this.#wire.media(payload)) return;
      this.#mayWait = true;
      this.#count('frames_out');
      this.#lastSent = now;
      this.#clearable = true;
      this.#carrier.onSent(samples, now, oneWay);
      this.#unmarked += samples;
      // The first mark of a talkspurt comes at once: it tells how much the carrier gathers before it begins to play.
      if (this.#unmarked >= this.#markEvery || unplayedMs <= 0) this.#mark(now);
    }
    if (flush && this.#unmarked > 0) this.#mark(now);
  }

  #mark(now: number): void {
    this.#unmarked = 0;
    // Asking moves the books of positions on, so that they stay short however rarely anybody else asks.
    this.#playedSamples(now);
    this.#wire.mark(this.#marks.set(this.#carrier.sent, this.#carrier.unplayedMs(now), now));
  }

  #discard(played: number, counted = false): void {
    if (!counted) {
      this.#count('ms_cleared', Math.round(samplesToMs(this.#positions.writtenEnd - played, this.#rate)));
    }
    this.#fullUntil = Number.NEGATIVE_INFINITY;
    this.#queue.clear();
    this.#marks.clear();
    this.#gate.reset();
    this.#carrier.flush();
    this.#positions.rewind(this.#carrier.sent, played);
    this.#unmarked = 0;
    this.#clearable = false;
  }
}
