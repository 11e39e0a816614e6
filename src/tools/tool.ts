import type { z } from 'zod';
import type { Clock } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import type { PartyKind } from '../call/party.ts';
import type { BusinessPort, CallControlPort, ControlPortName, StorePortName, Touch } from './ports.ts';

/** What a file in `tools/` is written with; it imports nothing else of ours. */

export { parseNumber } from '../numbering/number.ts';
export { ToolError, type ToolErrorCode } from './errors.ts';
export type * from './ports.ts';

/** Who is on the line. What networks say of it can be forged: it identifies, it does not prove. */
export interface ToolCaller {
  /** `number`; `identity`: a client, a SIP user, a page; `withheld`: nobody says who it is. */
  readonly kind: PartyKind;
  /** The number of the person on the line, E.164; absent where there is none. */
  readonly from?: string | undefined;
  /** Our own number, E.164. */
  readonly to?: string | undefined;
  /**
   * Under what the store may keep and find this person; absent where nobody can be told from others by what is known, and then nothing
   * personal may be read or kept.
   */
  readonly key?: string | undefined;
  /** Who it is for people to read, number or not; absent when withheld. Nobody is found by it. */
  readonly name?: string | undefined;
}

/** What every tool is given. */
export interface BaseContext {
  readonly callId: string;
  /** The model's id of this very call of the tool: good for idempotency keys. */
  readonly toolCallId: string;
  readonly caller: ToolCaller;
  /** Aborts at the tool's time limit and when the call ends. Hand it to everything that waits. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly clock: Clock;
  /** The business's time zone, e.g. "America/New_York". */
  readonly timezone: string;
}

/** What a tool that touches `T` is given: using another port is a type error here, and a refusal when it runs. */
export interface ToolContext<T extends Touch = Touch> extends BaseContext {
  readonly store: Pick<BusinessPort, T & StorePortName>;
  readonly control: Pick<CallControlPort, T & ControlPortName>;
}

/** A tool as its file describes it. Its name is the file's. */
export interface Tool<A = unknown, T extends Touch = Touch> {
  /** For the model: what it does, when to use it, what it gives back. */
  readonly description: string;
  /** An object schema; each field described. The model's JSON schema is derived from it. */
  readonly parameters: z.ZodType<A>;
  /** The ports it needs. */
  readonly touches?: readonly T[];
  /** Longest run, ms; 8000 when left out. */
  readonly timeoutMs?: number;
  /** Whether the agent may fill a long wait with a word; true when left out. */
  readonly filler?: boolean;
  /** Gives what the model reads: a text, or anything JSON can hold. A ToolError's message reaches the model, any other error's does not. */
  execute(args: A, ctx: ToolContext<T>): Promise<unknown>;
}

const BRAND = Symbol.for('voicebridge.tool');

/** The default export of a tool file. */
export function defineTool<A, const T extends Touch = never>(tool: Tool<A, T>): Tool<A, T> {
  return Object.freeze(Object.assign({ [BRAND]: true }, tool));
}

/** Whether something came from `defineTool`. */
export function isTool(value: unknown): value is Tool {
  return typeof value === 'object' && value !== null && BRAND in value;
}
