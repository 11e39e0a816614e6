/**
 * Reads the part of the Dockerfile language that our Dockerfile uses, for the check that runs its steps where no container engine is.
 * https://docs.docker.com/reference/dockerfile/. What it does not know it refuses, so that no step is passed over.
 */

export interface Instruction {
  /** In capitals: RUN, COPY, ENV ... */
  readonly name: string;
  /** `--from=dependencies` as { from: 'dependencies' }. */
  readonly flags: Readonly<Record<string, string>>;
  /** The rest of the line, continuations joined. */
  readonly text: string;
  /** The rest of the line if it is a JSON array. */
  readonly list: readonly string[] | undefined;
  /** Where it begins in the file, from 1. */
  readonly line: number;
}

export interface Stage {
  readonly name: string | undefined;
  /** An image, or the name of an earlier stage. */
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

const KNOWN = new Set(
  'ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN STOPSIGNAL USER VOLUME WORKDIR'.split(' '),
);

/** The stages of a Dockerfile in order. Throws an Error that names the line. */
export function parseDockerfile(source: string): Stage[] {
  const stages: { name: string | undefined; from: string; instructions: Instruction[] }[] = [];
  for (const { text, line } of logicalLines(source)) {
    const instruction = parseInstruction(text, line);
    if (instruction.name !== 'FROM') {
      const stage = stages.at(-1);
      if (stage === undefined) throw new Error(`line ${line}: ${instruction.name} before the first FROM`);
      stage.instructions.push(instruction);
      continue;
    }
    const [from = '', as, name] = instruction.text.split(/\s+/);
    if (as !== undefined && as.toUpperCase() !== 'AS') throw new Error(`line ${line}: FROM ${instruction.text}`);
    stages.push({ from, name, instructions: [] });
  }
  return stages;
}

/** Lines with their continuations; comments and empty lines left out. */
function logicalLines(source: string): { text: string; line: number }[] {
  const found: { text: string; line: number }[] = [];
  let open: { text: string; line: number } | undefined;
  for (const [index, raw] of source.split('\n').entries()) {
    if (/^\s*(#|$)/.test(raw)) continue;
    open = { text: (open?.text ?? '') + raw.replace(/\\\s*$/, ' '), line: open?.line ?? index + 1 };
    if (/\\\s*$/.test(raw)) continue;
    found.push({ ...open, text: open.text.trim() });
    open = undefined;
  }
  if (open !== undefined) throw new Error(`line ${open.line}: the last line is not complete`);
  return found;
}

function parseInstruction(source: string, line: number): Instruction {
  const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(source) ?? [];
  const name = word.toUpperCase();
  if (!KNOWN.has(name)) throw new Error(`line ${line}: ${name} is not known here`);
  const flags: Record<string, string> = {};
  let text = rest;
  for (let flag = nextFlag(text); flag !== null; flag = nextFlag(text)) {
    flags[flag[1] ?? ''] = flag[2] ?? '';
    text = text.slice(flag[0].length);
  }
  if (/<<-?\w/.test(text)) throw new Error(`line ${line}: here-documents are not known here`);
  return { name, flags, text, list: jsonList(text), line };
}

const nextFlag = (text: string) => /^--([\w-]+)=(\S+)\s+/.exec(text);

function jsonList(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  const parsed: unknown = JSON.parse(text);
  return Array.isArray(parsed) && parsed.every((item) => typeof item === 'string') ? parsed : undefined;
}

/** `A=b C="d e"` as an object, `${NAME}` replaced from `scope`. Throws an Error for a name that nothing defines. */
export function assignments(text: string, scope: Readonly<Record<string, string>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, key = '', quoted, plain] of text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)) {
    found[key] = expand(quoted ?? plain ?? '', scope);
  }
  return found;
}

/** Replaces `${NAME}` from `scope`. */
export function expand(text: string, scope: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = scope[name];
    if (value === undefined) throw new Error(`\${${name}} is not defined`);
    return value;
  });
}
