import { dtmfSamples, KEY_MS } from '../../call/dtmf-tones.ts';
import type { AgentEvent } from '../../call/events.ts';
import { type Termination, termination } from '../../call/termination.ts';
import { TICK_MS } from '../../call/ticker.ts';
import { Ear } from './ear.ts';
import { describe, Expected, wordsIn } from './expected.ts';
import { type CallerState, type Done, type Expectation, NO_WORDS, TEST_RATE, type Untold } from './kind.ts';
import { Mouth, type Utterance } from './mouth.ts';
import type { Line, Party } from './party.ts';
import { type Step, TURN_PAUSE_MS, WITHIN_MS } from './steps.ts';
import { Told } from './told.ts';

export interface ScriptInit {
  readonly steps: readonly Step[];
  /** What each step says, by its number; made before the call, so that nothing is waited for in it. */
  readonly utterances: ReadonlyMap<number, Utterance>;
  /** Longest call, ms. */
  readonly mostMs: number;
  /** Whether the caller waits behind its last step until its last words were answered, or were not for as long as waits take. Left out: it hangs up at once. */
  readonly awaitsAnswer?: boolean | undefined;
  /** Told once, when the caller's side is over. */
  readonly done: Done;
}

/** What a step does in each frame: true when the next one may begin. */
type Running = () => boolean;

/**
 * A caller who follows a script. Whatever it waits for, it hears and speaks in the same frame, and what it decides depends on nothing but what it heard, so that
 * the same answers get the same words.
 */
export class Script implements Party {
  readonly #init: ScriptInit;
  readonly #ear = new Ear();
  readonly #mouth = new Mouth();
  readonly #told = new Told();
  readonly #expectations: Expectation[] = [];
  /** Of an agent that kept silent it is known that it said no words. */
  #agentSpoke = false;
  /** Since when words of the agent's count, ms. */
  #wordsFromMs = 0;
  #line: Line | undefined;
  #next = 0;
  #running: Running | undefined;
  #frames = 0;
  #invalid: string | undefined;
  #finished: CallerState | undefined;
  /** The step that waits for the agent to hang up. */
  #awaitsEnd: number | undefined;
  /** All is said, and it waits for the answer to its last words alone. */
  #awaitsAnswer = false;

  constructor(init: ScriptInit) {
    this.#init = init;
  }

  begin(line: Line): void {
    this.#line = line;
  }

  onAgent(event: AgentEvent): void {
    this.#told.onAgent(event);
  }

  cleared(): void {
    this.#ear.cut();
  }

  frame(heard: Int16Array, said: Int16Array): void {
    const line = this.#line;
    if (line === undefined) return;
    this.#frames++;
    this.#ear.push(heard, this.#mouth.busy);
    this.#agentSpoke ||= this.#ear.hasWord;
    if (this.#nowMs >= this.#init.mostMs) {
      this.#leave(line, 'timeout');
      return;
    }
    while (this.#finished === undefined) {
      this.#running ??= this.#begin(line);
      if (!this.#running()) break;
      this.#running = undefined;
    }
    this.#mouth.fill(said, line);
  }

  over(end: Termination): void {
    const { steps } = this.#init;
    if (this.#awaitsEnd !== undefined && this.#finished === undefined && end.reason === 'agent-hangup') {
      this.#settle(this.#awaitsEnd, describe({ hang_up: true }), true);
      if (steps.slice(this.#next).every((step) => step.do === 'hang_up')) this.#finished = 'done';
    }
    // Who hangs up instead of an answer to somebody's last words does so as at any goodbye.
    if (this.#awaitsAnswer && end.reason === 'agent-hangup') this.#finished ??= 'done';
    const state = this.#finished ?? 'hung-up-on';
    const reason = this.#invalid ?? this.#reasonOf(state);
    this.#init.done({
      state: this.#invalid === undefined ? state : 'invalid',
      ...(reason === undefined ? {} : { reason }),
      expectations: this.#expectations.map((one) => this.#known(one)),
      end,
    });
  }

  #reasonOf(state: CallerState): string | undefined {
    if (state === 'timeout') return `the call was longer than ${this.#init.mostMs / 1000} s`;
    if (state !== 'hung-up-on') return undefined;
    if (this.#next === 0) return 'the call was over before the first step';
    const { steps } = this.#init;
    const at = this.#next - 1;
    const step = steps[at];
    return step === undefined
      ? 'the call was over in the last words of the caller'
      : `the call was over at step ${at} (${step.do})`;
  }

  get #nowMs(): number {
    return this.#frames * TICK_MS;
  }

  #leave(line: Line, state: CallerState): void {
    this.#finished = state;
    line.mark('hang-up');
    line.end(termination('caller-hangup'));
  }

  #settle(step: number, what: string, ok: boolean, why?: string, isSo?: Untold['isSo'] | 'to act by'): void {
    const times = { fromMs: this.#wordsFromMs, toMs: this.#nowMs };
    const untold = isSo === undefined ? undefined : isSo === 'to act by' ? times : { ...times, isSo };
    this.#expectations.push({
      step,
      what,
      ok,
      ...(ok || why === undefined ? {} : { why }),
      ...(untold === undefined ? {} : { untold }),
    });
  }

  /** What is known at the end of the call: who tells words, however late, has told those that he said. */
  #known({ untold, ...one }: Expectation): Expectation {
    return untold === undefined || this.#told.tellsWords || !this.#agentSpoke ? one : { ...one, untold };
  }

  /** Behind the last step the caller says his words to their end, hears the answer where he waits for it, and hangs up. That none came the measures say: the script is through. */
  #close(line: Line): Running {
    const { awaitsAnswer = false } = this.#init;
    let until: number | undefined;
    return () => {
      if (this.#mouth.busy) return false;
      this.#awaitsAnswer = awaitsAnswer;
      until ??= this.#nowMs + (awaitsAnswer ? WITHIN_MS : 0);
      if (this.#nowMs >= until || this.#hasTurnEnded(TURN_PAUSE_MS)) this.#leave(line, 'done');
      return false;
    };
  }

  /** Whether the agent has spoken since our last words and has been silent again for so long. */
  #hasTurnEnded(pauseMs: number): boolean {
    return this.#ear.spoke && this.#ear.quietMs >= pauseMs && !this.#mouth.busy;
  }

  /** Begins the next step. */
  #begin(line: Line): Running {
    const index = this.#next++;
    const step = this.#init.steps[index];
    if (step === undefined) return this.#close(line);
    switch (step.do) {
      case 'say':
        return this.#behindWords(() => this.#say(index, step.wait));
      case 'side_talk':
        return this.#behindWords(() => this.#speak(index, true, step.gain_db));
      case 'interrupt':
        return this.#overAgent(index, step.within_ms, this.#cutIn(step), () => {
          this.#forget();
          return this.#speak(index, step.wait);
        });
      case 'backchannel':
      case 'tic': {
        const speaks = () => this.#ear.hasWord && this.#ear.speechMs >= step.after_ms;
        return this.#overAgent(index, step.within_ms, speaks, () => this.#speak(index, true));
      }
      case 'wait_for':
        return this.#waitFor(index, step);
      case 'silence':
        return this.#after(step.silence * 1000);
      case 'keys':
        return this.#keys(line, index, step);
      case 'noise':
        line.mark(step.noise === 'off' ? 'noise-off' : 'noise-on', { step: index });
        line.noise(step.noise === 'off' ? undefined : step.noise);
        return () => true;
      case 'hang_up':
        return () => {
          if (!this.#mouth.busy) this.#leave(line, 'done');
          return false;
        };
      case 'expect':
        return this.#expect(index, step);
      default:
        return step satisfies never;
    }
  }

  /** Does it as soon as nothing is being said any more. */
  #behindWords(then: () => Running): Running {
    let running: Running | undefined;
    return () => {
      if (running === undefined && this.#mouth.busy) return false;
      running ??= then();
      return running();
    };
  }

  /** Words that are to be answered. To say them while the agent has the word is a fault of the script's, unless the agent let it wait in vain before. */
  #say(index: number, waits: boolean): Running {
    if (this.#ear.hasWord && this.#expectations.every(({ ok }) => ok))
      this.#invalid ??= `step ${index} (say) began while the agent spoke: wait for its turn to end, or write interrupt`;
    this.#forget();
    return this.#speak(index, waits);
  }

  #forget(): void {
    this.#ear.forget();
    this.#told.forget();
    this.#wordsFromMs = this.#nowMs;
  }

  #speak(index: number, waits: boolean, gainDb = 0): Running {
    const utterance = this.#init.utterances.get(index);
    if (utterance !== undefined) this.#mouth.say(utterance, index, gainDb);
    return () => !waits || !this.#mouth.busy;
  }

  #after(ms: number): Running {
    const until = this.#nowMs + ms;
    return () => this.#nowMs >= until;
  }

  #cutIn(step: Extract<Step, { do: 'interrupt' }>): () => boolean {
    const { after_words: words, after_ms: ms = 0 } = step;
    if (words !== undefined) return () => this.#told.has(words);
    return () => this.#ear.hasWord && this.#ear.speechMs >= ms;
  }

  /** Waits until the agent has come so far, then does it; where it never does, that is what is wrong with it. */
  #overAgent(index: number, withinMs: number, reached: () => boolean, then: () => Running): Running {
    const until = this.#nowMs + withinMs;
    let running: Running | undefined;
    return () => {
      if (running !== undefined) return running();
      if (reached()) {
        running = this.#behindWords(then);
        return running();
      }
      if (this.#nowMs < until) return false;
      const step = this.#init.steps[index]!;
      const isByWords = step.do === 'interrupt' && step.after_words !== undefined;
      const why = isByWords ? this.#inVain(withinMs, step.after_words) : `not within ${withinMs} ms`;
      const what = `the agent speaks, so that ${step.do} can come`;
      this.#settle(index, what, false, why, isByWords ? 'to act by' : undefined);
      return true;
    };
  }

  #waitFor(index: number, step: Extract<Step, { do: 'wait_for' }>): Running {
    const until = this.#nowMs + step.within_ms;
    const { state, words, matches } = step.wait_for;
    const there = (): boolean => {
      if (words !== undefined) return this.#told.has(words);
      if (matches !== undefined) return matches.test(this.#told.text);
      if (state === 'speech') return this.#ear.hasWord;
      if (state === 'turn') return this.#hasTurnEnded(step.for_ms);
      return this.#ear.quietMs >= step.for_ms && !this.#mouth.busy;
    };
    return () => {
      if (there()) return true;
      if (this.#nowMs < until) return false;
      const isSo = wordsIn(step.wait_for);
      this.#settle(index, `wait_for ${describe(step.wait_for)}`, false, this.#inVain(step.within_ms, isSo), isSo);
      return true;
    };
  }

  #inVain(withinMs: number, words: unknown): string {
    return words !== undefined && !this.#told.tellsWords ? NO_WORDS : `not within ${withinMs} ms`;
  }

  #keys(line: Line, index: number, step: Extract<Step, { do: 'keys' }>): Running {
    if (step.as === 'tones') {
      const samples = dtmfSamples(step.keys, TEST_RATE);
      return this.#behindWords(() => {
        this.#mouth.say({ samples, marks: [{ offset: 0, kind: 'keys', text: step.keys }] }, index);
        return () => !this.#mouth.busy;
      });
    }
    line.mark('keys', { text: step.keys, step: index });
    let at = this.#nowMs;
    const presses = [...step.keys].map((key) => {
      const press = { at, key };
      at += key === 'w' ? KEY_MS.pause : KEY_MS.tone + KEY_MS.gap;
      return press;
    });
    const until = at;
    return () => {
      while (presses[0] !== undefined && presses[0].at <= this.#nowMs) {
        const { key } = presses.shift()!;
        if (key !== 'w') line.emit({ type: 'dtmf', digit: key, durationMs: KEY_MS.tone });
      }
      return this.#nowMs >= until;
    };
  }

  #expect(index: number, step: Extract<Step, { do: 'expect' }>): Running {
    const until = this.#nowMs + step.within_ms;
    const expected = new Expected(step.expect, this.#ear, this.#told);
    const what = `${step.absent ? 'no ' : ''}${describe(step.expect)}`;
    if (step.expect.hang_up && !step.absent) this.#awaitsEnd = index;
    return () => {
      const seen = expected.isSo();
      if (!seen && this.#nowMs < until) return false;
      this.#awaitsEnd = undefined;
      const why = step.absent ? 'it came' : expected.tellsWords ? `not within ${step.within_ms} ms` : NO_WORDS;
      const isSaid = wordsIn(step.expect);
      const isSo = isSaid && ((said: string) => isSaid(said) !== step.absent);
      this.#settle(index, what, seen !== step.absent, why, isSo);
      return true;
    };
  }
}
