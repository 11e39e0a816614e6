import { parseEnv } from 'node:util';
import { BridgeError } from './errors.ts';
import { type FileProblem, plainText } from './operator-file.ts';
import { meant, nearest } from './suggest.ts';

/**
 * `.env`, read as Node reads it (https://nodejs.org/api/environment_variables.html#env-files), but never in part: Node passes over a line
 * that it does not understand, and gives a variable behind a byte order mark another name, so that a setting is lost without a word.
 */

const NAME = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*/;

/** The variables of a file's text. `known` are the settings there are. Throws CONFIG_INVALID, one line a problem: `.env:3: ...`. */
export function parseEnvFile(file: string, text: string, known: readonly string[]): Readonly<Record<string, string>> {
  const plain = plainText(text);
  const problems: FileProblem[] = [];
  const lines = plain.split('\n');
  const seen = new Map<string, { line: number; text: string }>();
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1;
    const written = lines[i]!;
    if (/^\s*(#|$)/.test(written)) continue;
    const match = NAME.exec(written);
    if (match === null) {
      problems.push({ line, problem: 'is no setting: those are NAME=value' });
      continue;
    }
    const [start, name = ''] = match;
    const from = i;
    const rest = written.slice(start.length);
    const quote = /^["'`]/.exec(rest)?.[0];
    if (quote !== undefined && !rest.slice(1).includes(quote)) {
      // A value in quotes may go on over lines, to the quote that ends it.
      do i++;
      while (i < lines.length && !lines[i]!.includes(quote));
      if (i >= lines.length) {
        problems.push({ line, problem: `${name}: the quote that begins its value is never closed` });
        break;
      }
    }
    const value = lines
      .slice(from, i + 1)
      .join('\n')
      .slice(start.length);
    const before = seen.get(name);
    if (before !== undefined && before.text !== value)
      problems.push({ line, problem: `${name} is set in line ${before.line} already, and not to the same` });
    seen.set(name, { line, text: value });
    const other = known.includes(name) ? undefined : strayName(name, known);
    if (other !== undefined) problems.push({ line, problem: `there is no setting ${name}; did you mean ${other}?` });
  }
  if (problems.length > 0) {
    const found = problems.map(({ line, problem }) => `${file}:${line}: ${problem}`);
    throw new BridgeError('CONFIG_INVALID', `wrong settings:\n  ${found.join('\n  ')}`);
  }
  return parseEnv(plain) as Record<string, string>;
}

/**
 * The setting that a name is a slip of. Names of others' (`TOOL_...`, `POSTGRES_PASSWORD`) stand in the same file, so only what is nearly a
 * setting, or one in other letters, is taken for one.
 */
export function strayName(name: string, known: readonly string[]): string | undefined {
  const setting = meant(name, known);
  // One letter more or less makes another name of a short one: PORTS, HOSTS.
  return setting !== undefined && (setting.length > 6 || setting === name.toUpperCase()) ? setting : undefined;
}

/** So many settings whose names begin alike, up to the first underscore, make that beginning ours. */
const FAMILY = 3;

/**
 * Variables of an environment that look like settings and are none, one sentence each: a slip of a setting's name, and a name that begins as a family of
 * settings does. They stop nothing, since an environment has variables of others'; a value is never shown.
 */
export function strayVariables(env: Readonly<Record<string, string | undefined>>, known: readonly string[]): string[] {
  const names = new Set(known);
  const families = new Map<string, number>();
  for (const name of known) {
    const family = familyOf(name);
    families.set(family, (families.get(family) ?? 0) + 1);
  }
  return Object.keys(env).flatMap((name) => {
    if (names.has(name) || (env[name] ?? '') === '') return [];
    const slip = strayName(name, known);
    const isFamily = (families.get(familyOf(name)) ?? 0) >= FAMILY;
    if (slip === undefined && !isFamily) return [];
    const near =
      slip ??
      nearest(
        name,
        known.filter((one) => familyOf(one) === familyOf(name)),
      );
    return [
      `${name} is set in the environment, and there is no such setting: it has no effect.${near === undefined ? '' : ` Did you mean ${near}?`}`,
    ];
  });
}

/** A name up to its first underscore, which is in it; the whole of one without. */
const familyOf = (name: string): string => name.slice(0, name.indexOf('_') + 1) || name;
