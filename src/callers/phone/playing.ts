import type { Clock } from '../../call/clock.ts';
import type { Playout } from '../../call/leg.ts';
import { msToSamples, samplesToMs } from '../../media/frame.ts';
import { CarrierClock } from './carrier-clock.ts';
import { Marks } from './marks.ts';
import { Positions } from './positions.ts';
import type { PhoneWire } from './wire.ts';

/** A round trip beyond this is a stall, not a distance, ms. */
const MAX_RTT_MS = 500;
/** How far past an unanswered mark the carrier may be believed to have played, beside the round trip: its frame, ms. */
const MARK_GRAIN_MS = 20;

/**
 * How far the carrier has come in playing the agent's audio: by the clock, by marks, and by the books of what was written against what was
 * sent. It is told what is written and sent, and sends nothing itself. All in samples of the rate that is played, but what it tells others.
 */
export class Playing implements Playout {
  readonly #rate: number;
  readonly #wire: Pick<PhoneWire, 'rttMs'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #marks = new Marks();
  #carrier: CarrierClock;
  #positions = new Positions();
  /** Newest played position told: it never falls within a stream. */
  #played = 0;

  constructor(rate: number, wire: Pick<PhoneWire, 'rttMs'>, clock: Pick<Clock, 'now'>) {
    this.#rate = rate;
    this.#wire = wire;
    this.#clock = clock;
    this.#carrier = new CarrierClock(rate);
  }

  writtenMs(): number {
    return samplesToMs(this.#positions.writtenEnd, this.#rate);
  }

  playedMs(): number {
    return samplesToMs(this.#playedSamples(this.#clock.now()), this.#rate);
  }

  /** Audio that the carrier will not have played when what is sent now arrives, by estimation, ms. */
  unplayedMs(now: number): number {
    return this.#carrier.unplayedMs(now + this.#oneWayMs());
  }

  /** Marks that have not come back. */
  get marksOut(): number {
    return this.#marks.size;
  }

  /** The agent wrote so many samples, and they are going to be sent. */
  wrote(samples: number): void {
    this.#positions.add(samples);
  }

  /** Silence of our own is going to be sent behind what was written. */
  padded(samples: number): void {
    this.#positions.pad(samples);
  }

  /** The agent wrote silence, and it is left out. */
  skipped(samples: number): void {
    this.#positions.skip(samples);
  }

  /** So many samples of what was written or padded were sent now. */
  sent(samples: number, now: number): void {
    this.#carrier.onSent(samples, now, this.#oneWayMs());
  }

  /** Moves the books of positions on, so that they stay short however rarely anybody asks how far playing has come. */
  settle(now: number): void {
    this.#playedSamples(now);
  }

  /** The name of a mark that is to be sent now, behind all that was sent. */
  mark(now: number): string {
    this.settle(now);
    return this.#marks.set(this.#carrier.sent, this.#carrier.unplayedMs(now), now);
  }

  /** Takes the carrier's echo of a mark. Returns how late it came, ms, 0 where it says nothing; undefined when no such mark was ever set. */
  echo(name: string): number | undefined {
    const echo = this.#marks.echo(name);
    if (echo.kind !== 'heard') return echo.kind === 'unknown' ? undefined : 0;
    return this.#carrier.onEcho(echo.position, this.#clock.now(), 2 * this.#oneWayMs());
  }

  /** Gives up marks that never came back; returns how many. */
  expire(now: number): number {
    return this.#marks.expire(now);
  }

  /** What was not played by now never will be. Returns how much of what was written that is, ms. */
  discard(now: number): number {
    const played = this.#playedSamples(now);
    const ms = samplesToMs(this.#positions.writtenEnd - played, this.#rate);
    this.#marks.clear();
    this.#carrier.flush();
    this.#positions.rewind(this.#carrier.sent, played);
    return ms;
  }

  /** A new stream of the same rate begins, after `discard`: positions begin at zero, and no mark of the old one counts. */
  restart(): void {
    this.#carrier = new CarrierClock(this.#rate);
    this.#positions = new Positions();
    this.#played = 0;
  }

  #oneWayMs(): number {
    return Math.min(this.#wire.rttMs ?? 0, MAX_RTT_MS) / 2;
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
}
