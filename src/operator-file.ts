import { basename, dirname, join, resolve } from 'node:path';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { errorMessage } from './errors.ts';
import { type FoundFile, scanFolder } from './folder.ts';
import { plainText, readOperatorFile } from './operator-text.ts';
import { hint } from './suggest.ts';

/**
 * The one reader of files that an operator writes: prompts, routes, lists of numbers, tools, MCP servers, prices, knowledge, `.env`. Editors
 * and shells leave byte order marks, CRLF and UTF-16 behind; what is plain is read for what it says, and what is not is refused with
 * its line. A file is never half understood: a setting that is lost without a word is worse than a daemon that does not start.
 */

export { decodeText, inFormOf, lineAt, plainText, readOperatorFile, readOperatorFileSync } from './operator-text.ts';

/** Where files of operators are read: from the disk, or as they would be with one of them edited. */
export interface OperatorFiles {
  /** As `scanFolder`. */
  scan(folder: string): Promise<FoundFile[]>;
  /** As `readOperatorFile`. */
  read(path: string): Promise<string>;
}

export const filesOnDisk: OperatorFiles = { scan: scanFolder, read: readOperatorFile };

/** Those of the disk, but for one, which has this text, and is there whether the disk has it or not. */
export function filesWith(path: string, text: string): OperatorFiles {
  const edited = resolve(path);
  return {
    async scan(folder) {
      const found = await scanFolder(folder);
      if (resolve(folder) !== dirname(edited)) return found;
      const file = { name: basename(edited), path: join(folder, basename(edited)), version: 'edited' };
      return [...found.filter(({ name }) => name !== file.name), file].sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    read: async (one) => (resolve(one) === edited ? plainText(text) : readOperatorFile(one)),
  };
}

/** As many problems of one file are told, and how many more there are: nobody mends ten thousand by a list, and to find the line of each takes time that calls need. */
const PROBLEMS_MOST = 100;

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
    problems.push(
      ...fileProblems([...document.errors, ...document.warnings], (error) => ({
        line: line(error.pos[0]),
        problem: yamlProblem(error),
      })),
    );
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
  const wrong = error.issues.flatMap((issue): ReadonlyArray<{ path: PropertyKey[]; problem?: string }> => {
    if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, problem: issue.message }];
    return issue.keys.map((key) => ({ path: [...issue.path, key] }));
  });
  return fileProblems(wrong, ({ path, problem = `there is no such setting${hint(String(path.at(-1)), known)}` }) => ({
    line: file.lineOf(path),
    problem: at(path, problem),
  }));
}

/** What is told of all that is wrong in a file: the first `PROBLEMS_MOST`, and how many more there are. */
export function fileProblems<T>(wrong: readonly T[], problemOf: (one: T) => FileProblem): FileProblem[] {
  const problems = wrong.slice(0, PROBLEMS_MOST).map(problemOf);
  const next = wrong[PROBLEMS_MOST];
  if (next !== undefined) {
    const more = wrong.length - PROBLEMS_MOST;
    problems.push({
      line: problemOf(next).line,
      problem: `from here on ${more} more ${more === 1 ? 'is' : 'are'} wrong`,
    });
  }
  return problems;
}

const at = (path: readonly PropertyKey[], problem: string) =>
  path.length === 0 ? problem : `${path.join('.')}: ${problem}`;

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
