import type { Fleet } from '../../fleet/fleet.ts';
import type { Runs } from '../runs.ts';
import { AMBIGUOUS, namesCall, type ToolAnswer, type ToolRequest } from '../tools.ts';

type Answered = ToolAnswer | typeof AMBIGUOUS;

/** Runs wherever they go on: a run is one process's, and what is asked of it may come to any. */
export interface RunsOfAll {
  /** Ends the run's calls. False where nobody has it who can be asked. Never rejects. */
  stop(id: string): Promise<boolean>;
  /** As `Runs.knowsToken`. */
  knowsToken(token: string): boolean;
  /** As `Runs.answerTool`. */
  answerTool(request: ToolRequest): Promise<Answered | undefined>;
}

/** How long another process may take, ms: for a tool as long as a suite may have it take, and some; a provider waits while it is looked for whose it is. */
const FIND_MS = 1_500;
const STOP_MS = 3_000;
const TOOL_MS = 65_000;

/**
 * Asks the others for runs that do not go on here, and answers them for those that do. A stranger's guess at a token goes no further than the process that it came
 * to, and neither does the token that one run made for itself: the others are asked with the token that all have.
 */
export function runsOfAll(
  runs: Pick<Runs, 'stop' | 'answerTool' | 'disclaimTool' | 'hasCallOf' | 'mayHaveTool' | 'knowsToken' | 'sharesToken'>,
  fleet: Pick<Fleet, 'self' | 'isAlone' | 'instances' | 'serve' | 'ask' | 'askAll'>,
): RunsOfAll {
  const knowsToken = (token: string) => runs.knowsToken(token);
  if (fleet.isAlone)
    return { knowsToken, stop: async (id) => runs.stop(id), answerTool: (request) => runs.answerTool(request) };
  fleet.serve('tests.stop', async ({ id }: { readonly id: string }) => runs.stop(id) || null);
  fleet.serve('tests.whose_tool', async (request: ToolRequest) => (runs.hasCallOf(request) ? fleet.self : null));
  fleet.serve('tests.tool', async (request: ToolRequest) => (await runs.answerTool(request)) ?? null);
  fleet.serve('tests.may_have_tool', async (request: ToolRequest) => runs.mayHaveTool(request));
  fleet.serve('tests.disclaim_tool', async (request: ToolRequest) => runs.disclaimTool(request));
  /** What the first of the others answers that knows of it. */
  const others = async <A>(name: string, question: object, withinMs: number): Promise<A | undefined> => {
    const asked = (await fleet.instances())
      .filter(({ id }) => id !== fleet.self)
      .map(async ({ id }) => {
        const answer = await fleet.ask<object, A | null>(id, name, question, { withinMs });
        if (answer === null) throw new Error('it knows nothing of it');
        return answer;
      });
    return Promise.any(asked).catch(() => undefined);
  };
  return {
    knowsToken,
    async stop(id) {
      return runs.stop(id) || (await others<true>('tests.stop', { id }, STOP_MS)) === true;
    },
    async answerTool(request) {
      if (!runs.sharesToken(request.token) || runs.hasCallOf(request)) return runs.answerTool(request);
      // Whoever has the call that is named; suites of several runs may have tools of one name.
      if (namesCall(request.body)) {
        const whose = await others<string>('tests.whose_tool', request, FIND_MS);
        if (whose !== undefined) {
          const answer = fleet.ask<ToolRequest, Answered | null>(whose, 'tests.tool', request, { withinMs: TOOL_MS });
          return (await answer.catch(() => null)) ?? undefined;
        }
      }
      // Who has such a tool is asked for any other; of several it is nobody's, wherever they are.
      const able = await fleet.askAll<ToolRequest, number>('tests.may_have_tool', request, { withinMs: FIND_MS });
      if (able.reduce((sum, { answer = 0 }) => sum + answer, 0) > 1) {
        await fleet.askAll('tests.disclaim_tool', request, { withinMs: FIND_MS });
        return AMBIGUOUS;
      }
      return (await runs.answerTool(request)) ?? others<Answered>('tests.tool', request, TOOL_MS);
    },
  };
}
