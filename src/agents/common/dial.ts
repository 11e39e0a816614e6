import type { CallingState } from '../../call/events.ts';
import type { CallerLeg } from '../../call/leg.ts';

/**
 * The port of whoever has somebody called by telephone and gives his line, once he has answered. What is behind it (which carrier, how it is told, who may
 * be called) agents know nothing of.
 */

/** Who is to be called. */
export interface DialOrder {
  /** Our id of the call that he is to answer. */
  readonly callId: string;
  /** E.164. */
  readonly to: string;
  /** What is called from, E.164; a number of the carrier's account. What is configured where left out. */
  readonly from?: string | undefined;
  /** By which carrier; the one that places ordered calls where left out. */
  readonly carrier?: string | undefined;
  /** How long it rings, seconds. */
  readonly ringSeconds: number;
  /** A machine that answers is hung up on. */
  readonly refusesMachines: boolean;
  /** How far it has come; told until he has answered. */
  readonly told: (state: CallingState) => void;
  /** His carrier found out that a machine took the call, at whatever time. Told where it was asked for. */
  readonly machine: () => void;
  /** Nobody waits any more, or the talk is over: he is hung up on. */
  readonly signal: AbortSignal;
}

/** The line of somebody who has answered. */
export interface DialledLine {
  /** Not yet started: it is a leg as any caller's. Whoever has it closes it. */
  readonly leg: CallerLeg;
  /** The carrier's id of the call to him. */
  readonly carrierCallId: string;
}

export interface Dialler {
  /** The name of the carrier that places a call for which none is named; undefined: no carrier can. */
  readonly carrier: string | undefined;
  /** All that can. */
  readonly carriers: readonly string[];
  /**
   * Calls somebody. Rejects with DIAL_BUSY, DIAL_NO_ANSWER, DIAL_REFUSED (he, or his network), DIAL_FORBIDDEN (our own rules, or what is not set up), DIAL_LIMIT
   * (too many calls, ours or the carrier's limit), DIAL_FAILED, or the signal's reason; nobody's phone rings then any more.
   */
  dial(order: DialOrder): Promise<DialledLine>;
}
