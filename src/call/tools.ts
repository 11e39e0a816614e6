import type { Count } from './counters.ts';
import type { ToolEvent } from './events.ts';
import type { LineControls } from './line-controls.ts';

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

/** What a call gives to the tools it runs. */
export interface CallHooks {
  readonly line: LineControls;
  readonly count: Count;
  tell(event: ToolEvent): void;
  /** Has the agent say these words, unless it is speaking anyway. */
  fill(words: string): void;
}

/** Makes the tools of one call. */
export type ToolsFactory = (hooks: CallHooks) => ToolRunner;

/** An agent without tools; a model that calls one all the same is told. */
export const noTools: ToolsFactory = () => ({
  run: async ({ name }) => JSON.stringify({ error: `there is no tool named ${name}` }),
});
