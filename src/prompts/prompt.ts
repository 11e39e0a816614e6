import { isNode, LineCounter, parseDocument } from 'yaml';
import { BridgeError } from '../errors.ts';
import { type PromptSettings, promptSettings } from './settings.ts';
import { fill, type PromptFacts, parseTemplate, type Template, valuesOf } from './variables.ts';

/** One prompt: a Markdown file with front matter. */

export interface Prompt {
  /** File name without `.md`. */
  readonly name: string;
  readonly settings: PromptSettings;
  /** The words for one call. `greeting` is as the settings have it, its variables filled in; undefined where they say nothing. */
  render(facts: PromptFacts): { instructions: string; greeting: string | boolean | undefined };
}

const FENCE = /^---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/;

/** Reads a prompt's text. Throws CONFIG_INVALID with one line a problem: `prompts/x.md:3: ...`. */
export function parsePrompt(name: string, file: string, text: string): Prompt {
  const problems: Array<{ line: number; problem: string }> = [];
  const [whole = '', front = ''] = FENCE.exec(text) ?? [];
  const settings = parseFrontMatter(front, problems);
  const custom = new Set(Object.keys(settings?.variables ?? {}));

  const body = text.slice(whole.length);
  const instructions = parseTemplate(body.trim(), custom);
  const bodyStart = whole.length + (body.length - body.trimStart().length);
  for (const { at, problem } of instructions.problems) problems.push({ line: lineOf(text, bodyStart + at), problem });
  if (body.trim() === '') problems.push({ line: lineOf(text, whole.length), problem: 'the body is empty' });

  let greeting: Template | boolean | undefined;
  if (typeof settings?.greeting === 'string') {
    const parsed = parseTemplate(settings.greeting, custom);
    greeting = parsed.template;
    const line = lineOf(text, Math.max(0, text.search(/^greeting:/m)));
    for (const { problem } of parsed.problems) problems.push({ line, problem: `greeting: ${problem}` });
  } else greeting = settings?.greeting;

  if (settings === undefined || problems.length > 0) {
    const lines = problems.sort((a, b) => a.line - b.line).map(({ line, problem }) => `${file}:${line}: ${problem}`);
    throw new BridgeError('CONFIG_INVALID', lines.join('\n'));
  }
  return {
    name,
    settings,
    render(facts) {
      const values = valuesOf(facts, settings.variables);
      return {
        instructions: fill(instructions.template, values),
        greeting: Array.isArray(greeting) ? fill(greeting, values) : (greeting as boolean | undefined),
      };
    },
  };
}

function parseFrontMatter(
  front: string,
  problems: Array<{ line: number; problem: string }>,
): PromptSettings | undefined {
  const counter = new LineCounter();
  const document = parseDocument(front, { lineCounter: counter });
  // The fence is the file's first line, so the front matter's line 1 is the file's line 2.
  const fileLine = (offset: number) => counter.linePos(offset).line + 1;
  for (const error of document.errors)
    problems.push({ line: fileLine(error.pos[0]), problem: error.message.split('\n')[0] ?? 'not valid YAML' });
  if (document.errors.length > 0) return undefined;
  const result = promptSettings.safeParse(document.toJS() ?? {});
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
    for (const key of names) {
      const path = key === undefined ? issue.path : [...issue.path, key];
      const problem = key === undefined ? issue.message : 'there is no such setting';
      problems.push({
        line: fileLine(offsetAt(document, path)),
        problem: path.length === 0 ? problem : `${path.join('.')}: ${problem}`,
      });
    }
  }
  return undefined;
}

/** Where in the YAML text the node of a path, or the nearest one above it, begins. */
function offsetAt(document: ReturnType<typeof parseDocument>, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range != null) return node.range[0];
  }
  return 0;
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
