import type { AudioSink, PcmFrame } from '../media/frame.ts';
import type { Clock, Timer } from './clock.ts';
import { Ticker } from './ticker.ts';

/**
 * Where a bug in one call stops: whatever goes off in its timers, on the media clock, or in what its legs tell and write, is told here and
 * thrown no further, so that it ends this call and no other. The process would go with it otherwise, and all its calls.
 */
export class Boundary {
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly #broke: (error: unknown) => void;

  /** `broke` is told each error; it must not throw. */
  constructor(clock: Clock, ticker: Ticker, broke: (error: unknown) => void) {
    this.#broke = broke;
    this.clock = {
      now: () => clock.now(),
      wall: () => clock.wall(),
      after: (ms, fn): Timer => clock.after(ms, () => this.run(fn)),
    };
    this.ticker = new BoundedTicker(clock, ticker, this);
  }

  /** Does it; an error is told. */
  run(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#broke(error);
    }
  }

  /** The sink, behind which nothing throws. */
  sink(inner: AudioSink): AudioSink {
    const broke = this.#broke;
    return {
      sampleRate: inner.sampleRate,
      write(frame: PcmFrame): void {
        // Not by `run`: fifty times a second a function less is made for each call.
        try {
          inner.write(frame);
        } catch (error) {
          broke(error);
        }
      },
      clear: () => this.run(() => inner.clear()),
      toString: () => inner.toString(),
    };
  }
}

/** The process's ticker, as one call sees it. */
class BoundedTicker extends Ticker {
  readonly #inner: Ticker;
  readonly #boundary: Boundary;

  constructor(clock: Clock, inner: Ticker, boundary: Boundary) {
    super(clock);
    this.#inner = inner;
    this.#boundary = boundary;
  }

  override subscribe(fn: (now: number) => void): () => void {
    return this.#inner.subscribe(this.#guarded(fn));
  }

  override subscribeSlowly(fn: (now: number) => void): () => void {
    return this.#inner.subscribeSlowly(this.#guarded(fn));
  }

  override get size(): number {
    return this.#inner.size;
  }

  #guarded(fn: (now: number) => void): (now: number) => void {
    return (now) => this.#boundary.run(() => fn(now));
  }
}
