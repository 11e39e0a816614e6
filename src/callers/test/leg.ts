import type { Counter } from '../../call/counters.ts';
import type { AgentEvent, CallerEvent } from '../../call/events.ts';
import type { CallerLeg, LegContext, Pace, Playout } from '../../call/leg.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { TICK_MS } from '../../call/ticker.ts';
import { BridgeError } from '../../errors.ts';
import type { TapeMark, TapeWriter } from '../../measure/tape.ts';
import type { Effects } from '../../media/effects/chain.ts';
import { type AudioSink, type PcmFrame, samplesToMs } from '../../media/frame.ts';
import { staysWithin } from '../../media/level.ts';
import { QuietRun } from '../../media/quiet-run.ts';
import { SampleFifo } from '../../media/sample-fifo.ts';
import { TEST_RATE } from './kind.ts';
import { OwnPace } from './pace.ts';
import type { Line, Party } from './party.ts';

/** Samples of a frame: 20 ms. */
export const FRAME = (TEST_RATE * TICK_MS) / 1000;
/** Most of the agent's audio that waits to be heard, samples: no answer is longer. */
const MOST_WAITING = TEST_RATE * 180;
/** A live agent's audio that waits longer than this, samples, is late by somebody's stall; it is caught up with where it is quiet. */
const LATE = 4 * FRAME;
/** Magnitude up to which a frame is quiet: about -50 dBFS. */
const QUIET_PEAK = 100;

export interface TestLegInit {
  readonly party: Party;
  /** What becomes of the caller's audio; left out: nothing. */
  readonly effects?: Effects | undefined;
  /** Both sides are laid on it, from the moment media can flow. */
  readonly tape?: TapeWriter | undefined;
  /** Left out: one of its own. */
  readonly pace?: OwnPace | undefined;
}

/** A mark of a frame that has not left the line yet. */
interface Unplaced {
  readonly mark: { -readonly [Key in keyof TapeMark]: TapeMark[Key] };
  /** Samples after the beginning of its frame. */
  readonly offset: number;
}

/**
 * The caller's side of a call whose caller is no person. It has no wire: on the call's clock, every 20 ms, its party hears a frame of what the agent said, as
 * a playout would play it, and says one. After a stall it does all that is due.
 */
export class TestLeg implements CallerLeg {
  readonly kind = 'test';
  readonly rate = TEST_RATE;
  readonly cannot = { transfer: 'The caller is no person, and nobody can connect it to a telephone number.' };
  readonly audio: AudioSink;
  readonly playout: Playout;
  /** What the caller did, on the tape; none without one. */
  readonly marks: TapeMark[] = [];
  /** How well it kept its own time. */
  readonly pace: OwnPace;
  readonly #init: TestLegInit;
  readonly #waiting = new SampleFifo();
  readonly #heard = new Int16Array(FRAME);
  readonly #said = new Int16Array(FRAME);
  readonly #out: { samples: Int16Array; readonly sampleRate: number } = { samples: this.#said, sampleRate: TEST_RATE };
  /** Marks of frames that have not left the line yet, a list for each. */
  readonly #unplaced: Unplaced[][] = [];
  #live = false;
  #played = 0;
  /** How long the agent has been quiet. */
  readonly #quiet = new QuietRun();
  /** Up to where nothing is left out of what waits, samples of the playout: it is whole. */
  #wholeUpTo = 0;
  #context: LegContext<CallerEvent> | undefined;
  /** A tick before the first one. */
  #startedAt: number | undefined;
  #frames = 0;
  #stop: (() => void) | undefined;
  #ended: Termination | undefined;
  #closed = false;

  constructor(init: TestLegInit) {
    this.#init = init;
    this.pace = init.pace ?? new OwnPace();
    this.audio = {
      sampleRate: TEST_RATE,
      write: (frame) => this.#write(frame),
      clear: () => this.#clear(),
      toString: () => `pcm16/${TEST_RATE} -> ${this.kind}`,
    };
    this.playout = {
      writtenMs: () => samplesToMs(this.#played + this.#waiting.length, TEST_RATE),
      playedMs: () => samplesToMs(this.#played, TEST_RATE),
    };
  }

  /** As `CallerLeg.setPace`. */
  setPace(pace: Pace): void {
    this.#live = pace === 'live';
  }

  /** As `CallerLeg.onAgent`. */
  onAgent(event: AgentEvent): AgentEvent {
    if (this.#ended === undefined) this.#init.party.onAgent?.(event);
    return event;
  }

  /** Attaches at once. Rejects with ABORTED when the call is over or the leg was closed. */
  async start(context: LegContext<CallerEvent>): Promise<void> {
    if (this.#context !== undefined) return;
    if (this.#closed || context.signal.aborted) {
      this.#over(termination('caller-hangup', 'the call was over before its test caller began'));
      throw new BridgeError('ABORTED', `the call ended before its ${this.kind} leg was started`);
    }
    this.#context = context;
    if (this.#ended !== undefined) {
      context.emit({ type: 'ended', end: this.#ended });
      return;
    }
    const unsubscribe = context.ticker.subscribe((now) => this.#tick(now));
    const onAbort = () => this.#over(context.signal.reason as Termination);
    context.signal.addEventListener('abort', onAbort, { once: true });
    this.#stop = () => {
      unsubscribe();
      context.signal.removeEventListener('abort', onAbort);
    };
    this.#init.tape?.start();
    this.#init.party.begin(this.#line());
  }

  /** The caller's side is over; the first reason is the one that is told. The leg still is to be closed. */
  end(end: Termination): void {
    if (this.#ended !== undefined) return;
    this.#over(end);
    this.#context?.emit({ type: 'ended', end });
  }

  /** Counts for the call that has it. */
  count(counter: Counter, n = 1): void {
    this.#context?.count(counter, n);
  }

  /** As `Leg.close`. */
  async close(end: Termination): Promise<void> {
    this.#closed = true;
    this.#over(end);
  }

  #line(): Line {
    return {
      mark: (kind, { offset = 0, text, step } = {}) => {
        const more = { ...(text === undefined ? {} : { text }), ...(step === undefined ? {} : { step }) };
        const mark = { at: 0, kind, ...more };
        this.#unplaced.at(-1)?.push({ mark, offset });
        return mark;
      },
      emit: (event) => {
        if (this.#ended === undefined) this.#context?.emit(event);
      },
      noise: (options) => this.#init.effects?.noise(options),
      end: (end) => this.end(end),
    };
  }

  #over(end: Termination): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    this.#stop?.();
    this.#stop = undefined;
    // What the caller did in a frame that never left is at the end of the tape.
    for (const { mark } of this.#unplaced.splice(0).flat()) this.#place(mark, this.#init.tape?.position ?? 0);
    this.#init.party.over(end);
  }

  #write({ samples, sampleRate, whole }: PcmFrame): void {
    const context = this.#context;
    if (context === undefined || this.#ended !== undefined) return;
    if (sampleRate !== TEST_RATE) {
      context.count('frames_invalid');
      return;
    }
    if (this.#waiting.length + samples.length > MOST_WAITING) {
      context.count('ms_dropped_backpressure', Math.round(samplesToMs(samples.length, TEST_RATE)));
      return;
    }
    context.count('frames_out');
    this.#waiting.push(samples);
    if (whole) this.#wholeUpTo = this.#played + this.#waiting.length;
    this.#init.tape?.agent({ samples, sampleRate }, this.pace.waitedMs(context.clock.now()));
  }

  #clear(): void {
    const context = this.#context;
    if (context === undefined || this.#ended !== undefined) return;
    const cleared = this.#waiting.clear();
    this.#wholeUpTo = this.#played;
    this.#quiet.reset();
    const { tape, party } = this.#init;
    if (cleared > 0) {
      context.count('ms_cleared', samplesToMs(cleared, TEST_RATE));
      tape?.clear();
      this.#place({ at: 0, kind: 'clear' }, tape?.position ?? 0);
    }
    party.cleared?.();
  }

  #tick(now: number): void {
    // Counted by whole ticks: against any other moment, a tick a little late or early would send two frames or none.
    this.#startedAt ??= now - TICK_MS;
    const due = Math.round((now - this.#startedAt) / TICK_MS);
    this.pace.tick(now);
    while (this.#frames < due && this.#ended === undefined) {
      this.#frames++;
      this.#frame(this.#startedAt + this.#frames * TICK_MS);
    }
  }

  #frame(due: number): void {
    const { party, effects } = this.#init;
    const heard = this.#heard;
    const mayLeaveOut = this.#live && this.#played >= this.#wholeUpTo && this.#quiet.isPause;
    this.#played += this.#waiting.pull(heard);
    // What a stall made late is caught up with between words.
    if (mayLeaveOut && this.#waiting.length > LATE && staysWithin(heard, QUIET_PEAK))
      this.#played += this.#waiting.pull(heard);
    this.#quiet.add(staysWithin(heard, QUIET_PEAK), TICK_MS);
    const said = this.#said.fill(0);
    this.#unplaced.push([]);
    party.frame(heard, said);
    this.pace.frame(this.#context?.clock.now() ?? due, due, this.#init.tape?.position ?? 0);
    // Noise around him is none of his words, and the tape has to know his pauses: what a stall made late is caught up with there.
    const isPause = staysWithin(said, QUIET_PEAK);
    if (effects === undefined) this.#send(said, isPause);
    else for (const frame of effects.next(said, heard)) this.#send(frame, frame === said ? isPause : undefined);
  }

  #send(samples: Int16Array, isPause?: boolean): void {
    const context = this.#context;
    if (context === undefined || this.#ended !== undefined) return;
    this.#out.samples = samples;
    const at = this.#init.tape?.caller(this.#out, isPause) ?? 0;
    for (const { mark, offset } of this.#unplaced.shift() ?? []) this.#place(mark, at + offset);
    context.count('frames_in');
    context.peer.write(this.#out);
  }

  #place(mark: Unplaced['mark'], at: number): void {
    if (this.#init.tape === undefined) return;
    mark.at = at;
    this.marks.push(mark);
  }
}
