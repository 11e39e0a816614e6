import type { Count } from './counters.ts';
import type { ToolTold } from './events.ts';
import type { TransferFailure } from './transfer.ts';

/** Runs the model's tools for one call. */
export interface ToolRunner {
  /** `signal` aborts when the call ends. Never rejects: a failure is an output too. */
  run(tool: { name: string; arguments: string; toolCallId: string }, signal: AbortSignal): Promise<string>;
  /** These calls belong to a response that was cancelled: they are given up, and what they still bring is dropped. */
  supersede?(toolCallIds: readonly string[]): void;
  /** The caller is away, being connected to somebody else: no tool's time runs until `resume`. */
  pause?(): void;
  resume?(): void;
}

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

/** What a tool may do to the line. Whoever hands it to tools puts the policy in front of it. */
export interface LineControls {
  /** Ends the call when the agent's last words were heard; `caller_spoke` when the caller spoke up meanwhile and the call goes on. */
  hangupAfterPlayout(): Promise<'ended' | 'caller_spoke'>;
  /**
   * Connects the caller to `destination` (E.164) when the agent's words were heard; the call ends with it. Resolves with the reason where it
   * does not: nobody answered, and the caller is back.
   */
  transfer(destination: string): Promise<TransferFailure | undefined>;
  /** Plays digits to the caller's side: by its wire, or as tones. Rejects when nobody is there to hear them. */
  sendDigits(digits: string): Promise<void>;
  /** Waits for the caller's digits and resolves with what came, perhaps nothing. Rejects while another tool waits for some. */
  gatherDigits(options: GatherDigits): Promise<string>;
}

/** What a call gives to the tools it runs. */
export interface CallHooks {
  readonly line: LineControls;
  readonly count: Count;
  tell(event: ToolTold): void;
  /** Has the agent say these words, unless it is speaking anyway. */
  fill(words: string): void;
}

/** Makes the tools of one call. */
export type ToolsFactory = (hooks: CallHooks) => ToolRunner;

/** An agent without tools; a model that calls one all the same is told. */
export const noTools: ToolsFactory = () => ({
  run: async ({ name }) => JSON.stringify({ error: `there is no tool named ${name}` }),
});
