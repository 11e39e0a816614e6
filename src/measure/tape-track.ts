import { staysWithin } from '../media/level.ts';

/**
 * One side of a tape: where each sample goes that comes in pieces, as a playout clock has it. A piece begins when it comes, or when what came before it
 * has been played; one that is late because our own process stood still follows what came before it, since it had come by then. A pause of the wire's own, of which the rest of the speech is late for good, is taken back where it is quiet; otherwise one stall would
 * be in every latency after it. Pure; times are samples.
 */

/** Magnitude up to which a sample is quiet: about -50 dBFS. */
const QUIET = 100;
/** Within speech, a piece this much late follows on: a playout has two frames in front of it before it begins, and nobody hears that one came so late, ms. */
const JITTER_MS = 40;
/** The longest pause that is taken for one of the wire or of our own process, and not of the speaker, ms. */
const STALL_MS = 500;
/** No piece is laid further back than this, ms. */
export const BACK_MOST_MS = STALL_MS + JITTER_MS;
/** Over so long every piece has to come early before it is known that the side is late for good, ms (twice this at the most). */
const LOOK_MS = 200;
/** Most that may wait to be played, ms: nobody says so much at once. */
const AHEAD_MS = 180_000;
/** Room that a track begins with, seconds. */
const FIRST_SECONDS = 30;

export class TapeTrack {
  readonly #room: number;
  readonly #rate: number;
  #samples: Int16Array;
  #end = 0;
  /** Whether the piece before was quiet. */
  #quiet = true;
  /** Silence put in because the wire stood still, which nobody meant, as far as the side is late by it still. */
  #stalled = 0;
  /** The least by which a piece came before its place, since the last two looks. */
  #least = Number.POSITIVE_INFINITY;
  #leastBefore = 0;
  /** The most, likewise. */
  #most = 0;
  #mostBefore = 0;
  #lookedAt = 0;
  #dropped = 0;

  /** `most`: samples it may hold. */
  constructor(rate: number, most: number) {
    this.#rate = rate;
    this.#room = most;
    this.#samples = new Int16Array(Math.min(most, rate * FIRST_SECONDS));
  }

  /** Where the next piece goes when it follows on the last. */
  get end(): number {
    return this.#end;
  }

  /** Pieces there was no room for. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Takes the next samples, which came at `at`, and may have waited for our own process for `waited` of that. Times never go back. Returns where the piece's first sample
   * lies, or would where it is left out. `isPause`: nobody speaks in it, though there may be noise; left out, it is one where it is quiet.
   */
  write(piece: Int16Array, at: number, waited = 0, isPause?: boolean): number {
    const quiet = staysWithin(piece, QUIET);
    const from = (isPause ?? quiet) ? this.#late(at, piece.length) : 0;
    const early = this.#end - at;
    if (-early > this.#slack(quiet || this.#quiet, waited)) {
      // One stall may come while the side is late by another.
      this.#stalled = -early <= this.#ms(STALL_MS) ? this.#stalled - early : 0;
      this.#end = at;
      // By how much it is late now is known when what comes behind the stall has come.
      this.#most = Number.POSITIVE_INFINITY;
    }
    this.#look(Math.max(0, this.#end - at), at);
    this.#quiet = quiet;
    const begins = this.#end - from;
    this.#put(from === 0 ? piece : piece.subarray(from), at);
    return begins;
  }

  /** Forgets what lies behind `at`. */
  cut(at: number): void {
    if (at >= this.#end) return;
    this.#samples.fill(0, at, this.#end);
    this.#end = at;
    this.#stalled = 0;
  }

  /** The samples of [from, to); silence where nothing came. */
  copy(from: number, to: number): Int16Array {
    const out = new Int16Array(Math.max(0, to - from));
    out.set(this.#samples.subarray(from, Math.min(to, this.#samples.length)));
    return out;
  }

  /** So late a piece may be and follow on all the same. Beside silence the wire's own lateness is none: words begin and end when they come. */
  #slack(beside: boolean, waited: number): number {
    return Math.min(waited, this.#ms(STALL_MS)) + (beside ? 0 : this.#ms(JITTER_MS));
  }

  /** How much of a quiet piece to leave out because the side is late by a stall, and no more than that: a source that sends ahead is not late. */
  #late(at: number, length: number): number {
    const least = Math.min(this.#least, this.#leastBefore, this.#end - at);
    if (least <= 0 || least > this.#stalled + this.#ms(JITTER_MS)) return 0;
    const out = Math.min(least, length);
    this.#stalled = Math.max(0, this.#stalled - out);
    this.#least -= out;
    this.#leastBefore -= out;
    // What is left out moves all that follows towards its own time.
    return out;
  }

  #look(early: number, at: number): void {
    if (at - this.#lookedAt >= this.#ms(LOOK_MS)) {
      // Late by more than the latest piece was nobody.
      this.#stalled = Math.min(this.#stalled, Math.max(this.#most, this.#mostBefore));
      this.#leastBefore = this.#least;
      this.#mostBefore = this.#most;
      this.#least = Number.POSITIVE_INFINITY;
      this.#most = 0;
      this.#lookedAt = at;
    }
    this.#least = Math.min(this.#least, early);
    this.#most = Math.max(this.#most, early);
  }

  #put(piece: Int16Array, at: number): void {
    const end = this.#end + piece.length;
    if (end > this.#room || end - at > this.#ms(AHEAD_MS)) {
      this.#dropped++;
      return;
    }
    if (end > this.#samples.length) {
      const larger = new Int16Array(Math.min(this.#room, Math.max(end, this.#samples.length * 2)));
      larger.set(this.#samples);
      this.#samples = larger;
    }
    this.#samples.set(piece, this.#end);
    this.#end = end;
  }

  #ms(ms: number): number {
    return (ms * this.#rate) / 1000;
  }
}
