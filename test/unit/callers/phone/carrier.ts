import { twilio } from '../../../../src/callers/phone/carriers/twilio/media.ts';
import { PHONE_LEG_DEFAULTS, type PhoneLegOptions, withDefaults } from '../../../../src/callers/phone/options.ts';
import { Outbound, type OutboundInit } from '../../../../src/callers/phone/outbound.ts';
import { type Codec, pcmu } from '../../../../src/media/codecs.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { counts } from './counts.ts';

/** Something in the carrier's buffer: audio bytes, or a mark between them. */
type Item = { bytes: Buffer; at: number } | { mark: string };

/**
 * A carrier on a fake clock: takes messages after a one-way delay, plays 20 ms at a time on a grid of its own, echoes marks when the
 * audio before them was played, and sends all of them back on `clear`. It keeps what it played and when.
 */
export class FakeCarrier {
  readonly #clock: FakeClock;
  readonly #codec: Codec;
  readonly #oneWayMs: number;
  readonly #echo: (name: string) => void;
  #items: Item[] = [];
  /** How long it buffers before it begins a talkspurt, ms. */
  prebufferMs = 0;
  echoes = true;
  #startAt: number | undefined;
  /** All bytes played that came from us. */
  played: number[] = [];
  /** For every frame played: when it began, and the bytes played before it. */
  frames: Array<{ at: number; before: number; bytes: number }> = [];
  received: Array<{ at: number; event: 'media' | 'mark' | 'clear'; bytes: number }> = [];
  /** Most unplayed audio there ever was, ms. */
  maxUnplayedMs = 0;
  /** Frames that ran dry while `talking` said that somebody was speaking. */
  underruns = 0;
  talking: () => boolean = () => false;

  constructor(clock: FakeClock, codec: Codec, oneWayMs: number, echo: (name: string) => void) {
    this.#clock = clock;
    this.#codec = codec;
    this.#oneWayMs = oneWayMs;
    this.#echo = echo;
    const frame = () => {
      this.#playFrame();
      clock.after(20, frame);
    };
    clock.after(3, frame);
  }

  get #bytesPerMs(): number {
    return (this.#codec.sampleRate * this.#codec.bytesPerSample) / 1000;
  }

  get unplayedMs(): number {
    let bytes = 0;
    for (const item of this.#items) if ('bytes' in item) bytes += item.bytes.length - item.at;
    return bytes / this.#bytesPerMs;
  }

  /** The bytes played at a time gone by, in steps of a frame. */
  playedAt(time: number): number {
    const frame = this.frames.findLast((f) => f.at <= time);
    if (frame === undefined) return 0;
    return frame.before + Math.min(frame.bytes, (time - frame.at) * this.#bytesPerMs);
  }

  media(payload: string): boolean {
    this.#later(() => {
      const bytes = Buffer.from(payload, 'base64');
      if (this.unplayedMs === 0) this.#startAt = this.#clock.now() + this.prebufferMs;
      this.#items.push({ bytes, at: 0 });
      this.maxUnplayedMs = Math.max(this.maxUnplayedMs, this.unplayedMs);
      this.received.push({ at: this.#clock.now(), event: 'media', bytes: bytes.length });
    });
    return true;
  }

  mark(name: string): boolean {
    this.#later(() => {
      this.received.push({ at: this.#clock.now(), event: 'mark', bytes: 0 });
      this.#items.push({ mark: name });
      if (this.unplayedMs === 0) this.#answerMarks();
    });
    return true;
  }

  clear(): boolean {
    this.#later(() => {
      this.received.push({ at: this.#clock.now(), event: 'clear', bytes: 0 });
      this.#items = this.#items.filter((item) => 'mark' in item);
      this.#answerMarks();
    });
    return true;
  }

  #later(fn: () => void): void {
    this.#clock.after(this.#oneWayMs, fn);
  }

  #answerMarks(): void {
    while (this.#items.length > 0 && 'mark' in this.#items[0]!) {
      const { mark } = this.#items.shift() as { mark: string };
      if (this.echoes) this.#later(() => this.#echo(mark));
    }
  }

  #playFrame(): void {
    // Marks behind audio that ended with the frame before this one.
    this.#answerMarks();
    if (this.#startAt !== undefined && this.#clock.now() < this.#startAt) return;
    const want = 20 * this.#bytesPerMs;
    const before = this.played.length;
    let got = 0;
    while (got < want && this.#items.length > 0) {
      const item = this.#items[0]!;
      if ('mark' in item) {
        this.#answerMarks();
        continue;
      }
      const end = Math.min(item.bytes.length, item.at + want - got);
      for (let i = item.at; i < end; i++) this.played.push(item.bytes[i]!);
      got += end - item.at;
      item.at = end;
      if (item.at === item.bytes.length) this.#items.shift();
    }
    if (got > 0) this.frames.push({ at: this.#clock.now(), before, bytes: got });
    if (got < want && this.talking()) this.underruns++;
  }
}

/** An Outbound between a scripted agent and a fake carrier. Our process can be stalled; the carrier and the agent never are. */
export class OutboundRig {
  readonly clock = new FakeClock();
  readonly counts = counts();
  readonly carrier: FakeCarrier;
  readonly outbound: Outbound;
  bufferedBytes = 0;
  stuck = 0;
  /** Positions told and the time they are about. */
  told: Array<{ about: number; playedMs: number; writtenMs: number }> = [];
  readonly #codec: Codec;
  #stalledUntil = 0;
  #waiting: Array<() => void> = [];
  #nextTick = 7;

  constructor(
    init: {
      codec?: Codec;
      rules?: OutboundInit['rules'];
      oneWayMs?: number;
      rttKnown?: boolean;
      options?: Partial<PhoneLegOptions>;
    } = {},
  ) {
    const { codec = pcmu, oneWayMs = 0, rttKnown = true } = init;
    this.#codec = codec;
    this.carrier = new FakeCarrier(this.clock, codec, oneWayMs, (name) =>
      this.#inProcess(() => this.outbound.onMark(name)),
    );
    const rig = this;
    this.outbound = new Outbound({
      codec,
      rules: init.rules ?? twilio,
      wire: {
        media: (payload) => this.carrier.media(payload),
        binary: (payload) => this.carrier.media(payload.toString('base64')),
        mark: (name) => this.carrier.mark(name),
        clear: () => this.carrier.clear(),
        cork() {},
        uncork() {},
        get bufferedBytes() {
          return rig.bufferedBytes;
        },
        rttMs: rttKnown ? 2 * oneWayMs : undefined,
      },
      onStuck: () => {
        this.stuck++;
      },
      count: this.counts.count,
      clock: this.clock,
      options: withDefaults({ ...PHONE_LEG_DEFAULTS, ...init.options }),
    });
    this.#oneWayMs = oneWayMs;
  }

  readonly #oneWayMs: number;

  /** The agent's transport gives these samples; they are seen when our event loop next runs. */
  write(samples: Int16Array): void {
    const copy = samples.slice();
    this.#inProcess(() => this.outbound.write(copy));
  }

  stall(ms: number): void {
    this.#stalledUntil = this.clock.now() + ms;
  }

  /** Runs `ms`, calling `each` every millisecond with the time since the start. */
  run(ms: number, each: (t: number) => void = () => {}): void {
    for (let t = 0; t < ms; t++) {
      each(t);
      this.clock.advance(1);
      const now = this.clock.now();
      if (now < this.#stalledUntil) continue;
      // A loop that wakes runs its timers first, then what came in.
      if (now >= this.#nextTick) {
        this.outbound.tick(now);
        this.#nextTick += 20 * Math.ceil((now + 1 - this.#nextTick) / 20);
        this.#tell();
      }
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const fn of waiting) fn();
    }
  }

  /** Largest difference between what was told to be played and what really was, ms. `skipMs` of the start are left out. */
  worstError(skipMs = 0): number {
    let worst = 0;
    for (const { about, playedMs } of this.told) {
      if (about < skipMs || about > this.clock.now()) continue;
      const real = this.carrier.playedAt(about) / ((this.#codec.sampleRate * this.#codec.bytesPerSample) / 1000);
      worst = Math.max(worst, Math.abs(real - playedMs));
    }
    return worst;
  }

  #tell(): void {
    this.told.push({
      about: this.clock.now() + this.#oneWayMs,
      playedMs: this.outbound.playedMs(),
      writtenMs: this.outbound.writtenMs(),
    });
  }

  #inProcess(fn: () => void): void {
    if (this.clock.now() < this.#stalledUntil) this.#waiting.push(fn);
    else fn();
  }
}

/** A tone of `ms` at 8 kHz, loud all the time. `from` continues it. */
export function speech(ms: number, rate = 8000, from = 0): Int16Array {
  return Int16Array.from({ length: (ms * rate) / 1000 }, (_, i) => 4_000 + ((from + i) % 4_000));
}

export function quiet(ms: number, rate = 8000): Int16Array {
  return new Int16Array((ms * rate) / 1000);
}
