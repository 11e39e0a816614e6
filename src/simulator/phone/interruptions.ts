/**
 * The caller speaks while the agent does: how long the agent was still heard, and whether the bridge's idea of what was heard is true.
 * All times are clock ms.
 */

import type { Ear } from './ear.ts';

/** After a clear, sound that comes within this time is taken for the interrupted speech that the bridge let through, ms. */
const LEFTOVER_MS = 400;

export interface Interruption {
  /** First sound of the caller, by energy. */
  readonly callerFromMs: number;
  /** Audio of the agent's utterance heard up to then, ms. */
  readonly heardBeforeMs: number;
  /** What silenced the agent: the bridge's clear, its own end (or a bridge that only stopped sending), or nothing by the call's end. */
  silencedBy: 'clear' | 'silence' | 'nothing';
  /** When the clear arrived, or the agent's last sound ended. */
  silencedMs: number | undefined;
  /** From the caller's first sound to then, ms. */
  delayMs: number | undefined;
  /** Audio of the agent's utterance heard in all, ms: what the model's truncation should say. */
  heardMs: number;
  /** Audio dropped unheard by the clear, ms. */
  clearedMs: number;
  /** What the bridge says was heard, ms, when somebody told. */
  reportedHeardMs: number | undefined;
}

export class Interruptions {
  readonly list: Interruption[] = [];
  readonly #ear: Ear;
  readonly #tell: ((interruption: Interruption) => void) | undefined;
  #open: Interruption | undefined;

  /** `tell` is called when an interruption is over: the agent is silent. */
  constructor(ear: Ear, tell?: (interruption: Interruption) => void) {
    this.#ear = ear;
    this.#tell = tell;
  }

  /** The caller began to speak at `atMs`, not later than `now`. `bufferedMs`: the agent's audio not heard yet. */
  callerBegan(atMs: number, now: number, bufferedMs: number): void {
    if (this.#open !== undefined || bufferedMs <= 0 || !this.#ear.spurts.active(now)) return;
    this.#open = {
      callerFromMs: atMs,
      heardBeforeMs: Math.max(0, this.#ear.utteranceMs(now) - (now - atMs)),
      silencedBy: 'nothing',
      silencedMs: undefined,
      delayMs: undefined,
      heardMs: this.#ear.utteranceMs(now),
      clearedMs: 0,
      reportedHeardMs: undefined,
    };
    this.list.push(this.#open);
  }

  /** A clear arrived and took effect. */
  cleared(now: number, clearedMs: number): void {
    if (this.#open !== undefined) this.#close(this.#open, 'clear', now, this.#ear.utteranceMs(now), clearedMs);
  }

  /** Time passes: an agent that fell silent by itself ends the interruption too. */
  tick(now: number): void {
    const open = this.#open;
    if (open === undefined) return;
    if (this.#ear.spurts.active(now)) open.heardMs = this.#ear.utteranceMs(now);
    else this.#close(open, 'silence', this.#ear.lastLoudMs ?? now, this.#ear.lastUtteranceMs, 0);
  }

  /** What the bridge believes was heard of the utterance last interrupted, ms. */
  reported(heardMs: number): void {
    const last = this.list.at(-1);
    if (last !== undefined) last.reportedHeardMs = heardMs;
  }

  /** Sound of the interrupted speech still heard after its clear, ms. */
  leftoverMs(interruption: Interruption): number {
    if (interruption.silencedBy !== 'clear' || interruption.silencedMs === undefined) return 0;
    const from = interruption.silencedMs;
    let sum = 0;
    for (const spurt of this.#ear.spurts.list) {
      sum += Math.max(0, Math.min(spurt.toMs, from + LEFTOVER_MS) - Math.max(spurt.fromMs, from));
    }
    return sum;
  }

  #close(open: Interruption, by: 'clear' | 'silence', atMs: number, heardMs: number, clearedMs: number): void {
    open.silencedBy = by;
    open.silencedMs = atMs;
    open.delayMs = atMs - open.callerFromMs;
    open.heardMs = heardMs;
    open.clearedMs = clearedMs;
    this.#open = undefined;
    this.#tell?.(open);
  }
}
