import { z } from 'zod';
import { ToolError } from './errors.ts';
import { CONTROL_PORTS, STORE_PORTS, type Touch } from './ports.ts';
import type { Tool, ToolContext } from './tool.ts';

/** A tool ready to be called, whatever it was made from. */

export type JsonSchema = Readonly<Record<string, unknown>>;

export type ParsedArguments =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problems: ReadonlyArray<{ readonly field: string; readonly problem: string }> };

export interface LoadedTool {
  readonly name: string;
  readonly source: 'file' | 'http' | 'mcp';
  /** False: it is checked and listed, but no call gets it. */
  readonly enabled: boolean;
  readonly description: string;
  /** JSON schema of the arguments, as the model gets it. */
  readonly schema: JsonSchema;
  readonly touches: readonly Touch[];
  readonly timeoutMs: number;
  readonly filler: boolean;
  /** Checks the model's arguments. Never throws. */
  parse(args: unknown): ParsedArguments;
  execute(args: unknown, ctx: ToolContext): Promise<unknown>;
}

/** A tool as agents are told of it: a function with a JSON schema of its arguments. https://json-schema.org */
export interface ToolDefinition {
  readonly type: 'function';
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonSchema;
}

export const DEFAULT_TIMEOUT_MS = 8_000;
export const LONGEST_TIMEOUT_MS = 120_000;
/** Names the model's API takes, in the spelling of this project. */
export const TOOL_NAME = /^[a-z][a-z0-9_]{0,63}$/;
export const DESCRIPTION_MOST = 1_024;

const TOUCHES: ReadonlySet<string> = new Set([...STORE_PORTS, ...CONTROL_PORTS]);

/** Checks what a tool file exports and makes it callable. Throws TOOL_INVALID, saying what is wrong. */
export function loadDefinition(name: string, tool: Tool): LoadedTool {
  const fail = (problem: string): never => {
    throw new ToolError('TOOL_INVALID', problem);
  };
  const { description, parameters, touches = [], timeoutMs = DEFAULT_TIMEOUT_MS, filler = true } = tool;
  if (typeof description !== 'string' || description.trim() === '') fail('description is missing');
  if (description.length > DESCRIPTION_MOST) fail(`description is longer than ${DESCRIPTION_MOST} characters`);
  if (typeof (parameters as { safeParse?: unknown } | undefined)?.safeParse !== 'function')
    fail('parameters is not a zod schema');
  if (typeof tool.execute !== 'function') fail('execute is not a function');
  checkTimeout(timeoutMs, fail);
  for (const touch of touches) if (!TOUCHES.has(touch)) fail(`touches "${touch}", which does not exist`);
  return {
    name,
    source: 'file',
    enabled: true,
    description,
    schema: schemaOf(parameters, fail),
    touches,
    timeoutMs,
    filler,
    parse: (args) => parseWith(parameters, args),
    execute: (args, ctx) => tool.execute(args, ctx),
  };
}

function schemaOf(parameters: z.ZodType, fail: (problem: string) => never): JsonSchema {
  let schema: Record<string, unknown>;
  try {
    schema = z.toJSONSchema(parameters, { io: 'input', target: 'draft-7' });
  } catch (error) {
    return fail(`parameters have no JSON schema: ${error instanceof Error ? error.message : error}`);
  }
  if (schema['type'] !== 'object') fail('parameters must be an object schema');
  delete schema['$schema'];
  return schema;
}

export function checkTimeout(timeoutMs: number, fail: (problem: string) => never): void {
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > LONGEST_TIMEOUT_MS)
    fail(`timeoutMs must be a whole number from 1 to ${LONGEST_TIMEOUT_MS}`);
}

/** Parses by a zod schema; problems in words that a model can act on. */
export function parseWith(schema: z.ZodType, args: unknown): ParsedArguments {
  const result = schema.safeParse(args);
  if (result.success) return { ok: true, value: result.data };
  return {
    ok: false,
    problems: result.error.issues
      .slice(0, 10)
      .map((issue) => ({ field: issue.path.join('.') || '(arguments)', problem: issue.message.slice(0, 300) })),
  };
}

/** The tools of one call: fixed when the call starts. */
export class ToolSet {
  readonly #tools: ReadonlyMap<string, LoadedTool>;

  constructor(tools: Iterable<LoadedTool>) {
    this.#tools = new Map([...tools].map((tool) => [tool.name, tool]));
  }

  get(name: string): LoadedTool | undefined {
    return this.#tools.get(name);
  }

  get names(): string[] {
    return [...this.#tools.keys()];
  }

  /** What the model is told about them. */
  definitions(): ToolDefinition[] {
    return [...this.#tools.values()].map(({ name, description, schema }) => ({
      type: 'function',
      name,
      description,
      parameters: schema,
    }));
  }

  /** The tools among these names; `crm_*` means all that begin so. Undefined keeps all. */
  pick(names: readonly string[] | undefined): ToolSet {
    if (names === undefined) return this;
    return new ToolSet([...this.#tools.values()].filter(({ name }) => names.some((wanted) => matches(wanted, name))));
  }
}

/** Whether a name in a list of tools ("book_appointment", "crm_*", "*") means this tool. */
export function matches(wanted: string, name: string): boolean {
  return wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : wanted === name;
}
