import type { PcmFrame } from '../media/frame.ts';
import type { Clock } from './clock.ts';
import type { ComfortSounds } from './comfort.ts';
import type { Count } from './counters.ts';
import type { CallObserver } from './events.ts';
import type { CallInfo } from './info.ts';
import type { KeypadSettings } from './keypad.ts';
import type { Log } from './leg.ts';
import type { PatienceSettings } from './patience.ts';
import type { CallTap, TapHooks } from './tap.ts';
import type { Ticker } from './ticker.ts';

/** What all calls of a process share. */
export interface CallDeps {
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly log: Log;
  readonly observers: readonly CallObserver[];
  /** Counts for the whole process what calls count, while they go on: on the audio path, so it must cost next to nothing. */
  readonly count?: Count;
  /** Played to the caller when the model is lost; the fallback of the carrier's document follows. */
  readonly apology: PcmFrame | undefined;
  /** Heard by a caller who waits for an answer; nothing when left out. */
  readonly comfort?: ComfortSounds | undefined;
  /** Who listens to a call's audio. */
  readonly taps?: (info: CallInfo, hooks: TapHooks) => readonly CallTap[];
  readonly limits: {
    /** How long a prepared call waits for its caller, ms. */
    readonly joinMs: number;
    /** How long a call whose caller's line broke is kept, ms. */
    readonly reclaimMs: number;
    /**
     * How long a number rings to which a caller is transferred, ms: so long, and a little more, the call is kept for a caller who comes back. Left
     * out: a transfer ends the call.
     */
    readonly ringMs?: number;
    readonly maxMs: number;
  };
  /** What makes the caller's keys an entry. */
  readonly keypad?: KeypadSettings;
  /** How long a line may be silent; for ever when left out. */
  readonly patience?: PatienceSettings;
}
