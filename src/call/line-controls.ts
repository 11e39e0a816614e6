import type { LineAction } from './leg.ts';
import type { TransferFailure } from './transfer.ts';

/** Digits that a tool asks the caller for. */
export interface GatherDigits {
  /** Complete with so many. */
  readonly most: number;
  /** Longest wait for the first digit, and then for each further one, ms. */
  readonly timeoutMs: number;
  /** Keys that complete it, left out of the answer; "#" when left out, "" for none. */
  readonly terminators?: string;
  /** They are nobody else's to see (a card, a PIN): events carry masks. */
  readonly sensitive?: boolean;
  /** Ends the wait early. */
  readonly signal?: AbortSignal;
}

/** What may be done to a call's line on purpose. Whoever hands it to tools puts the policy in front of it. */
export interface LineControls {
  /** Why this cannot be asked of whoever is on the line, in a sentence; undefined where it can, or nobody is there. */
  cannot?(action: LineAction): string | undefined;
  /**
   * Ends the call as soon as the caller has heard everything the agent said, its running response included; measured by playout, not by a
   * timer. Resolves `ended` when the line goes, `caller_spoke` when the caller spoke up meanwhile, `taken_over` when an operator speaks with the caller: then
   * the call goes on.
   */
  hangupAfterPlayout(): Promise<'ended' | 'caller_spoke' | 'taken_over'>;
  /**
   * Connects the caller to `destination` (E.164) when the agent's words were heard; the call ends with it. Resolves with the reason where it
   * does not: nobody answered, and the caller is back. Rejects where the caller spoke up meanwhile, or an operator speaks with them.
   */
  transfer(destination: string): Promise<TransferFailure | undefined>;
  /** Plays digits (0-9, *, #, A-D, w for half a second's pause) to the far party: by its wire, or as tones. Rejects when nobody is there to hear them, and where they were cut off with how many were played. */
  sendDigits(digits: string): Promise<void>;
  /**
   * Waits for the caller's digits: until `#` (or one of `terminators`), `most` digits, or nothing for `timeoutMs`. Resolves with what came,
   * perhaps nothing; keys pressed meanwhile become no turn of the conversation. Rejects while another tool waits for some.
   */
  gatherDigits(options: GatherDigits): Promise<string>;
}
