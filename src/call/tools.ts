import type { Count } from './counters.ts';
import type { ToolTold } from './events.ts';

/** Runs the model's tools for one call. */
export interface ToolRunner {
  /** `signal` aborts when the call ends. Never rejects: a failure is an output too. */
  run(tool: { name: string; arguments: string; toolCallId: string }, signal: AbortSignal): Promise<string>;
}

/** What a tool may do to the line. Whoever hands it to tools puts the policy in front of it. */
export interface LineControls {
  /** Ends the call when the agent's last words were heard; `caller_spoke` when the caller spoke up meanwhile and the call goes on. */
  hangupAfterPlayout(): Promise<'ended' | 'caller_spoke'>;
  /** Connects the caller to `destination` (E.164) when the agent's words were heard; the call ends with it. */
  transfer(destination: string): Promise<void>;
  /** Plays digits to the caller's side. Rejects where its wire cannot. */
  sendDigits(digits: string): Promise<void>;
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
