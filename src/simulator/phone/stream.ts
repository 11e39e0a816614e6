/**
 * One media stream, the carrier's side of it, without the socket: messages in, messages out, and in between a caller who speaks on the
 * media clock and hears what is played. Given a fake clock it runs in no time at all.
 */

import type { Clock } from '../../call/clock.ts';
import type { Ticker } from '../../call/ticker.ts';
import type { Codec } from '../../media/codecs.ts';
import { parseBridgeMessage } from './bridge-message.ts';
import type { Carrier } from './carrier.ts';
import { type CodecName, FRAME_MS } from './codec.ts';
import type { Dialect } from './dialect.ts';
import { Ear, type Gap } from './ear.ts';
import { type Interruption, Interruptions } from './interruptions.ts';
import { Mouth } from './mouth.ts';
import { type MarkCause, Playback, type PlaybackListener } from './playback.ts';
import type { CallRecorder } from './recorder.ts';
import type { AudioSource } from './source.ts';
import { Spurts } from './speech.ts';
import { makeStreamReport, type StreamReport } from './stream-report.ts';
import { StreamStats } from './stream-stats.ts';
import { type Timeline, tenth } from './timeline.ts';

/** How long a key is held and how long until the next one goes down, ms. */
const KEY_DOWN_MS = 100;
const KEY_SPACING_MS = 250;

export interface MediaStreamOptions {
  readonly carrier: Carrier;
  readonly dialect: Dialect;
  readonly codecName: CodecName;
  readonly codec: Codec;
  readonly source: AudioSource;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly timeline: Timeline;
  readonly recorder?: CallRecorder | undefined;
  /** Keep the arrival of every media message for the report. */
  readonly keepArrivals?: boolean | undefined;
  /** Puts a message on the wire. False when it could not be: a media frame is then lost, as on a line. */
  readonly send: (text: string) => boolean;
  /** Cuts the wire. */
  readonly cut?: (() => void) | undefined;
  /** Called after each tick's frames: what is said now goes out with the next frame. */
  readonly onTick?: ((now: number) => void) | undefined;
  readonly onInterruption?: ((interruption: Interruption) => void) | undefined;
}

export class MediaStream implements PlaybackListener {
  readonly mouth: Mouth;
  readonly ear: Ear;
  readonly interruptions: Interruptions;
  readonly stats: StreamStats;
  readonly #o: MediaStreamOptions;
  readonly #clock: Clock;
  readonly #playback: Playback;
  readonly #callerSpurts = new Spurts();
  readonly #keys: Array<{ digit: string; atMs: number }> = [];
  #bytes = Buffer.alloc(4_096);
  #samples = new Int16Array(4_096);
  #startedMs = 0;
  #endedMs: number | undefined;
  /** Time of the first sample the caller sends; undefined until the first tick. */
  #mediaMs: number | undefined;
  #frames = 0;
  #unsubscribe: (() => void) | undefined;
  #callerSpeaking = false;
  #agentSpeaking = false;
  #warnedOverflow = false;

  constructor(options: MediaStreamOptions) {
    this.#o = options;
    this.#clock = options.clock;
    this.mouth = new Mouth(options.source, options.codec);
    this.ear = new Ear(options.codec.sampleRate, options.recorder);
    this.ear.onSpurt = (atMs) => {
      this.#agentSpeaking = true;
      options.timeline.add('agent-speaks', 'the agent is heard', atMs);
    };
    this.ear.onGap = (gap: Gap) =>
      options.timeline.add('gap', `${tenth(gap.ms)} ms of silence inside speech: audio came too late`, gap.atMs);
    this.interruptions = new Interruptions(this.ear, options.onInterruption);
    this.stats = new StreamStats(options.keepArrivals ?? false);
    this.#playback = new Playback(options.codec.sampleRate, options.clock, this);
  }

  /** When `start` was sent, clock ms. */
  get startedMs(): number {
    return this.#startedMs;
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

  /** Sends `connected` and `start` and begins to speak. */
  start(): void {
    this.#startedMs = this.#clock.now();
    this.#o.send(this.#o.dialect.connected());
    this.#o.send(this.#o.dialect.start());
    this.#o.timeline.add('stream', `stream started, ${this.#o.codec.name}`);
    this.#unsubscribe = this.#o.ticker.subscribe(this.#tick);
  }

  /** Presses keys one after the other, the first at `atMs` (clock; now when left out). Digits: 0-9 * # A-D. */
  press(digits: string, atMs: number = this.#clock.now()): void {
    let at = Math.max(atMs, (this.#keys.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) + KEY_SPACING_MS);
    for (const digit of digits) {
      this.#keys.push({ digit, atMs: at });
      at += KEY_SPACING_MS;
    }
  }

  /** Takes a text message from the bridge. Never throws. */
  receive(data: Buffer): void {
    if (this.#endedMs !== undefined) return;
    const { dialect, timeline } = this.#o;
    const message = parseBridgeMessage(data.toString(), dialect.streamSid, dialect.acceptsDtmf);
    switch (message.event) {
      case 'media':
        this.#media(message.payload);
        break;
      case 'mark':
        this.stats.marksReceived++;
        this.#playback.mark(message.name);
        break;
      case 'clear':
        this.#clear();
        break;
      case 'dtmf':
        this.stats.digitsReceived += message.digit;
        timeline.add('dtmf', `the bridge sent digit ${message.digit}`);
        break;
      case 'fault':
        this.stats.fault(message.fault);
        timeline.add('fault', `${message.fault}: ${message.detail}`);
        break;
    }
  }

  /** Takes a binary message: no carrier accepts one. */
  receiveBinary(bytes: number): void {
    if (this.#endedMs !== undefined) return;
    this.stats.fault('binary-message');
    this.#o.timeline.add('fault', `binary-message: ${bytes} bytes; media must be JSON text`);
  }

  /** The caller is gone: sends `stop`. The stream ends with it. */
  stop(): void {
    if (this.#endedMs !== undefined) return;
    this.#o.send(this.#o.dialect.stop());
    this.end();
  }

  /** The line between carrier and bridge breaks: no `stop`, no closing handshake. */
  breakLine(): void {
    this.#o.timeline.add('fault', 'the line to the bridge breaks');
    this.#o.cut?.();
  }

  /** Ends it from whatever cause; nothing is sent any more. Idempotent. */
  end(): void {
    if (this.#endedMs !== undefined) return;
    this.#unsubscribe?.();
    this.#playback.advance();
    this.#endedMs = this.#clock.now();
    this.stats.unheardMs = this.#playback.bufferedMs;
    this.#playback.dispose();
  }

  runStarted(atMs: number, dryMs: number | undefined): void {
    this.ear.runStarted(atMs, dryMs);
  }

  heard(ring: Int16Array, from: number, to: number, atMs: number): void {
    this.ear.heard(ring, from, to, atMs);
  }

  mark(name: string, dueMs: number, cause: MarkCause): void {
    if (cause === 'played') {
      this.stats.marksPlayed++;
      this.stats.markLateness.add(this.#clock.now() - dueMs);
    } else {
      this.stats.marksCleared++;
    }
    this.#o.send(this.#o.dialect.mark(name));
    this.#o.timeline.add('mark', `mark "${name}" ${cause}`);
  }

  readonly #tick = (now: number): void => {
    this.#mediaMs ??= now;
    // Rounded, so that a tick a little early or late still sends exactly one frame; after a stall all that are due go out.
    const due = Math.round((now - this.#mediaMs) / FRAME_MS);
    while (this.#frames < due) this.#sendFrame(this.#mediaMs, now);
    while (this.#keys.length > 0 && this.#keys[0]!.atMs <= now) this.#sendKey(this.#keys.shift()!.digit);
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
    if (this.#o.send(this.#o.dialect.media(timestampMs, frame.payload))) {
      this.stats.frameSent(now - (atMs + FRAME_MS));
    } else {
      this.stats.framesDropped++;
    }
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
    this.#o.send(this.#o.dialect.dtmf(digit, KEY_DOWN_MS));
    this.stats.pressed += digit;
    this.#o.timeline.add('dtmf', `the caller pressed ${digit}`);
  }

  #media(payload: string): void {
    const { codec, timeline } = this.#o;
    const room = (payload.length / 4) * 3;
    if (room > this.#bytes.length) this.#bytes = Buffer.alloc(room * 2);
    const length = this.#bytes.write(payload, 'base64');
    if (length % codec.bytesPerSample !== 0) {
      this.stats.fault('half-sample');
      timeline.add('fault', `half-sample: ${length} bytes of ${codec.name}`);
    }
    const count = Math.floor(length / codec.bytesPerSample);
    if (count > this.#samples.length) this.#samples = new Int16Array(count * 2);
    codec.decode(this.#bytes.subarray(0, count * codec.bytesPerSample), this.#samples);
    this.stats.arrived(this.#clock.now() - timeline.originMs, (count * 1000) / codec.sampleRate);
    const accepted = this.#playback.write(this.#samples, count);
    if (accepted === count) return;
    this.stats.overflowMs += ((count - accepted) * 1000) / codec.sampleRate;
    // The warning comes once per stream: https://www.twilio.com/docs/api/errors/31931
    if (!this.#warnedOverflow)
      timeline.add('fault', '31931: more than ten minutes of audio queued; the excess is dropped');
    this.#warnedOverflow = true;
  }

  #clear(): void {
    // Marks that fell due before the clear count as played, so the books come first.
    const now = this.#playback.advance();
    const marks = this.#playback.outstandingMarks;
    const droppedMs = this.#playback.clear();
    const { timeline } = this.#o;
    this.stats.cleared({ atMs: timeline.since(now), droppedMs: tenth(droppedMs), marks });
    this.interruptions.cleared(now, droppedMs);
    timeline.add('clear', `clear: ${tenth(droppedMs)} ms unheard, ${marks} marks returned`);
  }

  /** What was measured. Complete once the stream has ended. */
  report(): StreamReport {
    return makeStreamReport({
      carrier: this.#o.carrier,
      streamSid: this.#o.dialect.streamSid,
      codec: this.#o.codecName,
      startedMs: this.#startedMs,
      durationMs: (this.#endedMs ?? this.#clock.now()) - this.#startedMs,
      timeline: this.#o.timeline,
      callerSpurts: this.#callerSpurts,
      ear: this.ear,
      interruptions: this.interruptions,
      stats: this.stats,
    });
  }
}
