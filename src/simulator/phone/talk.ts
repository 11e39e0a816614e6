/**
 * One caller at the end of a line, without the line: speaks on the media clock, presses keys, hears what is played, and measures both. What
 * carries it (a carrier's media stream, RTP) is a port. Given a fake clock it runs in no time at all.
 */

import type { Clock } from '../../call/clock.ts';
import type { Ticker } from '../../call/ticker.ts';
import type { Codec } from '../../media/codecs.ts';
import { FRAME_MS } from './codec.ts';
import { Ear, type Gap } from './ear.ts';
import { type Interruption, Interruptions } from './interruptions.ts';
import { Mouth } from './mouth.ts';
import { BUFFER_LIMIT_MS, type MarkCause, Playback, type PlaybackListener } from './playback.ts';
import type { CallRecorder } from './recorder.ts';
import type { AudioSource, SourceFrame } from './source.ts';
import { Spurts } from './speech.ts';
import { makeStreamReport, type StreamReport } from './stream-report.ts';
import { StreamStats } from './stream-stats.ts';
import { type Timeline, tenth } from './timeline.ts';

/** How long a key is held and how long until the next one goes down, ms. */
const KEY_DOWN_MS = 100;
const KEY_SPACING_MS = 250;

/** What carries a talk to the bridge. */
export interface TalkWire {
  /** 20 ms of the caller, `timestampMs` after the first. False when it could not be sent: it is then lost, as on a line. */
  media(frame: SourceFrame, timestampMs: number): boolean;
  /** A key went down, for `durationMs`. */
  key(digit: string, durationMs: number): void;
  /** See `PlaybackListener.mark`; for wires that have marks. */
  mark?(name: string, dueMs: number, cause: MarkCause): void;
}

export interface TalkOptions {
  /** Rate and form of the caller's frames; what is heard has the same rate. */
  readonly codec: Codec;
  /** What is heard, where that has another rate. */
  readonly heard?: Pick<Codec, 'sampleRate'> | undefined;
  readonly source: AudioSource;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly timeline: Timeline;
  readonly recorder?: CallRecorder | undefined;
  /** How much of what comes is held back against jitter, ms; nothing when left out, as for a carrier, which has done that. */
  readonly jitterMs?: number | undefined;
  /** Keep the arrival of every piece of media for the report. */
  readonly keepArrivals?: boolean | undefined;
  /** The most that waits to be played, ms; ten minutes when left out. */
  readonly bufferMs?: number | undefined;
  /** Called after each tick's frames: what is said now goes out with the next frame. */
  readonly onTick?: ((now: number) => void) | undefined;
  readonly onInterruption?: ((interruption: Interruption) => void) | undefined;
}

export class Talk {
  readonly mouth: Mouth;
  readonly ear: Ear;
  readonly interruptions: Interruptions;
  readonly stats: StreamStats;
  readonly #o: TalkOptions;
  readonly #wire: TalkWire;
  readonly #clock: Clock;
  readonly #playback: Playback;
  readonly #heardHz: number;
  readonly #callerSpurts = new Spurts();
  readonly #keys: Array<{ digit: string; atMs: number }> = [];
  #startedMs = 0;
  #endedMs: number | undefined;
  /** Time of the first sample the caller sends; undefined until the first tick. */
  #mediaMs: number | undefined;
  #frames = 0;
  #unsubscribe: (() => void) | undefined;
  #callerSpeaking = false;
  #agentSpeaking = false;

  constructor(options: TalkOptions, wire: TalkWire) {
    this.#o = options;
    this.#wire = wire;
    this.#clock = options.clock;
    this.mouth = new Mouth(options.source, options.codec);
    this.#heardHz = (options.heard ?? options.codec).sampleRate;
    this.ear = new Ear(this.#heardHz, options.recorder);
    this.ear.onSpurt = (atMs) => {
      this.#agentSpeaking = true;
      options.timeline.add('agent-speaks', 'the agent is heard', atMs);
    };
    this.ear.onGap = (gap: Gap) =>
      options.timeline.add('gap', `${tenth(gap.ms)} ms of silence inside speech: audio came too late`, gap.atMs);
    this.interruptions = new Interruptions(this.ear, options.onInterruption);
    this.stats = new StreamStats(options.keepArrivals ?? false);
    const listener: PlaybackListener = {
      runStarted: (atMs, dryMs) => this.ear.runStarted(atMs, dryMs),
      heard: (ring, from, to, atMs) => this.ear.heard(ring, from, to, atMs),
      mark: (name, dueMs, cause) => this.#told(name, dueMs, cause),
    };
    const { bufferMs = BUFFER_LIMIT_MS, jitterMs } = options;
    this.#playback = new Playback(this.#heardHz, options.clock, listener, bufferMs, jitterMs);
  }

  /** When it began, clock ms. */
  get startedMs(): number {
    return this.#startedMs;
  }

  /** Whether it is over: nothing is said or heard any more. */
  get ended(): boolean {
    return this.#endedMs !== undefined;
  }

  /** End of the caller's last sound, clock ms; undefined before the first. */
  get callerLastLoudMs(): number | undefined {
    return this.#callerSpurts.lastMs;
  }

  /** Agent's audio received and not heard yet, ms. */
  get bufferedMs(): number {
    this.#playback.advance();
    return this.#playback.bufferedMs;
  }

  /** It begins, now; the caller speaks from `speak` on. */
  start(): void {
    this.#startedMs = this.#clock.now();
  }

  speak(): void {
    this.#unsubscribe ??= this.#o.ticker.subscribe(this.#tick);
  }

  /** Presses keys one after the other, the first at `atMs` (clock; now when left out). Digits: 0-9 * # A-D. */
  press(digits: string, atMs: number = this.#clock.now()): void {
    let at = Math.max(atMs, (this.#keys.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) + KEY_SPACING_MS);
    for (const digit of digits) {
      this.#keys.push({ digit, atMs: at });
      at += KEY_SPACING_MS;
    }
  }

  /** `count` samples of the agent arrived (copied). Returns those that fitted into the buffer of ten minutes. */
  hear(samples: Int16Array, count: number): number {
    const rate = this.#heardHz;
    this.stats.arrived(this.#clock.now() - this.#o.timeline.originMs, (count * 1000) / rate);
    const accepted = this.#playback.write(samples, count);
    this.stats.overflowMs += ((count - accepted) * 1000) / rate;
    return accepted;
  }

  /** Queues silence of this length, ms, in the place of what was lost. */
  missed(ms: number): void {
    const count = Math.round((ms * this.#heardHz) / 1000);
    this.#playback.write(new Int16Array(count), count);
  }

  /** Asks to be told, by the wire's `mark`, when what is queued now has been heard. */
  mark(name: string): void {
    this.stats.marksReceived++;
    this.#playback.mark(name);
  }

  /** Drops what was not heard, and returns the marks. */
  clear(): void {
    // Marks that fell due before the clear count as played, so the books come first.
    const now = this.#playback.advance();
    const marks = this.#playback.outstandingMarks;
    const droppedMs = this.#playback.clear();
    const { timeline } = this.#o;
    this.stats.cleared({ atMs: timeline.since(now), droppedMs: tenth(droppedMs), marks });
    this.interruptions.cleared(now, droppedMs);
    timeline.add('clear', `clear: ${tenth(droppedMs)} ms unheard, ${marks} marks returned`);
  }

  /** Ends it from whatever cause. Idempotent. */
  end(): void {
    if (this.#endedMs !== undefined) return;
    this.#unsubscribe?.();
    this.#playback.advance();
    this.#endedMs = this.#clock.now();
    this.stats.unheardMs = this.#playback.bufferedMs;
    this.#playback.dispose();
  }

  /** What was measured. Complete once it has ended. */
  report(of: Pick<StreamReport, 'carrier' | 'streamSid' | 'codec'>): StreamReport {
    return makeStreamReport({
      ...of,
      startedMs: this.#startedMs,
      durationMs: (this.#endedMs ?? this.#clock.now()) - this.#startedMs,
      timeline: this.#o.timeline,
      callerSpurts: this.#callerSpurts,
      ear: this.ear,
      interruptions: this.interruptions,
      stats: this.stats,
    });
  }

  #told(name: string, dueMs: number, cause: MarkCause): void {
    if (cause === 'played') {
      this.stats.marksPlayed++;
      this.stats.markLateness.add(this.#clock.now() - dueMs);
    } else {
      this.stats.marksCleared++;
    }
    this.#wire.mark?.(name, dueMs, cause);
    this.#o.timeline.add('mark', `mark "${name}" ${cause}`);
  }

  readonly #tick = (now: number): void => {
    this.#mediaMs ??= now;
    // Rounded, so that a tick a little early or late still sends exactly one frame; after a stall all that are due go out.
    const due = Math.round((now - this.#mediaMs) / FRAME_MS);
    while (this.#frames < due) this.#sendFrame(this.#mediaMs, now);
    if (this.#keys.length > 0 && this.#keys[0]!.atMs <= now) {
      this.#sendKey(this.#keys.shift()!.digit);
      // Who is late with one key is late with those behind it: two at once would be one that nobody hears.
      for (const [i, key] of this.#keys.entries()) key.atMs = Math.max(key.atMs, now + (i + 1) * KEY_SPACING_MS);
    }
    this.#playback.advance();
    this.interruptions.tick(now);
    if (this.#agentSpeaking && !this.ear.spurts.active(now)) {
      this.#agentSpeaking = false;
      this.#o.timeline.add('agent-silent', 'the agent falls silent', this.ear.lastLoudMs);
    }
    if (this.#callerSpeaking && !this.#callerSpurts.active(now)) {
      this.#callerSpeaking = false;
      this.#o.timeline.add('caller-silent', 'the caller stopped speaking', this.#callerSpurts.lastMs);
    }
    this.#o.onTick?.(now);
  };

  #sendFrame(mediaMs: number, now: number): void {
    const frame = this.mouth.next();
    const timestampMs = this.#frames++ * FRAME_MS;
    const atMs = mediaMs + timestampMs;
    if (this.#wire.media(frame, timestampMs)) this.stats.frameSent(now - (atMs + FRAME_MS));
    else this.stats.framesDropped++;
    // A recording has one rate, that of what is heard.
    if (this.#o.codec.sampleRate === this.#heardHz)
      this.#o.recorder?.caller(frame.samples, 0, frame.samples.length, atMs);
    if (frame.loudFromMs < 0) return;
    if (!this.#callerSpurts.add(atMs + frame.loudFromMs, atMs + frame.loudToMs)) return;
    const fromMs = this.#callerSpurts.list.at(-1)!.fromMs;
    this.#callerSpeaking = true;
    this.#o.timeline.add('caller-speaks', 'the caller speaks', fromMs);
    this.#playback.advance();
    this.interruptions.callerBegan(fromMs, now, this.#playback.bufferedMs);
  }

  #sendKey(digit: string): void {
    this.#wire.key(digit, KEY_DOWN_MS);
    this.stats.pressed += digit;
    this.#o.timeline.add('dtmf', `the caller pressed ${digit}`);
  }
}
