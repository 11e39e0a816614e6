import type { Clock } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { Playout } from '../../call/leg.ts';
import type { Worst } from '../../call/worst.ts';
import { VoiceActivity } from '../../media/active-speaker.ts';
import type { Codec } from '../../media/codecs.ts';
import { msToSamples, samplesToMs } from '../../media/frame.ts';
import { Framer } from '../../media/framer.ts';
import type { ByteOrder } from '../../media/l16.ts';
import { rmsDbfs, staysWithin } from '../../media/level.ts';
import type { CarrierMedia } from './carrier-media.ts';
import { Cushion } from './cushion.ts';
import { LiveGate, SKIP } from './live-gate.ts';
import type { PhoneLegOptions } from './options.ts';
import { Playing } from './playing.ts';
import { type OutboundWire, Sender, type SendingRules } from './sender.ts';
import { SourcePace } from './source-pace.ts';

/** A source that writes nothing for this long has paused: what is left of a chunk is not held back any longer, ms. */
const PAUSE_MS = 20;
/** How much more than its cushion a live source may have in front of it, and how much less, before it is corrected in a pause, ms. */
const SLACK_MS = { above: 40, below: 20 };
/** A tick this late means that we stalled: writes wait unseen, so nothing follows from their absence, ms. */
const STALL_MS = 60;
/** Frames by which the noise of a live source is learnt, ms. */
const HEARD_MS = 20;
/** Between two looks at marks that never came back, ms: they are given seconds. */
const LOOK_MS = 100;

export interface OutboundInit {
  readonly codec: Codec;
  /** What the carrier says of the audio that is sent to it. */
  readonly rules: SendingRules & Pick<CarrierMedia, 'wantsSilence'>;
  readonly wire: OutboundWire;
  /** Told when the carrier takes no audio any more and the stream has to be given up. */
  readonly onStuck: () => void;
  readonly count: Count;
  readonly clock: Pick<Clock, 'now'>;
  readonly options: PhoneLegOptions;
}

/**
 * The agent's audio on its way to the carrier: what of it goes, and when. How it is queued and sent is `Sender`'s, how far it was played is
 * `Playing`'s. It has no timer and no socket: `write` and `tick` drive it, and its sender calls the wire.
 */
export class Outbound implements Playout {
  readonly #onStuck: () => void;
  readonly #count: Count;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #options: PhoneLegOptions;
  readonly #wantsSilence: boolean;
  readonly #playing: Playing;
  readonly #sender: Sender;
  readonly #rate: number;
  readonly #pace = new SourcePace();
  readonly #gate: LiveGate;
  readonly #cushion: Cushion;
  /** Of a live source: its own noise, and whether it is louder. */
  readonly #activity = new VoiceActivity();
  readonly #heard: Framer;
  #lastWrite = Number.NEGATIVE_INFINITY;
  #lastTick: number;
  /** Nothing is sent, waited for or counted before something is written: most of a call's ticks are of this kind. */
  #resting = false;
  /** When marks are looked at next. */
  #lookAt = Number.NEGATIVE_INFINITY;

  constructor(init: OutboundInit) {
    const { codec, rules, wire, clock, options } = init;
    this.#onStuck = init.onStuck;
    this.#count = init.count;
    this.#clock = clock;
    this.#options = options;
    this.#wantsSilence = rules.wantsSilence ?? false;
    this.#rate = codec.sampleRate;
    this.#playing = new Playing(codec.sampleRate, wire, clock);
    this.#sender = new Sender({ ...init, playing: this.#playing }, options);
    this.#gate = new LiveGate({ hangoverMs: options.hangoverMs, slackMs: SLACK_MS });
    this.#cushion = new Cushion(options);
    this.#heard = new Framer(msToSamples(HEARD_MS, codec.sampleRate));
    this.#lastTick = clock.now();
  }

  /** Whether the source gives audio in real time. Set it when it is known; undefined (the default) observes it. */
  get live(): boolean {
    return this.#pace.live;
  }

  set live(value: boolean | undefined) {
    this.#pace.forced = value;
    this.#sender.look();
  }

  /** Silence that goes before the next words of a live source, ms. */
  get cushionMs(): number {
    return this.#cushion.targetMs(this.#clock.now());
  }

  /** Has the cushion grow with the stalls of the process, too. */
  heed(stalls: Worst): void {
    this.#cushion.heed(stalls);
  }

  /** What the agent's audio is sent in. */
  get codec(): Codec {
    return this.#sender.codec;
  }

  /** Audio that waits here, ms. */
  get queuedMs(): number {
    return this.#sender.queuedMs;
  }

  /** Whether nothing is to be done at a tick before something is written. */
  get resting(): boolean {
    return this.#resting;
  }

  /** Ticks come again, from the next one on: there was none for a while, and no stall in that. */
  resume(now: number): void {
    this.#lastTick = now;
  }

  /** Audio at the carrier that it has not played, by estimation, ms. */
  get unplayedMs(): number {
    return this.#playing.unplayedMs(this.#clock.now());
  }

  writtenMs(): number {
    return this.#playing.writtenMs();
  }

  playedMs(): number {
    return this.#playing.playedMs();
  }

  /** Takes samples of the codec's rate; they are copied. `whole`: as a frame's. */
  write(samples: Int16Array, whole = false): void {
    if (samples.length === 0) return;
    const options = this.#options;
    const sender = this.#sender;
    this.#resting = false;
    sender.look();
    const now = this.#clock.now();
    const ms = samplesToMs(samples.length, this.#rate);
    if (sender.blocked) {
      this.#count('ms_dropped_backpressure', Math.round(ms));
      return;
    }
    this.#lastWrite = now;
    this.#pace.wrote(ms, now);
    const { live } = this.#pace;
    const ahead = sender.queuedMs + this.#playing.unplayedMs(now);
    // The gate follows a bursty source too, so that it knows where it is should the source turn out to be live.
    const cushion = this.#cushion;
    const before = this.#gate.talking;
    const silent = staysWithin(samples, options.silencePeak);
    const hushed = live && this.#hushed(samples);
    const pad = this.#gate.next(silent, ms, ahead, live ? cushion.targetMs(now) : 0, hushed);
    if (live) {
      if (this.#gate.talking) {
        if (!before) cushion.begin(now);
        cushion.came(ms, now);
      }
      // Of what is whole no part is left out: the silence of a key is the pause that was asked for.
      if (pad === SKIP && !whole && now - sender.lastSent < options.keepWarmMs) {
        this.#playing.skipped(samples.length);
        if (!this.#gate.talking) sender.pump(now, true, live);
        return;
      }
      if (pad > 0) sender.pad(msToSamples(pad, this.#rate));
    }
    if (sender.queuedMs + ms > options.maxQueueMs) {
      this.#count('ms_dropped_backpressure', Math.round(ms));
      return;
    }
    sender.push(samples, whole);
    sender.pump(now, false, live);
  }

  /** Discards all that was not yet played, here and at the carrier. The message leaves before this returns. */
  clear(): void {
    this.#sender.clear(this.#clock.now());
    this.#gate.reset();
  }

  /** Every 20 ms: sends what is due, and gives up what never comes. */
  tick(now: number): void {
    const stalled = now - this.#lastTick > STALL_MS;
    this.#lastTick = now;
    if (this.#resting) return;
    if (now >= this.#lookAt) {
      this.#lookAt = now + LOOK_MS;
      const expired = this.#playing.expire(now);
      if (expired > 0) this.#count('mark_expired', expired);
    }
    if (this.#waits(now)) return;
    const idleMs = stalled ? 0 : now - this.#lastWrite;
    const over = idleMs > this.#options.hangoverMs;
    if (over) this.#gate.reset();
    if (this.#sender.isFull(now)) return;
    const { live } = this.#pace;
    this.#sender.pump(now, idleMs >= PAUSE_MS || (live && !this.#gate.talking), live);
    if (this.#wantsSilence) this.#sender.hum(now);
    else this.#resting = over && this.#sender.isEmpty();
  }

  /** Takes the carrier's echo of a mark. */
  onMark(name: string): void {
    this.#sender.look();
    const lateMs = this.#playing.echo(name);
    if (lateMs === undefined) this.#count('mark_unknown');
    else if (this.#pace.live) this.#cushion.echoed(lateMs, this.#clock.now());
  }

  /** As `Sender.recode`. */
  recode(order: ByteOrder): void {
    this.#sender.recode(order);
  }

  /** A new stream of the same rate begins on the same socket: nothing sent before counts, positions begin at zero. */
  restart(codec: Codec): void {
    this.#sender.restart(codec, this.#clock.now());
    this.#gate.reset();
  }

  #hushed(samples: Int16Array): boolean {
    const hushed = rmsDbfs(samples) <= this.#activity.threshold;
    this.#heard.push(samples, this.#onHeard);
    return hushed;
  }

  readonly #onHeard = (frame: Int16Array) => this.#activity.hear(frame);

  /** Looks at what the network has not taken; true when nothing more is to be done in this tick. */
  #waits(now: number): boolean {
    const verdict = this.#sender.lookAtBacklog(now);
    if (verdict === 'stuck') this.#onStuck();
    else if (verdict === 'dropped') this.#gate.reset();
    return verdict !== 'ok';
  }
}
