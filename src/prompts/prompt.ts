import { BridgeError, errorMessage } from '../errors.ts';
import { type FileProblem, plainText, readYaml, schemaProblems } from '../operator-file.ts';
import { lineIn, splitPrompt } from './front-matter.ts';
import { type PromptSettings, promptSettings, turnDetectionKeys } from './settings.ts';
import { fill, parseTemplate, type Template } from './template.ts';
import { type PromptFacts, valuesOf } from './variables.ts';

/** One prompt: a Markdown file with front matter. */

export interface Prompt {
  /** File name without `.md`. */
  readonly name: string;
  readonly settings: PromptSettings;
  /** The words for one call. `greeting` and `storedPrompt` are as the settings have them, their variables filled in; undefined where they say nothing. */
  render(facts: PromptFacts): {
    instructions: string;
    greeting: string | boolean | undefined;
    storedPrompt: PromptSettings['storedPrompt'];
  };
}

/** Reads a prompt's text. Throws CONFIG_INVALID with one line a problem: `prompts/x.md:3: ...`. */
export function parsePrompt(name: string, file: string, text: string): Prompt {
  const { front, frontLine, body, bodyLine, problems: found } = splitPrompt(textOf(file, text));
  const problems: FileProblem[] = [...found];
  const settings = parseFrontMatter(front, frontLine, problems);
  const custom = new Set(Object.keys(settings?.variables ?? {}));

  const instructions = parseTemplate(body.trim(), custom);
  const bodyStart = body.length - body.trimStart().length;
  for (const { at, problem } of instructions.problems)
    problems.push({ line: lineIn(body, bodyLine, bodyStart + at), problem });
  const { storedPrompt } = settings ?? {};
  if (body.trim() === '' && found.length === 0 && storedPrompt === undefined)
    problems.push({ line: bodyLine, problem: 'the body is empty' });

  let greeting: Template | boolean | undefined;
  if (typeof settings?.greeting === 'string') {
    const parsed = parseTemplate(settings.greeting, custom);
    greeting = parsed.template;
    const line = lineIn(front, frontLine, Math.max(0, front.search(/^greeting:/m)));
    for (const { problem } of parsed.problems) problems.push({ line, problem: `greeting: ${problem}` });
  } else greeting = settings?.greeting;

  const stored: Record<string, Template> = {};
  for (const [key, value] of Object.entries(storedPrompt?.variables ?? {})) {
    const parsed = parseTemplate(value, custom);
    stored[key] = parsed.template;
    const line = lineIn(front, frontLine, Math.max(0, front.search(/^storedPrompt:/m)));
    for (const { problem } of parsed.problems)
      problems.push({ line, problem: `storedPrompt.variables.${key}: ${problem}` });
  }

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
        storedPrompt:
          storedPrompt?.variables === undefined
            ? storedPrompt
            : {
                ...storedPrompt,
                variables: Object.fromEntries(
                  Object.entries(stored).map(([key, template]) => [key, fill(template, values)]),
                ),
              },
      };
    },
  };
}

function textOf(file: string, text: string): string {
  try {
    return plainText(text);
  } catch (error) {
    throw new BridgeError('CONFIG_INVALID', `${file}: ${errorMessage(error)}`);
  }
}

/** The keys of the front matter, of its groups too. */
const KNOWN = [
  ...Object.keys(promptSettings.shape),
  ...Object.keys(promptSettings.shape.limits.unwrap().shape),
  ...turnDetectionKeys,
];

function parseFrontMatter(front: string, firstLine: number, problems: FileProblem[]): PromptSettings | undefined {
  const file = readYaml(front, firstLine);
  problems.push(...file.problems);
  if (file.problems.length > 0) return undefined;
  const result = promptSettings.safeParse(file.value ?? {});
  if (result.success) return result.data;
  problems.push(...schemaProblems(file, result.error, KNOWN));
  return undefined;
}
