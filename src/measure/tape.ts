import type { Clock } from '../call/clock.ts';
import { Converter } from '../media/converter.ts';
import { msToSamples, type PcmFrame, samplesToMs } from '../media/frame.ts';
import type { TapeFile } from './tape-file.ts';
import { BACK_MOST_MS, TapeTrack } from './tape-track.ts';

/**
 * Both sides of a conversation on one clock, as the caller's end of the line had them: what measures are taken from.
 */

/** Hz of every tape. */
export const TAPE_RATE = 24_000;

/** Both sides, sample by sample at the same time and of the same length. Sample 0 is the moment from which media could flow. */
export interface Tape {
  readonly rate: typeof TAPE_RATE;
  readonly caller: Int16Array;
  readonly agent: Int16Array;
}

/**
 * What the caller did, for it knows what its own audio means. `say`, `interrupt`, `backchannel`, `tic` and `side-talk`: from here on it speaks words that
 * are to be answered, that cut in, that only say it listens, a cough or an "um", or that are for somebody else; `said`: here the audio of that has ended, silence at
 * its end included. `noise-on` and `noise-off`: sound that is no speech. `keys`: keys were pressed, `text` says which. `clear`: what the agent had
 * said and was not played yet was dropped. `hang-up`: the caller ends the call.
 */
export const MARK_KINDS = [
  'say',
  'said',
  'interrupt',
  'backchannel',
  'tic',
  'side-talk',
  'noise-on',
  'noise-off',
  'keys',
  'hang-up',
  'clear',
] as const;
export type TapeMarkKind = (typeof MARK_KINDS)[number];

export interface TapeMark {
  /** Sample of the tape. */
  readonly at: number;
  readonly kind: TapeMarkKind;
  /** The words that are said, or the keys. */
  readonly text?: string;
  /** Index of the script's step that it belongs to, from 0. */
  readonly step?: number;
  /** Not all of its words were said: who said them gave way. */
  readonly cut?: boolean;
}

export interface TapeWriterOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Where it is written as it grows; without, it is in memory alone. */
  readonly file?: TapeFile;
  /** Most that a tape may hold, ms; what comes later is dropped and counted. Default: an hour. */
  readonly mostMs?: number;
}

const MOST_MS = 3_600_000;
/** Audio written to the file at a time, ms. */
const PIECE_MS = 1_000;
/** So long after its time nothing of a sample changes any more, ms. */
const SETTLED_MS = BACK_MOST_MS + 10;

/**
 * Makes a tape of frames as they cross the wire. A frame belongs to the moment of its writing; one that comes while earlier audio of its side is still
 * being played follows that, as with any playout, and so does one of the agent's that is only late by what our own process was, or by what no playout lets be heard. Nothing throws: a frame that cannot be used is dropped and counted. Before `start` nothing is taken.
 */
export class TapeWriter {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #file: TapeFile | undefined;
  readonly #most: number;
  readonly #caller: TapeTrack;
  readonly #agent: TapeTrack;
  readonly #fromCaller = new Converter(TAPE_RATE);
  readonly #fromAgent = new Converter(TAPE_RATE);
  #startedAt: number | undefined;
  #closedAt: number | undefined;
  #written = 0;
  #dropped = 0;

  constructor(options: TapeWriterOptions) {
    this.#clock = options.clock;
    this.#file = options.file;
    this.#most = msToSamples(options.mostMs ?? MOST_MS, TAPE_RATE);
    this.#caller = new TapeTrack(TAPE_RATE, this.#most);
    this.#agent = new TapeTrack(TAPE_RATE, this.#most);
  }

  /** From now on media can flow: now is sample 0. A second call does nothing. */
  start(): void {
    this.#startedAt ??= this.#clock.now();
  }

  /** The sample that is now; 0 before `start`, and where it stood after `close`. */
  get position(): number {
    if (this.#startedAt === undefined) return 0;
    const ms = (this.#closedAt ?? this.#clock.now()) - this.#startedAt;
    return Math.min(this.#most, msToSamples(ms, TAPE_RATE));
  }

  /** How much of the agent's audio is not played yet, ms. */
  get unplayedMs(): number {
    return samplesToMs(Math.max(0, this.#agent.end - this.position), TAPE_RATE);
  }

  /** Frames that could not be used, or whose time the tape has no room for. */
  get dropped(): number {
    return this.#dropped + this.#caller.dropped + this.#agent.dropped;
  }

  /** What the caller says, now. Returns the sample of the tape at which the frame begins: what marks of it are set by. `isPause`: he says nothing in it, whatever else sounds around him. */
  caller(frame: PcmFrame, isPause?: boolean): number {
    return this.#take(this.#caller, this.#fromCaller, frame, 0, isPause);
  }

  /** What the agent says, come in now. `waitedMs`: it may have been there so much sooner, since the process that takes it stood still until now. */
  agent(frame: PcmFrame, waitedMs = 0): void {
    this.#take(this.#agent, this.#fromAgent, frame, msToSamples(waitedMs, TAPE_RATE));
  }

  /** What the agent said and has not been played by now never will be. */
  clear(): void {
    this.#agent.cut(this.position);
    this.#fromAgent.reset();
  }

  /** A copy of all up to now. What is not played yet is not in it. */
  tape(): Tape {
    const end = this.position;
    return { rate: TAPE_RATE, caller: this.#caller.copy(0, end), agent: this.#agent.copy(0, end) };
  }

  /** Ends the tape now and writes what is left. Idempotent. Rejects with what the file system says when the file is not whole. */
  async close(): Promise<void> {
    if (this.#closedAt === undefined) {
      this.#closedAt = this.#clock.now();
      this.#write(this.position);
    }
    await this.#file?.close();
  }

  #take(track: TapeTrack, converter: Converter, frame: PcmFrame, waited = 0, isPause?: boolean): number {
    if (this.#startedAt === undefined || this.#closedAt !== undefined) return this.position;
    let begins = this.position;
    try {
      begins = track.write(converter.convert(frame), this.position, waited, isPause);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#dropped++;
    }
    const settled = this.position - msToSamples(SETTLED_MS, TAPE_RATE);
    if (settled - this.#written >= msToSamples(PIECE_MS, TAPE_RATE)) this.#write(settled);
    return begins;
  }

  #write(until: number): void {
    this.#file?.write([this.#caller.copy(this.#written, until), this.#agent.copy(this.#written, until)]);
    this.#written = until;
  }
}
