import { z } from 'zod';
import { hint } from '../suggest.ts';

/**
 * Who is to answer, or to be called, as people write it in routes, prompts, orders and suites: a kind of agent by its name, or an object that says which
 * agent of that kind is meant. `agent: NAME` is the same as `agent: {kind: NAME}`. Pure.
 */

/** What of a kind this reader has to know; see `AgentOptions.target`. */
export interface TargetKind {
  readonly name: string;
  /** As `AgentDefinition.comesIn`. */
  readonly comesIn?: true | undefined;
  readonly options: {
    /** Keys that may stand beside `kind`; left out: none may. */
    readonly target?: Readonly<Record<string, z.ZodType>> | undefined;
    /** As `AgentOptions.saysAddress`. */
    readonly saysAddress?: true | undefined;
    /** What one key alone cannot tell: contradictions. */
    checkTarget?(options: TargetOptions, context: z.core.$RefinementCtx): void;
  };
}

export type TargetOptions = Readonly<Record<string, unknown>>;

/** A kind that there is, and what was said of the agent by that kind's keys. */
export interface Target {
  readonly kind: string;
  readonly options: TargetOptions;
}

/** One thing that is wrong, and at which key below the agent's; none: the agent itself. */
export interface TargetProblem {
  readonly path: readonly PropertyKey[];
  readonly problem: string;
}

export type ParsedTarget =
  | { readonly ok: true; readonly target: Target }
  /** `kind`: the one that was meant, where there is such a kind. */
  | { readonly ok: false; readonly kind: string | undefined; readonly problems: readonly TargetProblem[] };

/** What is wrong with a written agent, in one line. */
export const targetProblems = (problems: readonly TargetProblem[]) =>
  problems.map(({ path, problem }) => `${['agent', ...path].join('.')}: ${problem}`).join('; ');

/**
 * The keys without which an agent of the kind cannot be told apart, each a text; undefined where a few words are not enough to say which one is meant.
 */
export function neededKeys(kind: TargetKind): string[] | undefined {
  const shape = Object.entries(kind.options.target ?? {});
  const needs = shape.flatMap(([key, schema]) => (schema.safeParse(undefined).success ? [] : [key]));
  return needs.length > 0 || parseTarget(kind.name, [kind]).ok ? needs : undefined;
}

/** The kind that a written agent is of, whether there is such a kind or not; undefined where it says none. */
export function kindOfTarget(raw: unknown): string | undefined {
  const named = typeof raw === 'object' && raw !== null ? (raw as { kind?: unknown }).kind : raw;
  return typeof named === 'string' ? named : undefined;
}

/** Whether a written agent is of a kind that is told by its address. */
export function saysAddress(raw: unknown, kinds: readonly TargetKind[]): boolean {
  const name = kindOfTarget(raw);
  return kinds.some((kind) => kind.name === name && kind.options.saysAddress === true);
}

/** Reads what somebody wrote for an agent. `kinds`: those that there are. */
export function parseTarget(raw: unknown, kinds: readonly TargetKind[]): ParsedTarget {
  const names = kinds.map(({ name }) => name);
  const isObject = typeof raw === 'object' && raw !== null && !Array.isArray(raw);
  const wrong = (path: readonly PropertyKey[], problem: string): ParsedTarget => ({
    ok: false,
    kind: undefined,
    problems: [{ path, problem }],
  });
  if (typeof raw !== 'string' && !isObject)
    return wrong([], `must be the name of a kind of agent (there is ${names.join(', ')}), or have it as kind`);
  const { kind: _, ...given } = isObject ? (raw as TargetOptions) : {};
  const name = kindOfTarget(raw);
  const at = isObject ? ['kind'] : [];
  if (name === undefined) return wrong(at, `must be the name of a kind of agent (there is ${names.join(', ')})`);
  const kind = kinds.find((one) => one.name === name);
  if (kind === undefined)
    return wrong(at, `there is no kind of agent "${name}" (there is ${names.join(', ')})${hint(name, names)}`);
  const { target: shape = {}, checkTarget } = kind.options;
  const parsed = z
    .strictObject(shape)
    .superRefine((all, context) => checkTarget?.(all, context))
    .safeParse(given);
  if (parsed.success) return { ok: true, target: { kind: name, options: parsed.data } };
  const problems = parsed.error.issues.flatMap((issue): TargetProblem[] => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        path: [...issue.path, key],
        problem: `is nothing that ${name} understands${hint(key, ['kind', ...Object.keys(shape)])}`,
      }));
    return [{ path: issue.path, problem: issue.message }];
  });
  return { ok: false, kind: name, problems };
}
