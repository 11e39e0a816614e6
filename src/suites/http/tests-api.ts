import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { FastifyPluginAsync, FastifyReply } from 'fastify';
import { type AdminOptions, adminGuard } from '../../http/admin.ts';
import { ApiError, answerErrors } from '../../http/api-error.ts';
import { checked } from '../../http/checked.ts';
import { outlineOf } from '../outline.ts';
import { htmlPage, type Outline } from '../report/html.ts';
import { junitXml } from '../report/junit.ts';
import { markdownReport } from '../report/markdown.ts';
import type { CaseReport, RunReport } from '../report/types.ts';
import type { Runs } from '../runs.ts';
import type { RunStore } from '../store.ts';
import { AMBIGUOUS } from '../tools.ts';
import { refused } from './errors.ts';
import type { RunsOfAll } from './runs-of-all.ts';
import { testRoutes } from './tests-api-routes.ts';

export interface TestsApiOptions {
  readonly admin: AdminOptions;
  readonly runs: Runs;
  readonly everywhere: RunsOfAll;
  readonly store: RunStore;
}

/** Largest body of a tool's request, bytes: providers send the conversation with it. */
const TOOL_BODY_BYTES = 1024 * 1024;
/** Parts of a tape's outline on a page of HTML. */
const PAGE_BUCKETS = 400;

/** `/tests`: suites, runs and what they left, for operators. */
export const testsApi: FastifyPluginAsync<TestsApiOptions> = async (app, { admin, runs, everywhere, store }) => {
  answerErrors(app);
  app.addHook('onRequest', adminGuard(admin));
  const { listSuites, startRun, listRuns, getRun, stopRun, removeRun, getReport, getCase, getTape, getOutline } =
    testRoutes;

  const known = async (id: string): Promise<RunReport> => {
    const report = await runs.get(id);
    if (report === undefined) throw unknownRun();
    return report;
  };

  app.get(listSuites.url, { config: { describes: listSuites } }, async () => ({ suites: await runs.suites() }));

  app.post(startRun.url, { config: { describes: startRun } }, async (request, reply) => {
    const order = checked(startRun.body, request.body, 'body');
    const report = await runs.start(order).catch((error: unknown) => {
      throw refused(error);
    });
    request.log.info({ run: report.id, suite: report.suiteFile }, 'a run of tests was begun by an operator');
    return reply.code(202).send(report);
  });

  app.get(listRuns.url, { config: { describes: listRuns } }, async (request) => {
    const { limit } = checked(listRuns.query, request.query, 'query');
    return { runs: await runs.list(limit) };
  });

  app.get(getRun.url, { config: { describes: getRun } }, async (request) =>
    known(checked(getRun.params, request.params, 'path').id),
  );

  app.post(stopRun.url, { config: { describes: stopRun } }, async (request, reply) => {
    const { id } = checked(stopRun.params, request.params, 'path');
    const isStopped = await everywhere.stop(id);
    const report = await known(id);
    if (!isStopped && report.state === 'running')
      throw new ApiError(409, 'RUN_GOES_ON', 'the run goes on in a process that cannot be asked to stop it');
    return reply.code(202).send(report);
  });

  app.delete(removeRun.url, { config: { describes: removeRun } }, async (request, reply) => {
    const { id } = checked(removeRun.params, request.params, 'path');
    const removed = await runs.remove(id).catch((error: unknown) => {
      throw refused(error);
    });
    if (!removed) throw unknownRun();
    return reply.code(204).send();
  });

  app.get(getReport.url, { config: { describes: getReport } }, async (request, reply) => {
    const { id } = checked(getReport.params, request.params, 'path');
    const { format } = checked(getReport.query, request.query, 'query');
    const report = await known(id);
    if (format === 'junit') return reply.type('application/xml; charset=utf-8').send(junitXml(report));
    if (format === 'markdown') return reply.type('text/markdown; charset=utf-8').send(markdownReport(report));
    const cases = await casesOf(report, store);
    const outlines = await outlinesOf(report.id, cases, store);
    const page = htmlPage(report, cases, (one) => outlines.get(one));
    // Opened by a browser at this address it can do nothing, whatever its words are.
    return reply
      .type('text/html; charset=utf-8')
      .headers({
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        'x-content-type-options': 'nosniff',
      })
      .send(page);
  });

  app.get(getCase.url, { config: { describes: getCase } }, async (request) => {
    const { id, case: one } = checked(getCase.params, request.params, 'path');
    const report = await runs.readCase(id, one);
    if (report === undefined) throw unknownRun();
    return report;
  });

  app.get(getTape.url, { config: { describes: getTape } }, async (request, reply) => {
    const { id, case: one } = checked(getTape.params, request.params, 'path');
    return sendTape(store.tapeOf(id, one), reply);
  });

  app.get(getOutline.url, { config: { describes: getOutline } }, async (request, reply) => {
    const { id, case: one } = checked(getOutline.params, request.params, 'path');
    const { buckets } = checked(getOutline.query, request.query, 'query');
    if (!store.hasTape(id, one)) throw unknownTape();
    return reply.header('cache-control', 'no-store').send(await outlineOf(store.tapeOf(id, one), buckets));
  });
};

/** `/tests/tools/…`: what targets ask of their tools. Whoever knows the run's token may. */
export const testToolsApi: FastifyPluginAsync<Pick<TestsApiOptions, 'everywhere'>> = async (app, { everywhere }) => {
  answerErrors(app);
  const { askTool } = testRoutes;
  const unknown = () => new ApiError(404, 'TEST_TOOL_UNKNOWN', 'there is no such tool');
  // Of a stranger no body is read.
  app.addHook('onRequest', async (request) => {
    if (!everywhere.knowsToken(checked(askTool.params, request.params, 'path').token)) throw unknown();
  });
  app.post(
    askTool.url,
    { config: { describes: askTool }, bodyLimit: TOOL_BODY_BYTES },
    async (request, reply): Promise<FastifyReply> => {
      const { token, name } = checked(askTool.params, request.params, 'path');
      const answer = await everywhere.answerTool({ token, name, body: request.body });
      if (answer === undefined) throw unknown();
      if (answer === AMBIGUOUS)
        throw new ApiError(409, 'TEST_TOOL_AMBIGUOUS', 'several runs have such a tool: the request must name its call');
      return reply.code(answer.status).type('application/json; charset=utf-8').send(JSON.stringify(answer.body));
    },
  );
};

/** All cases of a run, with all that is known of them. */
export async function casesOf(report: RunReport, store: RunStore): Promise<CaseReport[]> {
  const cases: CaseReport[] = [];
  for (const { id } of report.cases) {
    const one = await store.readCase(report.id, id);
    if (one !== undefined) cases.push(one);
  }
  return cases;
}

/** The pictures of a run's tapes, by case, for a page: all tapes are read for them. */
export async function outlinesOf(
  run: string,
  cases: readonly CaseReport[],
  store: RunStore,
): Promise<Map<string, Outline>> {
  const outlines = new Map<string, Outline>();
  for (const { id, tape } of cases) {
    const outline = tape ? await outlineOf(store.tapeOf(run, id), PAGE_BUCKETS).catch(() => undefined) : undefined;
    if (outline !== undefined) outlines.set(id, outline);
  }
  return outlines;
}

async function sendTape(path: string, reply: FastifyReply): Promise<FastifyReply> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw unknownTape();
  return (
    reply
      .headers({
        'content-type': 'audio/wav',
        'content-length': found.size,
        'cache-control': 'private, no-cache',
        'x-content-type-options': 'nosniff',
      })
      // As long as it was a moment ago: one that is still written does not make the answer longer than it says.
      .send(createReadStream(path, { start: 0, end: Math.max(0, found.size - 1) }))
  );
}

const unknownRun = () => new ApiError(404, 'RUN_UNKNOWN', 'there is no such run, or no such case in it');
const unknownTape = () => new ApiError(404, 'TAPE_UNKNOWN', 'there is no tape of such a case');
