import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { BridgeError, errorMessage } from './errors.ts';
import { hint } from './suggest.ts';

/**
 * The one reader of files that an operator writes: prompts, routes, lists of numbers, tools, MCP servers, prices, knowledge, `.env`. Editors
 * and shells leave byte order marks, CRLF and UTF-16 behind; what is plain is read for what it says, and what is not is refused with
 * its line. A file is never half understood: a setting that is lost without a word is worse than a daemon that does not start.
 */

/** Byte order marks, the longer first: UTF-32's little-endian one begins as UTF-16's. https://www.unicode.org/faq/utf_bom#bom4 */
const MARKS: ReadonlyArray<{ readonly bytes: readonly number[]; readonly encoding: string }> = [
  { bytes: [0xff, 0xfe, 0, 0], encoding: 'utf-32' },
  { bytes: [0, 0, 0xfe, 0xff], encoding: 'utf-32' },
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
];

const wrong = (problem: string) => new BridgeError('CONFIG_INVALID', problem);

/** Text with `\n` for line ends and no byte order mark. Throws CONFIG_INVALID, with the line, where it holds a NUL: that is no text. */
export function plainText(text: string): string {
  const plain = text.replace(/^\ufeff+/, '').replace(/\r\n?/g, '\n');
  const nul = plain.indexOf('\0');
  if (nul >= 0) throw wrong(`line ${lineAt(plain, nul)}: holds a NUL character: save the file as UTF-8 text`);
  return plain;
}

/** The text of a file's bytes: UTF-8, or UTF-16 that says so by its byte order mark. Throws CONFIG_INVALID for all else. */
export function decodeText(bytes: Uint8Array): string {
  const encoding = MARKS.find((mark) => mark.bytes.every((byte, i) => bytes[i] === byte))?.encoding ?? 'utf-8';
  if (encoding === 'utf-32') throw wrong('is UTF-32: save the file as UTF-8');
  try {
    return plainText(new TextDecoder(encoding, { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof BridgeError) throw error;
    throw wrong(`line ${lineOfDamage(bytes, encoding)}: is not ${encoding.toUpperCase()}: save the file as UTF-8`);
  }
}

/** As far as it can be read, an undecodable file's lines: the last of them has the byte that cannot be. */
function lineOfDamage(bytes: Uint8Array, encoding: string): number {
  // What is damaged decodes to U+FFFD where the decoder is not told to throw; one that stands in the file is written with its own bytes.
  const lines = new TextDecoder(encoding).decode(bytes).split(/\r\n?|\n/);
  const at = lines.findIndex((line) => line.includes('\ufffd'));
  return at < 0 ? lines.length : at + 1;
}

/** Reads a file. Rejects as `readFile` does when there is none, with CONFIG_INVALID when it is no text. */
export async function readOperatorFile(path: string): Promise<string> {
  return decodeText(await readFile(path));
}

/** As `readOperatorFile`, at once: for threads that carry no audio, and before there are calls. */
export function readOperatorFileSync(path: string): string {
  return decodeText(readFileSync(path));
}

/** One thing that is wrong in a file, and where. */
export interface FileProblem {
  readonly line: number;
  readonly problem: string;
}

/** What a YAML or JSON text says. */
export interface Structured {
  /** As far as the text could be read: undefined where `problems` says that it could not. */
  readonly value: unknown;
  readonly problems: readonly FileProblem[];
  /** The line of the value at a path, or of the nearest one above it. */
  lineOf(path: readonly PropertyKey[]): number;
}

/** Reads YAML 1.2 (or JSON, which is part of it). Never throws. `firstLine` is the line of the file that the text begins in. */
export function readYaml(text: string, firstLine = 1): Structured {
  const problems: FileProblem[] = [];
  const counter = new LineCounter();
  const line = (offset: number) => counter.linePos(offset).line + firstLine - 1;
  try {
    const document = parseDocument(plainText(text), { lineCounter: counter });
    // A tag that nobody knows is a warning to the library; to the operator it is a value that was not understood.
    for (const error of [...document.errors, ...document.warnings])
      problems.push({ line: line(error.pos[0]), problem: yamlProblem(error) });
    return {
      value: problems.length > 0 ? undefined : document.toJS(),
      problems,
      lineOf: (path) => {
        for (let length = path.length; length > 0; length--) {
          const node = document.getIn(path.slice(0, length), true);
          if (isNode(node) && node.range != null) return line(node.range[0]);
        }
        return firstLine;
      },
    };
  } catch (error) {
    // An alias of nothing, a nesting deeper than the stack, a NUL.
    problems.push({ line: firstLine, problem: errorMessage(error) });
    return { value: undefined, problems, lineOf: () => firstLine };
  }
}

function yamlProblem({ code, message }: { readonly code: string; readonly message: string }): string {
  if (code === 'TAB_AS_INDENT') return 'a tab cannot indent YAML: use spaces';
  if (code === 'MULTIPLE_DOCS') return 'more than one YAML document';
  return (message.split('\n')[0] ?? 'not valid YAML').replace(/ at line \d+, column \d+:?$/, '');
}

/** Reads JSON; a key that is there twice is a problem, since JSON itself would silently take the last one. Never throws. */
export function readJson(text: string): Structured {
  const asYaml = readYaml(text);
  try {
    return { ...asYaml, value: JSON.parse(plainText(text)) };
  } catch (error) {
    const line = Number(/\(line (\d+) column/.exec(errorMessage(error))?.[1] ?? 1);
    return { ...asYaml, value: undefined, problems: [{ line, problem: `not valid JSON: ${errorMessage(error)}` }] };
  }
}

/** What a schema finds wrong, one problem a key, with its line. `known` are the keys there are, for a hint at what was meant. */
export function schemaProblems(file: Structured, error: z.ZodError, known: readonly string[] = []): FileProblem[] {
  return error.issues.flatMap((issue): FileProblem[] => {
    if (issue.code !== 'unrecognized_keys')
      return [{ line: file.lineOf(issue.path), problem: at(issue.path, issue.message) }];
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return { line: file.lineOf(path), problem: at(path, `there is no such setting${hint(key, known)}`) };
    });
  });
}

const at = (path: readonly PropertyKey[], problem: string) =>
  path.length === 0 ? problem : `${path.join('.')}: ${problem}`;

/** The line, from 1, of an offset. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  false: false,
  no: false,
  off: false,
};

/** YAML's older spellings of true and false, in any case, where a boolean is taken: "no" is not what anybody is greeted with. */
export const orBoolean = <T extends z.ZodType>(type: T) =>
  z.preprocess((value) => (typeof value === 'string' ? (BOOLEANS[value.trim().toLowerCase()] ?? value) : value), type);
