import type { TapeMark, TapeMarkKind } from './tape.ts';

/**
 * What is measured, and in which form it is told. All times are ms from sample 0 of the tape, all lengths ms. `docs/agent-tests.md` has the definitions.
 */

/** A stretch of one side's speech, from its first sound to its last. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** How often something happened among the times it could have: `rate` is null where there were too few of those to say. */
export interface Rate {
  readonly n: number;
  readonly count: number;
  readonly rate: number | null;
}

/** How values spread; each figure is null where there are too few values for it. */
export interface Spread {
  readonly n: number;
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** Something the caller said that is to be answered. */
export interface TurnMeasure extends Span {
  readonly kind: 'say' | 'interrupt';
  readonly step?: number;
  /**
   * `answered`; `missed`: the caller waited long enough for an answer; `undecided`: he did not wait, so that nothing can be said.
   */
  readonly outcome: 'answered' | 'missed' | 'undecided';
  /** The answer's first and last sound. */
  readonly answer?: Span;
  /** From the caller's last sound to the answer's first; below zero where the agent began before he had ended. */
  readonly latencyMs?: number;
  readonly timing?: 'early' | 'on-time' | 'late';
  /** By how much frames of the caller's own were late between the turn's beginning and its answer's: so far the latency may be wrong. Left out: none was. */
  readonly ownLateMs?: number;
  /** What the way added to this answer, ms, by the look at it that the answer's beginning was in; left out where none was. */
  readonly pathMs?: number;
}

/** The agent began to speak while the caller did. */
export interface AgentInterruption {
  readonly atMs: number;
  /** Index of the turn it cut into. */
  readonly turn: number;
  /** How long both spoke. */
  readonly overlapMs: number;
}

/** The caller began to speak, in order to be heard, while the agent did. */
export interface CallerInterruption {
  readonly atMs: number;
  readonly step?: number;
  /** Whether the agent fell silent within two seconds. */
  readonly yielded: boolean;
  /** From the caller's first sound to the agent's last; absent where it did not yield. */
  readonly yieldMs?: number;
  readonly overlapMs: number;
}

export type DistractionKind = Extract<TapeMarkKind, 'backchannel' | 'tic' | 'side-talk'> | 'noise';

/** Something that was not for the agent to answer. */
export interface Distraction {
  readonly kind: DistractionKind;
  readonly atMs: number;
  readonly step?: number;
  /** What the agent was doing. */
  readonly during: 'speech' | 'silence';
  /** Whether it went on doing that: neither stopped nor answered. */
  readonly held: boolean;
  /** When it stopped, or answered, after the distraction's first sound. */
  readonly afterMs?: number;
}

/** One channel's sound. Levels in dBFS, 0 being a sine that just reaches full scale; null where there is nothing to measure. */
export interface Sound {
  /** Of what was speech. */
  readonly speechMs: number;
  readonly levelDbfs: number | null;
  readonly peakDbfs: number | null;
  /** Of what was not. */
  readonly noiseDbfs: number | null;
  readonly snrDb: number | null;
  /** Samples within runs at full scale. */
  readonly clippedSamples: number;
  /** Holes within speech. */
  readonly dropouts: readonly Span[];
}

/** The way between the two ends, as far as our end knows of it: it is a part of every latency here, and taken off in those alone whose name says so. */
export interface PathMeasure {
  readonly n: number;
  readonly roundTripMs: number | null;
  readonly jitterBufferMs: number | null;
  /** What waits in queues of our own beside it, both ways together. */
  readonly ownQueuesMs: number | null;
  /** What it adds to an answer as it is heard: there and back, and the waits here. */
  readonly delayMs: number | null;
}

/** What several calls come to, or one. */
export interface Figures {
  readonly calls: number;
  readonly greetingDelayMs: Spread;
  readonly responseLatencyMs: Spread;
  /** The same less what the way added to each answer, or in the middle of its call; of calls whose way is known. */
  readonly responseLatencyLessPathMs: Spread;
  /** Turns in which frames of the caller's own were late: their latencies may be wrong by that. */
  readonly ownLate: Rate;
  readonly early: Rate;
  readonly late: Rate;
  readonly missed: Rate;
  /** Interruptions by the agent, of the caller's turns; may be more than one a turn. */
  readonly agentInterruptions: Rate;
  readonly agentOverlapMs: Spread;
  /** Of the caller's interruptions, those at which the agent fell silent. */
  readonly yielded: Rate;
  readonly yieldMs: Spread;
  /** Of what was not for the agent to answer, how often it was left alone. */
  readonly held: { readonly [K in DistractionKind]: Rate };
  readonly deadAir: { readonly count: number; readonly totalMs: number; readonly longestMs: number };
  /** The agent's share of all speech, 0 to 1. */
  readonly agentTalkRatio: number | null;
  readonly agentWordsPerMinute: number | null;
  /** Of the agent's sentences, those that it had said before. */
  readonly repeated: Rate;
}

/** A figure of the provider's beside ours. */
export interface Comparison {
  readonly name: string;
  readonly ours: number | null;
  readonly theirs: number;
  /** Theirs less ours. */
  readonly difference: number | null;
}

export interface Measures {
  readonly durationMs: number;
  readonly speech: { readonly caller: readonly Span[]; readonly agent: readonly Span[] };
  /** From sample 0 to the agent's first sound; null where the caller spoke first, or nobody did. */
  readonly greetingDelayMs: number | null;
  readonly turns: readonly TurnMeasure[];
  readonly agentInterruptions: readonly AgentInterruption[];
  readonly callerInterruptions: readonly CallerInterruption[];
  readonly distractions: readonly Distraction[];
  /** Silences of three seconds and more in which it was for the agent to speak. */
  readonly deadAir: readonly Span[];
  readonly sound: { readonly caller: Sound; readonly agent: Sound };
  readonly agentWords: number | null;
  readonly repeated: Rate;
  readonly path: PathMeasure | null;
  readonly provider: readonly Comparison[];
  readonly figures: Figures;
}

/** Words with the side that said them, in order. */
export interface Line {
  readonly who: 'caller' | 'agent';
  readonly text: string;
}

/** What the provider says of the call, as far as it does. */
export interface ProviderFigures {
  /** The provider's id of the call. */
  readonly callId?: string;
  /** Its latencies to answer, ms, by the figure's name as in `Spread`. */
  readonly latencyMs?: Partial<Record<'mean' | 'p50' | 'p90' | 'p95' | 'p99' | 'max', number>>;
  /** How often it says that the caller cut in. */
  readonly interruptions?: number;
  readonly durationMs?: number;
  readonly transcript?: readonly Line[];
}

/** One look at the way. Waits are means since the look before. `atMs`: when it was, on the tape. */
export type PathLook = Partial<Record<'roundTripMs' | 'jitterBufferMs' | 'ownQueuesMs' | 'atMs', number>>;

export interface MeasureOptions {
  /** What the caller did. Without any, all its sound is taken for words that are to be answered. */
  readonly marks: readonly TapeMark[];
  readonly provider?: ProviderFigures;
  /** Where the caller's own frames were late: samples of the tape, and by how much, ms. */
  readonly stalls?: ReadonlyArray<{ readonly at: number; readonly ms: number }>;
  /** What the agent said, sentence by sentence or turn by turn, best by a transcription of its channel; the provider's transcript stands in for it. */
  readonly agentSaid?: readonly string[];
  /** The connection's statistics, taken during the call: a WebRTC path alone has them. */
  readonly path?: readonly PathLook[];
}
