import type { Clock, Timer } from '../call/clock.ts';
import type { Count } from '../call/counters.ts';
import type { Log } from '../call/leg.ts';
import { contextFor } from './context.ts';
import { isToolError, ToolError, type ToolErrorCode } from './errors.ts';
import type { LoadedTool, ToolSet } from './loaded.ts';
import type { BusinessPort, CallControlPort } from './ports.ts';
import { MinuteLimit } from './rate.ts';
import { shapeResult } from './result.ts';
import type { ToolCaller } from './tool.ts';

/**
 * Runs the tools of one call. Whatever a tool does - hang, throw, return too much or too late - the model gets a text within the tool's time
 * limit, and audio is never waited for nor delayed.
 */

export type ToolOutcome =
  | 'ok'
  | 'failed'
  | 'refused'
  | 'timeout'
  | 'aborted'
  | 'superseded'
  | 'unknown'
  | 'invalid'
  | 'rate_limited'
  | 'too_large';

/** What a call's tools tell. `name` is one of the call's tools, or `(unknown)`: a metric label. Times are ms. */
export type ToolEvent =
  | { readonly type: 'tool_started'; readonly name: string; readonly toolCallId: string }
  | {
      readonly type: 'tool_finished';
      readonly name: string;
      readonly toolCallId: string;
      readonly ms: number;
      readonly outcome: ToolOutcome;
      /** The model was shown a part of the result. */
      readonly truncated: boolean;
      /** What the model was given. */
      readonly output: string;
    }
  /** A result came when nobody waited for it any more; `ms` after the tool was started. */
  | {
      readonly type: 'tool_result_dropped';
      readonly name: string;
      readonly toolCallId: string;
      readonly ms: number;
      readonly why: 'timeout' | 'aborted' | 'superseded';
    };

export interface CallToolsOptions {
  /** The set the call started with. */
  readonly tools: ToolSet;
  readonly callId: string;
  readonly caller: ToolCaller;
  readonly timezone: string;
  readonly store: BusinessPort;
  readonly control: CallControlPort;
  readonly clock: Clock;
  readonly log: Log;
  /** Counts results dropped after a time limit or a superseded response; what comes after the call's end the call counts itself. */
  readonly count?: Count;
  readonly onEvent?: (event: ToolEvent) => void;
  /** Asks the agent for a word while a tool takes long; once for tools that run side by side. */
  readonly filler?: (toolName: string) => void;
  /** How long a tool may take before `filler`, ms; 1500 when left out. */
  readonly fillerMs?: number;
  /** Most tool calls a minute, and at once, of this call. */
  readonly perMinute?: number;
  readonly parallel?: number;
}

export interface ToolCall {
  readonly name: string;
  /** JSON, as the model wrote it. */
  readonly arguments: string;
  readonly toolCallId: string;
}

export interface CallTools {
  /** Runs one call of a tool; resolves with what the model reads. Never rejects. `signal` aborts when the telephone call ends. */
  run(call: ToolCall, signal: AbortSignal): Promise<string>;
  /** These calls (all when left out) belong to responses that are gone: they are aborted and their results dropped. */
  supersede(toolCallIds?: readonly string[]): void;
  /** Tools running now. */
  readonly running: number;
}

const ARGUMENTS_MOST = 64 * 1024;
const OUTCOMES: Partial<Record<ToolErrorCode, ToolOutcome>> = {
  TOOL_UNKNOWN: 'unknown',
  TOOL_ARGUMENTS_INVALID: 'invalid',
  TOOL_TIMEOUT: 'timeout',
  TOOL_ABORTED: 'aborted',
  TOOL_SUPERSEDED: 'superseded',
  TOOL_RATE_LIMITED: 'rate_limited',
  TOOL_RESULT_TOO_LARGE: 'too_large',
  TOOL_REFUSED: 'refused',
  TOOL_DESTINATION_REFUSED: 'refused',
};

/** Makes the runner of one call. */
export function createCallTools(options: CallToolsOptions): CallTools {
  return new Runner(options);
}

interface Run {
  readonly name: string;
  readonly toolCallId: string;
  readonly startedAt: number;
  readonly controller: AbortController;
}

class Runner implements CallTools {
  readonly #options: CallToolsOptions;
  readonly #limit: MinuteLimit;
  readonly #runs = new Set<Run>();
  #filled = false;

  constructor(options: CallToolsOptions) {
    this.#options = options;
    this.#limit = new MinuteLimit(options.perMinute ?? 30, options.clock);
  }

  get running(): number {
    return this.#runs.size;
  }

  supersede(toolCallIds?: readonly string[]): void {
    for (const run of this.#runs) {
      if (toolCallIds === undefined || toolCallIds.includes(run.toolCallId))
        run.controller.abort(new ToolError('TOOL_SUPERSEDED', 'The question behind this call is gone.'));
    }
  }

  async run(call: ToolCall, signal: AbortSignal): Promise<string> {
    const { clock, tools, log } = this.#options;
    const startedAt = clock.now();
    const tool = tools.get(call.name);
    const name = tool?.name ?? '(unknown)';
    this.#tell({ type: 'tool_started', name, toolCallId: call.toolCallId });
    let outcome: ToolOutcome = 'ok';
    let truncated = false;
    let output: string;
    try {
      ({ output, truncated } = await this.#attempt(tool, call, signal, startedAt));
    } catch (error) {
      const code = isToolError(error) ? error.code : 'TOOL_FAILED';
      outcome = OUTCOMES[code] ?? 'failed';
      output = forModel(code, error);
      const fields = { tool: name, toolCallId: call.toolCallId, code };
      // Only what is a fault of the tool itself deserves its stack.
      if (outcome === 'failed') log.error({ ...fields, err: error }, 'a tool failed');
      else if (outcome !== 'aborted') log.warn(fields, 'a tool call came to nothing');
    }
    const ms = clock.now() - startedAt;
    log.debug({ tool: name, toolCallId: call.toolCallId, ms: Math.round(ms), outcome, truncated }, 'tool call');
    this.#tell({ type: 'tool_finished', name, toolCallId: call.toolCallId, ms, outcome, truncated, output });
    return output;
  }

  async #attempt(
    tool: LoadedTool | undefined,
    call: ToolCall,
    signal: AbortSignal,
    startedAt: number,
  ): Promise<{ output: string; truncated: boolean }> {
    if (signal.aborted) throw ended();
    if (tool === undefined) {
      const names = this.#options.tools.names.join(', ');
      throw new ToolError('TOOL_UNKNOWN', `There is no such tool. There are: ${names || 'none'}.`);
    }
    if (!this.#limit.take())
      throw new ToolError('TOOL_RATE_LIMITED', 'Too many tool calls in a minute. Go on without, or wait.');
    if (this.#runs.size >= (this.#options.parallel ?? 8))
      throw new ToolError('TOOL_RATE_LIMITED', 'Too many tools are running. Wait for their results.');
    const args = parseArguments(tool, call.arguments);
    const value = await this.#execute(tool, call.toolCallId, args, signal, startedAt);
    const shaped = shapeResult(value);
    if (shaped.ok) return shaped;
    throw new Error(`${tool.name} returned what JSON cannot hold`);
  }

  /** Runs the tool until it settles, its time is over, the call ends or its response is superseded, whichever is first. */
  #execute(
    tool: LoadedTool,
    toolCallId: string,
    args: unknown,
    signal: AbortSignal,
    startedAt: number,
  ): Promise<unknown> {
    const { clock, callId, caller, timezone, store, control } = this.#options;
    const controller = new AbortController();
    const run: Run = { name: tool.name, toolCallId, startedAt, controller };
    const timers: Timer[] = [
      clock.after(tool.timeoutMs, () =>
        controller.abort(
          new ToolError(
            'TOOL_TIMEOUT',
            `It took longer than ${tool.timeoutMs / 1000} s. Say so, or try something else.`,
          ),
        ),
      ),
    ];
    if (tool.filler && this.#options.filler !== undefined)
      timers.push(clock.after(this.#options.fillerMs ?? 1_500, () => this.#fill(run)));
    const onEnd = () => controller.abort(ended());
    signal.addEventListener('abort', onEnd, { once: true });
    this.#runs.add(run);

    return new Promise((resolve, reject) => {
      let settled = false;
      const settle = (finish: () => void) => {
        if (settled) {
          this.#late(run);
          return;
        }
        settled = true;
        for (const timer of timers) timer.cancel();
        signal.removeEventListener('abort', onEnd);
        this.#runs.delete(run);
        if (this.#runs.size === 0) this.#filled = false;
        finish();
      };
      controller.signal.addEventListener('abort', () => settle(() => reject(controller.signal.reason)), { once: true });
      const base = {
        callId,
        toolCallId,
        caller,
        signal: controller.signal,
        log: this.#options.log.child({ tool: tool.name, toolCallId }),
        clock,
        timezone,
      };
      Promise.resolve()
        .then(() => tool.execute(args, contextFor(tool, base, store, control)))
        .then(
          (value) => settle(() => resolve(value)),
          (error: unknown) => settle(() => reject(error)),
        );
    });
  }

  #fill(run: Run): void {
    if (!this.#runs.has(run) || this.#filled) return;
    this.#filled = true;
    this.#options.filler?.(run.name);
  }

  /** The tool settled after its run was over: nobody waits, the result goes nowhere. */
  #late(run: Run): void {
    const reason: unknown = run.controller.signal.reason;
    const why = OUTCOMES[isToolError(reason) ? reason.code : 'TOOL_ABORTED'] as 'timeout' | 'aborted' | 'superseded';
    const ms = this.#options.clock.now() - run.startedAt;
    if (why !== 'aborted') this.#options.count?.('tool_result_dropped');
    this.#options.log.info(
      { tool: run.name, toolCallId: run.toolCallId, why, ms: Math.round(ms) },
      'a late tool result was dropped',
    );
    this.#tell({ type: 'tool_result_dropped', name: run.name, toolCallId: run.toolCallId, ms, why });
  }

  #tell(event: ToolEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      this.#options.log.error({ err: error, event: event.type }, 'an observer of tools failed');
    }
  }
}

function ended(): ToolError {
  return new ToolError('TOOL_ABORTED', 'The call has ended.');
}

class ArgumentsError extends ToolError {
  readonly details: object;
  constructor(message: string, details: object) {
    super('TOOL_ARGUMENTS_INVALID', message);
    this.details = details;
  }
}

/** Parses and checks the model's arguments; throws what lets the model mend its call. */
function parseArguments(tool: LoadedTool, text: string): unknown {
  if (text.length > ARGUMENTS_MOST) throw new ArgumentsError('The arguments are too long.', {});
  let json: unknown;
  try {
    // A model that calls a tool without parameters may send nothing at all.
    json = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    throw new ArgumentsError('The arguments are not valid JSON. Call the tool again with a JSON object.', {
      expected: tool.schema,
    });
  }
  const parsed = tool.parse(json);
  if (parsed.ok) return parsed.value;
  throw new ArgumentsError('The arguments do not fit. Mend them and call the tool again.', {
    problems: parsed.problems,
    expected: tool.schema,
  });
}

/** The failure as the model reads it: `{"error":"timeout","message":...}`. Nothing of a foreign error gets through. */
function forModel(code: ToolErrorCode, error: unknown): string {
  const message = isToolError(error) ? error.message : 'The tool failed. Say that it did not work, or try another way.';
  const details = error instanceof ArgumentsError ? error.details : {};
  const shaped = shapeResult({ error: code.slice('TOOL_'.length).toLowerCase(), message, ...details });
  return shaped.ok ? shaped.output : '{"error":"failed"}';
}
