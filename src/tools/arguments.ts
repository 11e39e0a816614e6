import { ToolError } from './errors.ts';
import type { LoadedTool } from './loaded.ts';

const ARGUMENTS_MOST = 64 * 1024;

/** Arguments that a tool cannot be run with; `details` is what the model needs to mend its call. */
export class ArgumentsError extends ToolError {
  readonly details: object;

  constructor(message: string, details: object) {
    super('TOOL_ARGUMENTS_INVALID', message);
    this.details = details;
  }
}

/** Parses and checks the model's arguments, JSON as it wrote them. Throws an ArgumentsError. */
export function parseArguments(tool: LoadedTool, text: string): unknown {
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
