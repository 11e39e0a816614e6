import { basename } from 'node:path';
import { z } from 'zod';
import { parseTarget, type Target, type TargetKind } from '../agents/target.ts';
import { CALLER_KEYS, type CallerSpec, callerSpec } from '../callers/test/spec.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import { readOperatorFile, readYaml, type Structured, schemaProblems } from '../operator-file.ts';
import { hint } from '../suggest.ts';
import { type Checks, caseSchema, type Gates, SUITE_KEYS, suiteSchema, type WrittenSuite } from './schema.ts';
import { putIn, type Variables } from './variables.ts';

/** Reads a suite and checks it, all variants of all cases, each as if it were written out. */

/** Names of suites' files. */
export const SUITE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.ya?ml$/;

/** The daemon itself as a target: what a caller of this number would get, or a prompt's agent. */
export const SELF = 'self';
export const selfTarget = {
  /** Name of the prompt; that of the route without it. */
  prompt: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be the name of a prompt')
    .optional(),
  /** The number that is called, and the caller's, by which the route is chosen. */
  to: z
    .string('must be a text: write numbers in quotes')
    .regex(/^\+[1-9]\d{6,14}$/, 'must be a number in E.164 form')
    .optional(),
  from: z
    .string('must be a text: write numbers in quotes')
    .regex(/^\+[1-9]\d{6,14}$/, 'must be a number in E.164 form')
    .optional(),
};

/** A criterion that a judge is asked. */
export interface Criterion {
  readonly id: string;
  readonly criterion: string;
}

/** One variant of a case, checked. */
export interface SuiteCase {
  readonly name: string;
  /** Unique in its suite: letters, digits, - and . */
  readonly id: string;
  readonly target: Target;
  readonly caller: CallerSpec;
  readonly variables: Variables;
  readonly repeat: number;
  readonly checks: Checks;
  readonly success: readonly Criterion[];
  readonly gates: Gates;
}

export interface Suite
  extends Pick<
    WrittenSuite,
    'concurrency' | 'limits' | 'retries' | 'seed' | 'budget' | 'judge' | 'transcribe' | 'tools' | 'gates'
  > {
  readonly name: string;
  readonly description: string | undefined;
  readonly cases: readonly SuiteCase[];
  /** The file's own words: what a run keeps, so that it can be gone on with. */
  readonly text: string;
}

/** What there is that a suite may name. */
export interface SuiteTargets {
  /** The kinds of agents. */
  readonly agents: readonly TargetKind[];
}

/** Reads a file. Rejects with CONFIG_INVALID, one line a problem: `suites/x.yaml:7: ...`. */
export async function loadSuite(path: string, targets: SuiteTargets): Promise<Suite> {
  let text: string;
  try {
    text = await readOperatorFile(path);
  } catch (error) {
    throw new BridgeError('CONFIG_INVALID', `${path}: cannot be read: ${errorMessage(error)}`, { cause: error });
  }
  return parseSuite(path, text, targets);
}

/** As `loadSuite`, from a text. Throws CONFIG_INVALID. */
export function parseSuite(path: string, text: string, targets: SuiteTargets): Suite {
  const document = readYaml(text);
  const reader = new Reader(path, document, targets);
  const written = suiteSchema.safeParse(document.value);
  for (const { line, problem } of document.problems) reader.add(line, problem);
  if (document.problems.length === 0 && !written.success)
    for (const { line, problem } of schemaProblems(document, written.error, SUITE_KEYS)) reader.add(line, problem);
  if (!written.success || reader.problems.length > 0) throw reader.failure();
  reader.limits(written.data);
  const cases = reader.cases(written.data);
  if (reader.problems.length > 0) throw reader.failure();
  const { name = basename(path).replace(/\.ya?ml$/, ''), description, ...rest } = written.data;
  const { concurrency, limits, retries, seed, budget, judge, transcribe, tools, gates } = rest;
  return {
    name,
    description,
    concurrency,
    limits,
    retries,
    seed,
    budget,
    judge,
    transcribe,
    tools,
    gates,
    cases,
    text,
  };
}

/** Keys of a case that are its caller's. */
const CALLERS_OWN = ['steps', 'persona', 'goal'] as const;

/** Reads the cases of one file; problems gather. */
class Reader {
  readonly problems: string[] = [];
  readonly #path: string;
  readonly #document: Structured;
  readonly #kinds: readonly TargetKind[];

  constructor(path: string, document: Structured, { agents }: SuiteTargets) {
    this.#path = path;
    this.#document = document;
    this.#kinds = [{ name: SELF, options: { target: selfTarget } }, ...agents];
  }

  add(line: number, problem: string): void {
    const told = `${this.#path}:${line}: ${problem}`;
    // Variants of a case have the same fault at the same place.
    if (!this.problems.includes(told)) this.problems.push(told);
  }

  failure(): BridgeError {
    return new BridgeError('CONFIG_INVALID', this.problems.join('\n'));
  }

  limits({ limits }: WrittenSuite): void {
    for (const kind of Object.keys(limits)) {
      const problem = unknownKind(kind, this.#kinds);
      if (problem !== undefined) this.#at(['limits', kind], problem);
    }
  }

  cases(suite: WrittenSuite): SuiteCase[] {
    const ids = new Set<string>();
    return suite.cases.flatMap(({ name, each = [{}], variables: own }, index) => {
      const base = slug(name) || `case-${index + 1}`;
      if (ids.has(base)) {
        this.#at(['cases', index, 'name'], 'another case has this name: say it differently');
        return [];
      }
      ids.add(base);
      return each.flatMap((variant, i) => {
        const id = each.length === 1 ? base : `${base}.${i + 1}`;
        const read = this.#case(suite, index, { ...suite.variables, ...own, ...variant }, id);
        return read === undefined ? [] : [read];
      });
    });
  }

  #case(suite: WrittenSuite, index: number, variables: Variables, id: string): SuiteCase | undefined {
    const path = ['cases', index] as const;
    const before = this.problems.length;
    // The caller may stand elsewhere; its variables are put in where it does.
    const { each: _, variables: __, caller, target: own, ...rest } = suite.cases[index]!;
    const filled = this.#fill(rest, variables, path) as Readonly<Record<string, unknown>>;
    if (this.problems.length > before) return undefined;
    const parsed = caseSchema.safeParse({ ...filled, ...(caller === undefined ? {} : { caller }) });
    if (!parsed.success) {
      for (const { line, problem } of schemaProblems(this.#document, prefixed(parsed.error, path), SUITE_KEYS))
        this.add(line, problem);
      return undefined;
    }
    const target = this.#target(suite, own, index, variables);
    const spec = this.#caller(suite, parsed.data.caller, filled, index, variables);
    if (this.problems.length > before || target === undefined || spec === undefined) return undefined;
    const { name, checks = {}, success: written = [], gates = {}, repeat = suite.repeat } = parsed.data;
    const success = written.map((one, i) => ({
      id: ('id' in one ? one.id : undefined) ?? String(i + 1),
      criterion: one.criterion,
    }));
    for (const [i, { id: own }] of success.entries())
      if (success.findIndex((one) => one.id === own) < i)
        this.#at([...path, 'success', i], `another criterion has the id "${own}"`);
    return {
      name,
      id,
      target,
      caller: spec,
      variables,
      repeat,
      checks,
      success,
      gates,
    };
  }

  #target(suite: WrittenSuite, own: unknown, index: number, variables: Variables): Target | undefined {
    const [raw, path] = own === undefined ? [suite.target, ['target']] : [own, ['cases', index, 'target']];
    if (raw === undefined) {
      this.#at(
        ['cases', index],
        `has no target: say target, here or for the whole suite (${SELF}, or a kind of agent)`,
      );
      return undefined;
    }
    // Targets have places of their own, for what is known only when the call is made: those stay.
    const filled = putIn(raw, variables).value;
    const parsed = parseTarget(filled, this.#kinds);
    if (parsed.ok) return parsed.target;
    for (const { path: below, problem } of parsed.problems) this.#at([...path, ...below], problem);
    return undefined;
  }

  /** The caller: a named one, or the case's own, with the keys that stand beside it. */
  #caller(
    suite: WrittenSuite,
    caller: string | Readonly<Record<string, unknown>> | undefined,
    filled: Readonly<Record<string, unknown>>,
    index: number,
    variables: Variables,
  ): CallerSpec | undefined {
    const path = ['cases', index];
    const named = typeof caller === 'string';
    if (named && !Object.hasOwn(suite.callers, caller)) {
      this.#at([...path, 'caller'], `there is no caller "${caller}"${hint(caller, Object.keys(suite.callers))}`);
      return undefined;
    }
    const from = named ? ['callers', caller] : [...path, 'caller'];
    const given = (named ? suite.callers[caller] : caller) ?? {};
    const own = Object.fromEntries(
      CALLERS_OWN.filter((key) => filled[key] !== undefined).map((key) => [key, filled[key]]),
    );
    const before = this.problems.length;
    const described = this.#fill(given, variables, from) as Readonly<Record<string, unknown>>;
    if (this.problems.length > before) return undefined;
    const kind = described['kind'] ?? ('steps' in own ? 'script' : 'goal' in own ? 'persona' : undefined);
    if (kind === undefined) {
      this.#at(path, 'has no caller: say steps, a goal, or caller');
      return undefined;
    }
    const read = callerSpec.safeParse({ ...described, ...own, kind });
    if (read.success) return read.data;
    const isOwn = (key: PropertyKey | undefined) => CALLERS_OWN.some((one) => one === key && key in own);
    const mapped = new z.ZodError(
      read.error.issues.map((issue) => ({
        ...issue,
        path: [...(isOwn(issue.path[0]) ? path : from), ...issue.path],
      })),
    );
    for (const { line, problem } of schemaProblems(this.#document, mapped, CALLER_KEYS)) this.add(line, problem);
    return undefined;
  }

  #fill(raw: unknown, variables: Variables, path: readonly PropertyKey[]): unknown {
    const { value, problems } = putIn(raw, variables);
    for (const { path: below, name } of problems)
      this.#at([...path, ...below], `there is no variable "${name}"${hint(name, Object.keys(variables))}`);
    return value;
  }

  #at(path: readonly PropertyKey[], problem: string): void {
    this.add(this.#document.lineOf(path), `${path.join('.')}: ${problem}`);
  }
}

/** What is wrong with a limit's kind of agent; undefined: there is such a kind. */
export function unknownKind(kind: string, kinds: ReadonlyArray<{ readonly name: string }>): string | undefined {
  const names = [...new Set([SELF, ...kinds.map(({ name }) => name)])];
  return names.includes(kind) ? undefined : `there is no kind of agent "${kind}"${hint(kind, names)}`;
}

function prefixed(error: z.ZodError, path: readonly PropertyKey[]): z.ZodError {
  return new z.ZodError(error.issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] })));
}

/** A name as part of a file's and an address's. */
export function slug(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60);
}
