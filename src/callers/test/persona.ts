import type { AgentEvent } from '../../call/events.ts';
import type { AgentLeg } from '../../call/leg.ts';
import { PlayoutLedger } from '../../call/playout.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { TICK_MS } from '../../call/ticker.ts';
import { BridgeError } from '../../errors.ts';
import { type AudioSink, samplesToMs } from '../../media/frame.ts';
import { staysWithin } from '../../media/level.ts';
import { link } from '../../media/link.ts';
import { SampleFifo } from '../../media/sample-fifo.ts';
import { Ear } from './ear.ts';
import { type CallerState, type Done, TEST_RATE, type TestCallerDeps } from './kind.ts';
import type { Line, Party } from './party.ts';
import { HANG_UP } from './persona-words.ts';

export interface PersonaInit extends Pick<TestCallerDeps, 'clock' | 'ticker' | 'log'> {
  /** The agent that plays the caller; not started yet. */
  readonly agent: AgentLeg;
  /** Turns, and ms, after which the caller hangs up. */
  readonly maxTurns: number;
  readonly mostMs: number;
  /** So long nobody speaks before the caller asks whether somebody is there, ms. */
  readonly patienceMs: number;
  readonly done: Done;
}

/** How long its session may take to be there, ms. */
const READY_MS = 20_000;
/** When nobody has spoken for so long from the beginning, the caller does, ms. */
const SILENT_MS = 6_000;
const SPEAK_FIRST =
  'The line is open and nobody has said anything. Say hello and why you call, in one short sentence, as the caller.';
const ASK =
  'Nobody has said anything for a while. Ask whether somebody is still there, in a few words, as the caller, or go on with what you want.';
/** How often it is asked before the caller has had enough. */
const ASKS = 2;
/** The last of a live voice comes behind the event that it is over: frames of silence until the caller is through. */
const LAST_FRAMES = 5;
/** Magnitude up to which a frame of a live voice is silence: about -50 dBFS. */
const QUIET_PEAK = 100;
/** Frames between two times at which the model is told what of it was heard. */
const HEARD_FRAMES = 5;

/** Something to write down when the voice comes to this sample. */
interface VoiceMark {
  readonly at: number;
  readonly kind: 'say' | 'said';
  readonly itemId: string;
}

/**
 * A caller whom a model plays. The model hears what the agent says and speaks as its own turn detection has it, in full duplex; spoken over, it stops, and is told how
 * far it was heard, as with any caller. It hangs up by its tool, by its turns or by its time, and when nobody answers it.
 */
export class Persona implements Party {
  readonly #init: PersonaInit;
  readonly #agent: AgentLeg;
  readonly #ear = new Ear();
  readonly #abort = new AbortController();
  readonly #voice = new SampleFifo();
  readonly #ledger = new PlayoutLedger();
  readonly #toAgent: AudioSink;
  readonly #ready = Promise.withResolvers<void>();
  readonly #words = new Map<string, string>();
  /** The marks whose words are still being told. */
  readonly #saying = new Map<string, { text?: string; cut?: boolean }>();
  #marks: VoiceMark[] = [];
  #written = 0;
  #played = 0;
  /** Up to there something of its voice sounds, samples. */
  #soundTo = 0;
  /** Frames for which nothing of its own was left to be said. */
  #ownQuiet = 0;
  #frames = 0;
  #turns = 0;
  #lastResponse: string | undefined;
  #speaking: string | undefined;
  #anybodySpoke = false;
  /** Frames since anybody spoke, or was last asked to. */
  #silentFrames = 0;
  /** When the agent was last heard, frames of the call, and how often the silence was asked about since. */
  #heardAt = 0;
  #asked = 0;
  /** The caller said something that the agent has not answered. */
  #isOwed = false;
  #leaving: CallerState | undefined;
  #finished: CallerState | undefined;
  #broken: string | undefined;
  #line: Line | undefined;
  #over = false;

  constructor(init: PersonaInit) {
    this.#init = init;
    this.#agent = init.agent;
    this.#toAgent = link(TEST_RATE, init.agent.audio);
    this.#ready.promise.catch(() => {});
  }

  /** Starts the model's session; resolves when it can hear. Rejects with what its leg rejects with, or MODEL_UNAVAILABLE where it ends or takes too long. */
  async prepare(): Promise<void> {
    const { clock, ticker, log } = this.#init;
    const sink: AudioSink = {
      sampleRate: TEST_RATE,
      write: ({ samples }) => this.#take(samples),
      clear: () => this.#cut(),
      toString: () => 'persona',
    };
    const late = clock.after(READY_MS, () => this.#ready.reject(unavailable('its session took too long')));
    try {
      await this.#agent.start({
        callId: 'persona',
        peer: link(this.#agent.rate, sink),
        emit: (event) => this.#onEvent(event),
        count: () => {},
        log: log.child({ part: 'persona' }),
        clock,
        ticker,
        signal: this.#abort.signal,
      });
      await this.#ready.promise;
    } catch (error) {
      this.#close(termination('internal'));
      throw error;
    } finally {
      late.cancel();
    }
  }

  begin(line: Line): void {
    this.#line = line;
  }

  frame(heard: Int16Array, said: Int16Array): void {
    const line = this.#line;
    if (line === undefined) return;
    const { mostMs, maxTurns } = this.#init;
    this.#frames++;
    this.#ear.push(heard);
    this.#anybodySpoke ||= this.#ear.spoke || this.#voice.length > 0;
    this.#toAgent.write({ samples: heard, sampleRate: TEST_RATE });
    this.#say(said, line);
    this.#wait();
    if (this.#frames % HEARD_FRAMES === 0)
      for (const part of this.#ledger.news(this.#ms(this.#played), this.#ms(this.#written))) this.#agent.heard?.(part);
    if (this.#turns > maxTurns) this.#leaving ??= 'timeout';
    if (this.#broken !== undefined) this.#leave(line, 'invalid');
    else if (this.#frames * TICK_MS >= mostMs) this.#leave(line, 'timeout');
    else if (this.#leaving !== undefined && this.#ownQuiet >= LAST_FRAMES) this.#leave(line, this.#leaving);
  }

  /** Asks when nobody speaks, and has enough of it in the end. */
  #wait(): void {
    if (this.#ear.hasWord) {
      this.#asked = 0;
      this.#isOwed = false;
      this.#heardAt = this.#frames;
    }
    const isSaying = this.#speaking !== undefined || this.#voice.length > 0;
    this.#ownQuiet = isSaying ? 0 : this.#ownQuiet + 1;
    if (isSaying) this.#isOwed = true;
    if (this.#ear.hasWord || isSaying) this.#silentFrames = 0;
    else this.#silentFrames++;
    const { patienceMs } = this.#init;
    if (this.#silentFrames * TICK_MS < (this.#anybodySpoke ? patienceMs : SILENT_MS)) return;
    this.#silentFrames = 0;
    if (this.#asked++ < ASKS) {
      this.#agent.respond?.(this.#anybodySpoke ? ASK : SPEAK_FIRST);
      return;
    }
    // Where it was the caller's turn his own model is to blame.
    if (this.#isOwed) this.#leaving ??= 'gave-up';
    else this.#broken ??= 'the model that plays the caller says nothing';
  }

  over(end: Termination): void {
    if (this.#over) return;
    this.#over = true;
    this.#close(end);
    // Many agents hang up at a goodbye: whoever was saying his last words was through.
    const wasLeaving = this.#leaving === 'done' && end.reason === 'agent-hangup';
    const state = this.#finished ?? (wasLeaving ? 'done' : 'hung-up-on');
    const reason = this.#broken ?? this.#reasonOf(state);
    this.#init.done({ state, ...(reason === undefined ? {} : { reason }), expectations: [], end });
  }

  #reasonOf(state: CallerState): string | undefined {
    const { mostMs, maxTurns } = this.#init;
    if (state === 'timeout')
      return this.#turns > maxTurns
        ? `the caller had more than ${maxTurns} turns`
        : `the call was longer than ${mostMs / 1000} s`;
    if (state === 'gave-up')
      return `the agent said nothing for ${Math.round(((this.#frames - this.#heardAt) * TICK_MS) / 1000)} s`;
    return state === 'hung-up-on' ? 'the call was over before the caller hung up' : undefined;
  }

  #leave(line: Line, state: CallerState): void {
    this.#finished = state;
    line.mark('hang-up');
    line.end(termination('caller-hangup'));
  }

  /** Takes what the model says. A live one sends silence, too, and of that none waits: it would be as late as the longest stall, and the caller never through with his words. */
  #take(samples: Int16Array): void {
    const isQuiet = this.#agent.pace === 'live' && staysWithin(samples, QUIET_PEAK);
    this.#written += samples.length;
    if (isQuiet && this.#soundTo <= this.#played) {
      this.#voice.clear();
      this.#played = this.#written;
      return;
    }
    this.#voice.push(samples);
    if (!isQuiet) this.#soundTo = this.#written;
  }

  /** Puts the next of its voice into a frame that is silence. */
  #say(said: Int16Array, line: Line): void {
    const from = this.#played;
    this.#played += this.#voice.pull(said);
    while (this.#marks[0] !== undefined && this.#marks[0].at <= this.#played) {
      const { at, kind, itemId } = this.#marks[0];
      // The first sample of an item may not have come yet.
      if (kind === 'say' && at === this.#played && this.#voice.length === 0) break;
      this.#marks.shift();
      const text = kind === 'say' ? this.#words.get(itemId) : undefined;
      const mark = line.mark(kind, { offset: Math.max(0, at - from), ...(text === undefined ? {} : { text }) });
      if (kind === 'say') this.#saying.set(itemId, mark);
      this.#speaking = kind === 'say' ? itemId : undefined;
    }
  }

  #onEvent(event: AgentEvent): void {
    switch (event.type) {
      case 'ready':
        this.#ready.resolve();
        return;
      case 'audio_started':
        if (event.responseId !== this.#lastResponse) this.#turns++;
        this.#lastResponse = event.responseId;
        this.#ledger.begin(event, this.#ms(this.#written));
        this.#marks.push({ at: this.#written, kind: 'say', itemId: event.itemId });
        return;
      case 'audio_done':
        this.#ledger.end(event.itemId, this.#ms(this.#written));
        this.#marks.push({ at: this.#written, kind: 'said', itemId: event.itemId });
        return;
      case 'speech_started':
        this.#yield();
        return;
      case 'transcript':
        if (event.role === 'agent') this.#tell(event.itemId, event.text, event.final);
        return;
      case 'tool_call':
        if (event.name === HANG_UP.name) this.#leaving ??= 'done';
        return;
      case 'ended':
        this.#ready.reject(unavailable(event.end.reason));
        this.#broken ??= `the model that plays the caller is gone: ${event.end.reason}`;
        return;
      default:
        return;
    }
  }

  /** The agent speaks, and the caller stops, as people do; the model is told how far it was heard. */
  #yield(): void {
    const played = this.#ms(this.#played);
    if (!this.#ledger.inPlay(played)) return;
    const heard = this.#ledger.heard(played, this.#ms(this.#written));
    this.#cut();
    this.#agent.interrupt(heard);
    this.#ledger.cut();
  }

  #cut(): void {
    this.#written -= this.#voice.clear();
    this.#soundTo = Math.min(this.#soundTo, this.#written);
    const speaking = this.#speaking;
    const mark = speaking === undefined ? undefined : this.#saying.get(speaking);
    if (mark !== undefined) mark.cut = true;
    // What it was saying ends here.
    this.#marks = speaking === undefined ? [] : [{ at: this.#written, kind: 'said', itemId: speaking }];
  }

  #tell(itemId: string, text: string, final: boolean): void {
    const words = final ? text : (this.#words.get(itemId) ?? '') + text;
    this.#words.set(itemId, words);
    const mark = this.#saying.get(itemId);
    if (mark !== undefined) mark.text = words;
  }

  #close(end: Termination): void {
    this.#abort.abort(end);
    void this.#agent.close(end);
  }

  #ms(samples: number): number {
    return samplesToMs(samples, TEST_RATE);
  }
}

const unavailable = (why: string) => new BridgeError('MODEL_UNAVAILABLE', `the model that plays the caller: ${why}`);
