/** What an agent really did and heard: positions are samples at 24 kHz of its own clock, 0 being its first tick after its connection was open. */

export interface SampleSpan {
  readonly from: number;
  readonly to: number;
}

/** Something it said. */
export interface SaidTruth {
  readonly from: number;
  /** After its last sample that was sent. */
  to: number;
  readonly text: string;
  /** When the caller spoke over it and it stopped for that, ms from his first sound. */
  yieldMs?: number;
  readonly pauses: readonly SampleSpan[];
  readonly dropouts: readonly SampleSpan[];
}

/** A turn of the caller's, as the agent heard it. */
export interface TurnTruth {
  readonly callerFrom: number;
  callerTo: number;
  /** Index into `said`; absent where it was to be missed. */
  answer?: number;
  /** From the caller's last sound to the answer's first; below zero where the agent spoke over him. */
  latencyMs?: number;
  missed?: true;
}

export interface AgentTruth {
  readonly rate: 24_000;
  /** Number of the connection, from 1. */
  readonly connection: number;
  /** From the opening of its connection to 0 of its clock, ms. */
  startedAfterMs: number;
  readonly said: SaidTruth[];
  readonly turns: TurnTruth[];
  framesIn: number;
  framesOut: number;
  /** Frames of the caller's that came more than 20 ms later than the rhythm of those before them, which is known after a second and a half, and the worst of all, ms. */
  lateIn: number;
  worstInMs: number;
  /** By how much the agent's own ticks were late at worst, ms: what its frames cannot have been better than. */
  worstOutMs: number;
  /** Messages that were no frames. */
  others: number;
  endedAt?: number;
}

export function newTruth(connection: number): AgentTruth {
  return {
    rate: 24_000,
    connection,
    startedAfterMs: 0,
    said: [],
    turns: [],
    framesIn: 0,
    framesOut: 0,
    lateIn: 0,
    worstInMs: 0,
    worstOutMs: 0,
    others: 0,
  };
}
