import { z } from 'zod';
import { parseTarget } from '../agents/target.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import { type FileProblem, fileProblems, plainText, readYaml, schemaProblems } from '../operator-file.ts';
import { lineIn, splitPrompt } from './front-matter.ts';
import { commonGroups, commonKeys, type PromptKind, type PromptOptions, type PromptSettings } from './settings.ts';
import { fill, parseTemplate, type Template } from './template.ts';
import { type PromptFacts, valuesOf } from './variables.ts';

/** One prompt: a Markdown file with front matter. */

export interface Prompt {
  /** File name without `.md`. */
  readonly name: string;
  readonly settings: PromptSettings;
  /** The kind of agent that it is of. */
  readonly agent: string;
  /** What it says of its agent by that kind's keys, before variables are filled in. */
  readonly options: PromptOptions;
  /** The words and options for one call, their variables filled in. */
  render(facts: PromptFacts): { instructions: string; options: PromptOptions };
}

/** Reads a prompt's text. Throws CONFIG_INVALID with one line a problem: `prompts/x.md:3: ...`. `kinds`: agents that there are; the first where it names none. */
export function parsePrompt(name: string, file: string, text: string, kinds: readonly PromptKind[]): Prompt {
  const { front, frontLine, body, bodyLine, problems: found } = splitPrompt(textOf(file, text), kinds);
  const problems: FileProblem[] = [...found];
  const parsed = parseFrontMatter(front, frontLine, kinds, problems);
  const { kind, settings, options } = parsed ?? {};
  const custom = new Set(Object.keys(settings?.variables ?? {}));

  const instructions = parseTemplate(body.trim(), custom);
  const bodyStart = body.length - body.trimStart().length;
  problems.push(
    ...fileProblems(instructions.problems, ({ at, problem }) => ({
      line: lineIn(body, bodyLine, bodyStart + at),
      problem,
    })),
  );
  const wordless = options !== undefined && kind?.options.mayBeWordless?.(options) === true;
  if (body.trim() === '' && found.length === 0 && !wordless)
    problems.push({ line: bodyLine, problem: 'the body is empty' });

  const templates = new Map<string, Template>();
  const paths = (kind?.options.templates ?? []).map((path) => path.split('.'));
  eachText(options ?? {}, paths, (path, value) => {
    const template = parseTemplate(value, custom);
    templates.set(path, template.template);
    const line = lineIn(front, frontLine, Math.max(0, front.search(new RegExp(`^[ \\t]*${path.split('.')[0]}:`, 'm'))));
    for (const { problem } of template.problems) problems.push({ line, problem: `${path}: ${problem}` });
    return value;
  });

  if (parsed === undefined || problems.length > 0) {
    const lines = problems.sort((a, b) => a.line - b.line).map(({ line, problem }) => `${file}:${line}: ${problem}`);
    throw new BridgeError('CONFIG_INVALID', lines.join('\n'));
  }
  return {
    name,
    settings: parsed.settings,
    agent: parsed.kind.name,
    options: parsed.options,
    render(facts) {
      const values = valuesOf(facts, parsed.settings.variables);
      return {
        instructions: fill(instructions.template, values),
        options: eachText(parsed.options, paths, (path, value) => fill(templates.get(path) ?? [value], values)),
      };
    },
  };
}

/** What a call without a prompt is answered by: an agent of this kind that needs no words, and nothing else said. */
export function withoutWords(agent: string): Omit<Prompt, 'name'> {
  return { settings: {}, agent, options: {}, render: () => ({ instructions: '', options: {} }) };
}

/** The options with every text at one of these paths, or below it, replaced by what `change` makes of it. */
function eachText(
  options: PromptOptions,
  paths: ReadonlyArray<readonly string[]>,
  change: (path: string, text: string) => string,
): PromptOptions {
  const changed = (value: unknown, path: readonly string[], left: readonly string[]): unknown => {
    const [next, ...rest] = left;
    if (typeof value === 'string') return next === undefined ? change(path.join('.'), value) : value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const entries = Object.entries(value).map(([key, inner]) =>
      next === undefined || next === key ? [key, changed(inner, [...path, key], rest)] : [key, inner],
    );
    return Object.fromEntries(entries);
  };
  return paths.reduce<PromptOptions>((left, path) => changed(left, [], path) as PromptOptions, options);
}

function textOf(file: string, text: string): string {
  try {
    return plainText(text);
  } catch (error) {
    throw new BridgeError('CONFIG_INVALID', `${file}: ${errorMessage(error)}`);
  }
}

/** What a front matter says; undefined, and `problems` has why, where it is wrong. */
function parseFrontMatter(
  front: string,
  firstLine: number,
  kinds: readonly PromptKind[],
  problems: FileProblem[],
): { readonly kind: PromptKind; readonly settings: PromptSettings; readonly options: PromptOptions } | undefined {
  const file = readYaml(front, firstLine);
  problems.push(...file.problems);
  if (file.problems.length > 0) return undefined;
  const parsed = parseTarget((file.value as { agent?: unknown } | null)?.agent ?? kinds[0]?.name, kinds);
  if (!parsed.ok) {
    for (const { path, problem } of parsed.problems)
      problems.push({ line: file.lineOf(['agent', ...path]), problem: `${['agent', ...path].join('.')}: ${problem}` });
    return undefined;
  }
  const { target } = parsed;
  const kind = kinds.find(({ name }) => name === target.kind)!;
  const { prompt: own, groups = [], check } = kind.options;
  const schema = z
    .strictObject({ ...own, ...commonKeys })
    .superRefine((all, context) => check?.({ ...target.options, ...all }, context));
  const result = schema.safeParse(file.value ?? {});
  if (!result.success) {
    const known = [commonKeys, own].flatMap((shape) => Object.keys(shape));
    problems.push(...schemaProblems(file, result.error, [...known, ...commonGroups, ...groups]));
    return undefined;
  }
  const all = Object.entries(result.data);
  return {
    kind,
    settings: Object.fromEntries(all.filter(([key]) => key in commonKeys)) as PromptSettings,
    options: { ...target.options, ...Object.fromEntries(all.filter(([key]) => !(key in commonKeys))) },
  };
}
