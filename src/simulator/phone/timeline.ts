/** What happened on a call, in order, as the one who watches it wants to read it. */

import type { Clock } from '../../call/clock.ts';

/** The kinds of entries; bounded, so that a program can pick. */
export type Happening =
  | 'webhook'
  | 'twiml'
  | 'verb'
  | 'socket'
  | 'stream'
  | 'caller-speaks'
  | 'caller-silent'
  | 'agent-speaks'
  | 'agent-silent'
  | 'cut-in'
  | 'clear'
  | 'mark'
  | 'dtmf'
  | 'gap'
  | 'fault'
  | 'callback'
  | 'graph'
  | 'room'
  | 'hangup'
  | 'ended';

export interface TimelineEntry {
  /** Milliseconds since the call began. */
  readonly atMs: number;
  readonly what: Happening;
  readonly text: string;
}

/** Entries kept; later ones are still told, so that a flood of marks cannot fill the memory. */
const LIMIT = 5_000;

export class Timeline {
  readonly entries: TimelineEntry[] = [];
  /** Clock time of the call's beginning. */
  readonly originMs: number;
  readonly #clock: Clock;
  readonly #tell: ((entry: TimelineEntry) => void) | undefined;

  /** `originMs`: when the call began, by this clock; now when left out. */
  constructor(clock: Clock, tell?: (entry: TimelineEntry) => void, originMs: number = clock.now()) {
    this.#clock = clock;
    this.originMs = originMs;
    this.#tell = tell;
  }

  /** Notes what happened, now or at `clockMs`. */
  add(what: Happening, text: string, clockMs: number = this.#clock.now()): void {
    const entry = { atMs: this.since(clockMs), what, text };
    if (this.entries.length < LIMIT) this.entries.push(entry);
    this.#tell?.(entry);
  }

  /** A clock time as ms since the call began, to a tenth. */
  since(clockMs: number): number {
    return tenth(clockMs - this.originMs);
  }
}

/** Rounded to a tenth of a millisecond: finer than anything here is measured. */
export function tenth(ms: number): number {
  return Math.round(ms * 10) / 10;
}
