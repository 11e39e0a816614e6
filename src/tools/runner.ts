import type { Clock, Timer } from '../call/clock.ts';
import type { Count } from '../call/counters.ts';
import type { ToolEvent, ToolOutcome } from '../call/events.ts';
import type { Log } from '../call/leg.ts';
import { parseArguments } from './arguments.ts';
import { contextFor } from './context.ts';
import { Countdown } from './countdown.ts';
import { ToolError } from './errors.ts';
import type { LoadedTool, ToolSet } from './loaded.ts';
import { codeOf, failureText, outcomeOf } from './outcome.ts';
import type { BusinessPort, CallControlPort } from './ports.ts';
import { MinuteLimit } from './rate.ts';
import { shapeResult } from './result.ts';
import type { ToolCaller } from './tool.ts';

/**
 * Runs the tools of one call. Whatever a tool does - hang, throw, return too much or too late - the model gets a text within the tool's time
 * limit, and audio is never waited for nor delayed.
 */

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
  /** No tool's time runs until `resume`. */
  pause(): void;
  resume(): void;
  /** Tools running now. */
  readonly running: number;
}

/** Makes the runner of one call. */
export function createCallTools(options: CallToolsOptions): CallTools {
  return new Runner(options);
}

interface Run {
  readonly name: string;
  readonly toolCallId: string;
  readonly startedAt: number;
  readonly controller: AbortController;
  /** The tool's time limit. */
  readonly limit: Countdown;
}

class Runner implements CallTools {
  readonly #options: CallToolsOptions;
  readonly #limit: MinuteLimit;
  readonly #runs = new Set<Run>();
  #filled = false;
  #paused = false;

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
        run.controller.abort(
          new ToolError(
            'TOOL_SUPERSEDED',
            'You were interrupted and this was given up. It may have been done all the same: look before you repeat it.',
          ),
        );
    }
  }

  pause(): void {
    this.#paused = true;
    for (const run of this.#runs) run.limit.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const run of this.#runs) run.limit.resume();
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
      const code = codeOf(error);
      outcome = outcomeOf(code);
      output = failureText(error);
      const fields = { tool: name, toolCallId: call.toolCallId, code };
      // Only what is a fault of the tool itself deserves its stack.
      if (outcome === 'failed' && code !== 'TOOL_NOT_REACHED') log.error({ ...fields, err: error }, 'a tool failed');
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
    const limit = new Countdown(clock, tool.timeoutMs, () =>
      controller.abort(
        new ToolError('TOOL_TIMEOUT', `It took longer than ${tool.timeoutMs / 1000} s. Say so, or try something else.`),
      ),
    );
    if (!this.#paused) limit.resume();
    const run: Run = { name: tool.name, toolCallId, startedAt, controller, limit };
    const timers: Pick<Timer, 'cancel'>[] = [limit];
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
    const why = outcomeOf(codeOf(run.controller.signal.reason)) as 'timeout' | 'aborted' | 'superseded';
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
