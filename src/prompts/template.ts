import { hint, meant } from '../suggest.ts';
import { asData, VARIABLES, type Values, type VariableName } from './variables.ts';

/**
 * Templates of prompts: `{{name}}` and `{{name|fallback}}`. A template is cut into words and places once, at load; values are put into the
 * places and never looked at again, so nothing in a value can become a variable or a line of instructions of its own.
 *
 * Braces that are plainly no variable are words: a JSON example needs no escape. What looks like a variable and is none, or is one written
 * amiss, is an error. A backslash before braces makes words of them: `\{{caller.name}}`.
 */

export interface Place {
  readonly name: VariableName;
  /** What stands there when the value is missing or empty. */
  readonly fallback: string;
}
export type Template = ReadonlyArray<string | Place>;

export interface TemplateProblem {
  /** Offset in the text. */
  readonly at: number;
  readonly problem: string;
}

/** `\{{...}}`, `\{{`, `\}}`, `\{...}`; `{{...}}` with no brace in it; `{...}` on one line; braces, one or two. */
const TOKEN = /\\(?:\{\{(?:[^{}]*\}\})?|\}\}|\{([^{}\n]*)\})|\{\{([^{}]*)\}\}|\{([^{}\n]*)\}|\{\{|\}\}|[{}]/g;
/** What stands between two braces and is a name: no quotes, no colon, no line. */
const NAME = /^\s*[\p{L}_$#/>^&!@][\p{L}\p{N}_.$ -]*$/u;

/** Cuts a text at its places. `custom` names the custom parameters it may use. */
export function parseTemplate(
  text: string,
  custom: ReadonlySet<string>,
): { template: Template; problems: TemplateProblem[] } {
  const known = [...VARIABLES, ...[...custom].map((name) => `custom.${name}`)];
  const template: Array<string | Place> = [];
  const problems: TemplateProblem[] = [];
  /** Braces of words that are open: where, and how many at once. */
  const open: Array<{ at: number; double: boolean }> = [];
  let words = '';
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [token, escaped, double, single] = match;
    words += text.slice(end, match.index);
    end = match.index + token.length;
    if (token.startsWith('\\')) {
      // Where one brace needs no escape the backslash is a word of its own.
      words += escaped === undefined || isAlmost(escaped, known) ? token.slice(1) : token;
    } else if (double !== undefined) {
      const [written = '', ...rest] = double.split('|');
      const name = written.trim();
      if (known.includes(name)) {
        template.push(words, { name: name as VariableName, fallback: rest.join('|').trim() });
        words = '';
        continue;
      }
      words += token;
      if (NAME.test(written)) problems.push({ at: match.index, problem: unknown(name, known) });
    } else if (single !== undefined) {
      words += token;
      const name = meant(single.split('|')[0]!, known);
      if (isAlmost(single, known))
        problems.push({
          at: match.index,
          problem: `"${token}" is no variable; did you mean {{${name}}}? To have it as words, write \\${token}`,
        });
    } else {
      words += token;
      // Half a variable's braces are not made whole by those of an example around it.
      const half = token === '{{' ? /^[^{}|\n]*/.exec(text.slice(end)) : /[^{}|\s]*$/.exec(words.slice(0, -2));
      if (token.length === 2 && isAlmost(half?.[0].trim() ?? '', known)) problems.push(alone(match.index, token));
      else if (token.startsWith('{')) open.push({ at: match.index, double: token === '{{' });
      else if (open.length === 0 && token === '}}') problems.push(alone(match.index, token));
      else for (let closed = 0; closed < token.length; closed++) close(open);
    }
  }
  for (const { at, double } of open) if (double) problems.push(alone(at, '{{'));
  template.push(words + text.slice(end));
  return { template, problems: problems.sort((a, b) => a.at - b.at) };
}

/** Takes one brace off the innermost that is open. */
function close(open: Array<{ at: number; double: boolean }>): void {
  const last = open.at(-1);
  if (last?.double) last.double = false;
  else open.pop();
}

const alone = (at: number, token: string): TemplateProblem => ({
  at,
  problem: `"${token}" without its counterpart; to have it as words, write \\${token}`,
});

/** Whether what stands in one pair of braces is a variable, or nearly one: `{caller.name}`, `{callr.name}`. */
function isAlmost(inner: string, known: readonly string[]): boolean {
  const name = inner.split('|')[0]!;
  return NAME.test(name) && name.includes('.') && meant(name, known) !== undefined;
}

function unknown(name: string, known: readonly string[]): string {
  if (/^[#/>^&!@]/.test(name))
    return `"{{${name}}}" is no variable: prompts have no conditions, loops or parts. To have it as words, write \\{{`;
  if (name.startsWith('custom.') && !known.some((one) => one.startsWith('custom.') && meant(name, [one]) !== undefined))
    return `"${name}" is not among the front matter's variables`;
  return `unknown variable "${name}"${hint(name, known)}; there are: ${known.join(', ')}. To have it as words, write \\{{`;
}

/** Puts the values into their places. */
export function fill(template: Template, values: Values): string {
  return template
    .map((part) => {
      if (typeof part === 'string') return part;
      const value = asData(values[part.name] ?? '');
      return value === '' ? part.fallback : value;
    })
    .join('');
}
