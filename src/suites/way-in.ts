import type { TargetKind } from '../agents/target.ts';
import { SELF, type Suite, type SuiteCase } from './load.ts';

/** Whether a run's targets have to come to the daemon that has it, from outside, and what of its settings that needs. Pure. */

/** What of a run comes in. */
export interface WayIn {
  /** Kinds of targets that are brought to this daemon: it is not enough that it goes to them. */
  readonly brought: readonly string[];
  /** The suite answers for tools, which their owners ask for by HTTP. */
  readonly hasTools: boolean;
  /** Whether those who ask are another's: this daemon's own agent asks from the same machine. */
  readonly isAskedByOthers: boolean;
}

/** The settings that say where the daemon is and what it is asked under. */
export interface WayInSettings {
  readonly PUBLIC_URL?: string | undefined;
  readonly TESTS_TOOLS_TOKEN?: string | undefined;
}

/** What of a run of these cases comes in; undefined where nothing does. */
export function wayInOf(
  { tools }: Pick<Suite, 'tools'>,
  cases: ReadonlyArray<Pick<SuiteCase, 'target'>>,
  kinds: readonly TargetKind[],
): WayIn | undefined {
  const called = new Set(cases.map(({ target }) => target.kind));
  const brought = kinds.filter(({ name, comesIn }) => comesIn === true && called.has(name)).map(({ name }) => name);
  const hasTools = Object.keys(tools).length > 0;
  if (brought.length === 0 && !hasTools) return undefined;
  return { brought, hasTools, isAskedByOthers: hasTools && [...called].some((kind) => kind !== SELF) };
}

/** Settings without which nobody could come, a sentence each that begins with the setting's name; empty where all are there. */
export function missingFor({ brought, hasTools, isAskedByOthers }: WayIn, settings: WayInSettings): string[] {
  const missing: string[] = [];
  const comers = [
    ...(brought.length > 0 ? [`what rings a target of the kind ${brought.join(' or ')} comes back with it`] : []),
    ...(isAskedByOthers ? ["the suite has tools, which the target's side asks for"] : []),
  ];
  if (comers.length > 0 && settings.PUBLIC_URL === undefined)
    missing.push(
      `PUBLIC_URL is not set: ${comers.join(', and ')}; set it to where this daemon is reached from outside, a tunnel's address for one`,
    );
  if (hasTools && settings.TESTS_TOOLS_TOKEN === undefined)
    missing.push(
      'TESTS_TOOLS_TOKEN is not set: the suite has tools, and their address, /tests/tools/TOKEN/NAME, can be given to nobody while each run makes a token of its own',
    );
  return missing;
}
