import { SPEECH_RATE } from '../realtime/speech.ts';
import { Hearing } from './hearing.ts';
import type { AgentScenario, AgentTurn } from './scenario.ts';
import { type AgentTruth, newTruth, type SaidTruth, type TurnTruth } from './truth.ts';
import { type Speech, speechOf } from './voice.ts';

const FRAME_MS = 20;
/** Samples of a frame. */
export const AGENT_FRAME = (SPEECH_RATE * FRAME_MS) / 1000;

/** What an agent sends. */
export interface AgentMouth {
  /** A frame; borrowed. */
  audio(samples: Int16Array): void;
  /** It says something, whole. */
  said(text: string): void;
  /** What was sent and is not played yet is not to be. */
  clear(): void;
  hangUp(): void;
}

interface Speaking {
  readonly speech: Speech;
  readonly truth: SaidTruth;
  readonly yieldMs: number | null;
  readonly hangUp: boolean;
  /** Sample of the agent's clock at which it ends: where its speech does, or where it yields. */
  until: number;
  /** Sent so far, as a sample of the agent's clock. */
  sent: number;
}

/** What is said next, and from which sample on at the soonest. */
interface Next {
  readonly from: number;
  readonly speech: Speech;
  readonly turn: AgentTurn | undefined;
  readonly of: TurnTruth | undefined;
}

/**
 * One conversation of an agent whose every behaviour is set, and what it truly did. Pure: it is told the time, and what it hears; it speaks by its mouth. Its
 * clock is ms since its connection opened; a frame is due when its first sample is.
 */
export class ScenarioAgent {
  readonly truth: AgentTruth;
  readonly #scenario: AgentScenario;
  readonly #mouth: AgentMouth;
  readonly #hearing: Hearing;
  readonly #random: () => number;
  readonly #frame = new Int16Array(AGENT_FRAME);
  /** Frames that were due so far. */
  #frames = 0;
  #turn = 0;
  /** Spurts of the caller's that were dealt with. */
  #dealt = 0;
  #speaking: Speaking | undefined;
  #next: Next | undefined;
  /** It hangs up with the next frame: the last is still being heard. */
  #leaving = false;
  /** Where the last speech is that nobody interrupts. */
  #deaf = { from: 0, to: 0 };

  constructor(scenario: AgentScenario, connection: number, mouth: AgentMouth) {
    this.truth = newTruth(connection);
    this.#scenario = scenario;
    this.#mouth = mouth;
    this.#hearing = new Hearing(scenario.pauseMs, this.truth);
    this.#random = randomOf(scenario.seed + connection - 1);
    if (scenario.greeting !== false) {
      const { delayMs, ...speech } = scenario.greeting;
      this.#next = {
        from: samplesAt(this.#draw(delayMs)),
        speech: speechOf(speech),
        turn: turnOf(speech),
        of: undefined,
      };
    }
  }

  /** A frame of the caller's came. */
  hear(samples: Int16Array, nowMs: number): void {
    this.#hearing.hear(samples, nowMs);
  }

  /** Sends all that is due. */
  tick(nowMs: number): void {
    // To the nearest: the first tick may have been late, and those after it come sooner than it says.
    const due = Math.round(nowMs / FRAME_MS) + 1;
    this.truth.worstOutMs = Math.max(this.truth.worstOutMs, nowMs - this.#frames * FRAME_MS);
    while (this.#frames < due) {
      this.#listen(this.#frames * FRAME_MS);
      this.#send();
      this.#frames++;
    }
  }

  /** The connection is over. */
  end(nowMs: number): void {
    this.truth.endedAt ??= samplesAt(nowMs);
    if (this.#speaking !== undefined) this.#stop(Math.min(this.#speaking.until, samplesAt(nowMs)));
  }

  #listen(nowMs: number): void {
    const { spurts, untilMs } = this.#hearing;
    const spurt = spurts.list[this.#dealt];
    if (spurt === undefined) return;
    const turn = this.#scenario.turns[Math.min(this.#turn, this.#scenario.turns.length - 1)];
    if (this.#speaking !== undefined && spurt.fromMs * RATE_MS > this.#speaking.truth.from) {
      this.#spokenOver(this.#speaking, spurt);
    }
    const open = this.truth.turns.at(-1);
    const isKnown = open !== undefined && open.callerFrom === samplesAt(spurt.fromMs);
    if (turn?.overMs !== undefined && !isKnown && this.#speaking === undefined && this.#next === undefined) {
      const of: TurnTruth = { callerFrom: samplesAt(spurt.fromMs), callerTo: samplesAt(spurt.toMs) };
      this.truth.turns.push(of);
      this.#turn++;
      this.#next = {
        from: Math.max(samplesAt(spurt.fromMs + turn.overMs), samplesAt(nowMs)),
        speech: speechOf(turn),
        turn,
        of,
      };
      return;
    }
    if (untilMs - spurt.toMs < this.#scenario.pauseMs) return;
    this.#dealt++;
    this.#ended(spurt, turn, isKnown ? open : undefined, nowMs);
  }

  /** The caller's spurt is over, by all that is known. */
  #ended(spurt: Spurt, turn: AgentTurn | undefined, known: TurnTruth | undefined, nowMs: number): void {
    const callerTo = samplesAt(spurt.toMs);
    if (known !== undefined) {
      known.callerTo = callerTo;
      const answer = known.answer === undefined ? undefined : this.truth.said[known.answer];
      if (answer !== undefined) known.latencyMs = (answer.from - callerTo) / RATE_MS;
      return;
    }
    // Somebody who does not let himself be interrupted does not answer what he talked over.
    if (samplesAt(spurt.fromMs) > this.#deaf.from && callerTo < this.#deaf.to) return;
    const of: TurnTruth = { callerFrom: samplesAt(spurt.fromMs), callerTo };
    this.truth.turns.push(of);
    this.#turn++;
    if (turn?.missed === true) {
      of.missed = true;
      return;
    }
    const from = callerTo + samplesAt(this.#draw(turn?.latencyMs ?? this.#scenario.latencyMs));
    this.#next = {
      from: Math.max(from, samplesAt(nowMs)),
      speech: speechOf(turn ?? DEFAULT_ANSWER),
      turn,
      of,
    };
  }

  #spokenOver(speaking: Speaking, spurt: Spurt): void {
    if (speaking.yieldMs === null || speaking.truth.yieldMs !== undefined) return;
    const until = Math.max(samplesAt(spurt.fromMs + speaking.yieldMs), this.#frames * AGENT_FRAME);
    if (until >= speaking.until) return;
    speaking.until = until;
    speaking.truth.yieldMs = until / RATE_MS - spurt.fromMs;
  }

  #send(): void {
    const at = this.#frames * AGENT_FRAME;
    const end = at + AGENT_FRAME;
    if (this.#leaving) this.#mouth.hangUp();
    this.#leaving = false;
    const next = this.#next;
    const busy = this.#speaking?.until ?? 0;
    // What comes at once begins with its first sample, when its frame is due.
    const latest = this.#scenario.burst ? at : end - 1;
    if (next !== undefined && Math.max(next.from, busy) <= latest) {
      this.#begin(next, this.#scenario.burst ? at : Math.max(next.from, busy, at));
    }
    const speaking = this.#speaking;
    if (speaking === undefined || speaking.truth.from >= end) {
      if (this.#scenario.silence) this.#put(undefined, at);
    } else if (!this.#scenario.burst) this.#put(speaking, at);
    else while (speaking.sent < speaking.until) this.#put(speaking, Math.max(at, speaking.sent));
    if (speaking === undefined || speaking.until > end) return;
    this.#stop(speaking.until);
  }

  #begin({ speech, turn, of }: Next, from: number): void {
    this.#next = undefined;
    if (this.#speaking !== undefined) this.#stop(this.#speaking.until);
    const shift = (spans: Speech['pauses']) => spans.map((span) => ({ from: span.from + from, to: span.to + from }));
    const truth: SaidTruth = {
      from,
      to: from,
      text: speech.text,
      pauses: shift(speech.pauses),
      dropouts: shift(speech.dropouts),
    };
    if (of !== undefined) {
      of.answer = this.truth.said.length;
      of.latencyMs = (from - of.callerTo) / RATE_MS;
    }
    this.truth.said.push(truth);
    const yieldMs = turn?.yieldMs === undefined ? this.#scenario.yieldMs : turn.yieldMs;
    const until = from + speech.samples.length;
    if (yieldMs === null) this.#deaf = { from, to: until };
    this.#speaking = { speech, truth, yieldMs, hangUp: turn?.hangUp === true, until, sent: from };
    this.#mouth.said(speech.text);
  }

  /** Sends the frame whose first sample is `at`: of the speech, what lies within it. */
  #put(speaking: Speaking | undefined, at: number): void {
    this.#frame.fill(0);
    if (speaking !== undefined) {
      const from = Math.max(at, speaking.truth.from);
      const to = Math.min(at + AGENT_FRAME, speaking.until);
      if (to > from) {
        const begin = speaking.truth.from;
        this.#frame.set(speaking.speech.samples.subarray(from - begin, to - begin), from - at);
        speaking.sent = to;
      }
    }
    this.truth.framesOut++;
    this.#mouth.audio(this.#frame);
  }

  #stop(at: number): void {
    const speaking = this.#speaking;
    if (speaking === undefined) return;
    speaking.truth.to = Math.max(speaking.truth.from, at);
    // What was sent ahead would still be heard.
    if (speaking.sent > at) this.#mouth.clear();
    this.#speaking = undefined;
    this.#leaving = speaking.hangUp;
  }

  #draw(value: number | readonly [number, number]): number {
    if (typeof value === 'number') return value;
    const [least, most] = value;
    return least + this.#random() * (most - least);
  }
}

type Spurt = { readonly fromMs: number; readonly toMs: number };

const RATE_MS = SPEECH_RATE / 1000;
const samplesAt = (ms: number) => Math.round(ms * RATE_MS);
const turnOf = (speech: Partial<AgentTurn>): AgentTurn => ({ pauses: [], dropouts: [], ...speech });
const DEFAULT_ANSWER = { say: 'yes, i have heard you.', pauses: [], dropouts: [] };

/** Numbers from 0 to 1, the same for the same seed (a 32-bit mix of a counter, as in splitmix). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
