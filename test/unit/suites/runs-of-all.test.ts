import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import type { Fleet, Handler } from '../../../src/fleet/fleet.ts';
import { runsOfAll } from '../../../src/suites/http/runs-of-all.ts';
import { testToolsApi } from '../../../src/suites/http/tests-api.ts';
import { AMBIGUOUS, type ToolRequest } from '../../../src/suites/tools.ts';

const NEVER = new AbortController().signal;

/** Processes each with the runs of these ids; what was asked of each is in `asked`. */
function processes(...ids: string[][]) {
  const handlers = ids.map(() => new Map<string, Handler<unknown, unknown>>());
  const asked: string[] = [];
  const disclaimed: string[] = [];
  const all = ids.map((own, at) => {
    const ask = async (instance: string, name: string, question: unknown) => {
      asked.push(`${instance} ${name}`);
      if (instance === 'i2') throw new Error('unreachable');
      return handlers[Number(instance.slice(1))]!.get(name)!(question, NEVER);
    };
    const fleet = {
      self: `i${at}`,
      isAlone: false,
      instances: async () => ids.map((_, n) => ({ id: `i${n}` })),
      serve: (name: string, handler: Handler<unknown, unknown>) => void handlers[at]!.set(name, handler),
      ask,
      askAll: (name: string, question: unknown) =>
        Promise.all(
          ids.map(async (_, n) => {
            const instance = `i${n}`;
            // It knows itself without the network.
            const answer = n === at ? handlers[at]!.get(name)!(question, NEVER) : ask(instance, name, question);
            return answer.then(
              (one) => ({ instance, answer: one }),
              (error: unknown) => ({ instance, error }),
            );
          }),
        ),
    } as unknown as Fleet;
    const runs = {
      stop: (id: string) => own.includes(id),
      hasCallOf: ({ body }: ToolRequest) => own.includes((body as { call_id?: string } | null)?.call_id ?? ''),
      // Each has a call whose id is not known yet.
      mayHaveTool: ({ name }: ToolRequest) => (own.includes(name) ? 1 : 0),
      disclaimTool: ({ name }: ToolRequest): typeof AMBIGUOUS => {
        if (own.includes(name)) disclaimed.push(`i${at}`);
        return AMBIGUOUS;
      },
      answerTool: async ({ name }: ToolRequest) => (own.includes(name) ? { status: 200, body: `i${at}` } : undefined),
      knowsToken: (token: string) => token === 'shared',
      sharesToken: (token: string) => token === 'shared',
    };
    return runsOfAll(runs, fleet);
  });
  return { all, asked, disclaimed };
}

describe('runs of all processes', () => {
  it('are stopped wherever they go on', async () => {
    const { all, asked } = processes(['a'], ['b'], []);
    expect(await all[0]!.stop('a')).toBe(true);
    expect(asked).toEqual([]);
    expect(await all[0]!.stop('b')).toBe(true);
    expect(await all[0]!.stop('c')).toBe(false);
    expect(asked).toEqual(Array.from({ length: 2 }, () => ['i1 tests.stop', 'i2 tests.stop']).flat());
  });

  it('have their tools answered by whoever has them, and a guess at the token asks nobody', async () => {
    const { all, asked } = processes(['a'], ['b'], []);
    const ask = (token: string, name: string) => all[0]!.answerTool({ token, name, body: null });
    expect(await ask('shared', 'a')).toEqual({ status: 200, body: 'i0' });
    expect(asked.splice(0)).toEqual(['i1 tests.may_have_tool', 'i2 tests.may_have_tool']);
    expect(await ask('guess', 'b')).toBeUndefined();
    expect(asked).toEqual([]);
    expect(await ask('shared', 'b')).toEqual({ status: 200, body: 'i1' });
    expect(await ask('shared', 'c')).toBeUndefined();
  });

  it('have their tools answered by whoever has the call that is named, though others have such a tool', async () => {
    const { all, asked } = processes(['a'], ['a', 'call-1'], []);
    const ask = (token: string, call_id: string) => all[0]!.answerTool({ token, name: 'a', body: { call_id } });
    expect(await ask('shared', 'call-1')).toEqual({ status: 200, body: 'i1' });
    expect(asked).toEqual(['i1 tests.whose_tool', 'i2 tests.whose_tool', 'i1 tests.tool']);
    // A call of which nobody knows yet may be of either.
    expect(await ask('shared', 'call-2')).toBe(AMBIGUOUS);
    asked.length = 0;
    await ask('guess', 'call-1');
    expect(asked).toEqual([]);
  });

  it('have their tools answered by nobody where several have such a tool and no call is named, and each counts it', async () => {
    const { all, disclaimed } = processes(['a', 'b'], ['a', 'c'], []);
    const ask = (name: string) => all[0]!.answerTool({ token: 'shared', name, body: null });
    expect(await ask('a')).toBe(AMBIGUOUS);
    expect(disclaimed.toSorted()).toEqual(['i0', 'i1']);
    expect([await ask('b'), await ask('c')]).toMatchObject([{ body: 'i0' }, { body: 'i1' }]);
    expect(disclaimed).toHaveLength(2);
    const app = Fastify();
    await app.register(testToolsApi, { everywhere: all[0]! });
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/tests/tools/shared/a', payload: {} });
    expect([statusCode, JSON.parse(body)]).toMatchObject([409, { error: { code: 'TEST_TOOL_AMBIGUOUS' } }]);
    await app.close();
  });

  it("read no stranger's body", async () => {
    const { all } = processes(['a'], []);
    const app = Fastify();
    await app.register(testToolsApi, { everywhere: all[0]! });
    const ask = async (path: string, payload: string) => {
      const headers = { 'content-type': 'application/json' };
      const { statusCode, body } = await app.inject({ method: 'POST', url: `/tests/tools/${path}`, headers, payload });
      return [statusCode, JSON.parse(body)];
    };
    expect(await ask('shared/a', '{}')).toEqual([200, 'i0']);
    expect((await ask('shared/b', '{}'))[0]).toBe(404);
    expect((await ask('shared/a', '{"no json'))[0]).toBe(400);
    expect(await ask('guess/a', '{"no json')).toMatchObject([404, { error: { code: 'TEST_TOOL_UNKNOWN' } }]);
    await app.close();
  });
});
