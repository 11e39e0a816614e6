import { z } from 'zod';
import { namedSchemas, type RouteDefinition } from '../../http/route.ts';
import { SUITE_NAME } from '../load.ts';
import { MASKS } from '../mask.ts';
import { caseReport, runReport } from '../report/types.ts';
import { CASE_ID, RUN_ID } from '../store.ts';

/** The interface for tests of agents, as data: requests are checked by it and the OpenAPI document is made of it. */

const runId = z.string().regex(RUN_ID, 'must be the id of a run');
const ofRun = z.strictObject({ id: runId });
const ofCase = z.strictObject({ id: runId, case: z.string().regex(CASE_ID, 'must be the id of a case') });

const runOrder = z
  .strictObject({
    suite: z
      .string()
      .regex(SUITE_NAME, 'must be the name of a file of SUITES_DIR')
      .optional()
      .describe('A file of SUITES_DIR; needed unless a run is gone on with or judged again.'),
    only: z
      .array(z.string().min(1).max(200))
      .min(1)
      .max(100)
      .optional()
      .describe('Cases with this in their name or id.'),
    repeat: z.int().min(1).max(1_000).optional().describe("In place of the suite's own."),
    concurrency: z.int().min(1).max(100).optional().describe("Calls at once, in place of the suite's own."),
    mask: z.enum(MASKS).optional().describe('What is left out of what is kept; TESTS_MASK without it.'),
    resume: runId.optional().describe('A run that was cut short: what it has is not called again.'),
    rejudge: runId
      .optional()
      .describe('A run whose cases are decided anew, without a call; by suite as it is now, or by its own.'),
  })
  .refine(({ suite, resume, rejudge }) => suite !== undefined || resume !== undefined || rejudge !== undefined, {
    message: 'must have suite, resume or rejudge',
  })
  .refine(({ resume, rejudge }) => resume === undefined || rejudge === undefined, {
    message: 'has resume and rejudge: one of them',
  })
  .describe('A run to be begun.');

const suiteView = z
  .object({
    file: z.string(),
    name: z.string().optional(),
    description: z.string().optional(),
    cases: z.number(),
    problems: z.array(z.string()).describe('Why it cannot be run; empty where it can.'),
  })
  .describe('A suite.');
const peaks = z.array(z.number().min(0).max(1)).describe('Highest magnitude in each part, 0 to 1.');
const tapeOutline = z
  .object({ durationMs: z.number(), caller: peaks, agent: peaks })
  .describe('The outline of a tape.');
const suiteList = z.object({ suites: z.array(suiteView) });
const runList = z.object({ runs: z.array(runReport) });

namedSchemas.add(runOrder, { id: 'TestRunOrder' });
namedSchemas.add(suiteView, { id: 'TestSuite' });
namedSchemas.add(runReport, { id: 'TestRun' });
namedSchemas.add(caseReport, { id: 'TestCase' });
namedSchemas.add(tapeOutline, { id: 'TestTapeOutline' });

export const testRoutes = {
  listSuites: {
    method: 'GET',
    url: '/tests/suites',
    operationId: 'listTestSuites',
    summary: 'The suites that there are.',
    success: { status: 200, body: suiteList },
    errors: {},
  },
  startRun: {
    method: 'POST',
    url: '/tests/runs',
    operationId: 'startTestRun',
    summary: 'Begins a run of a suite, goes on with one, or judges one again. Its progress is told on /events.',
    body: runOrder,
    success: { status: 202, body: runReport },
    errors: {
      404: ['SUITE_UNKNOWN', 'RUN_UNKNOWN'],
      409: ['RUN_GOES_ON'],
      422: ['SUITE_INVALID', 'SUITE_EMPTY', 'SUITE_UNREACHABLE', 'RUN_MASKED'],
      429: ['RUNS_TOO_MANY'],
    },
  },
  listRuns: {
    method: 'GET',
    url: '/tests/runs',
    operationId: 'listTestRuns',
    summary: 'The runs that are kept, the latest first.',
    query: z.strictObject({ limit: z.coerce.number().int().min(1).max(200).default(50) }),
    success: { status: 200, body: runList },
    errors: {},
  },
  getRun: {
    method: 'GET',
    url: '/tests/runs/:id',
    operationId: 'getTestRun',
    summary: 'A run as it is now.',
    params: ofRun,
    success: { status: 200, body: runReport },
    errors: { 404: ['RUN_UNKNOWN'] },
  },
  stopRun: {
    method: 'POST',
    url: '/tests/runs/:id/stop',
    operationId: 'stopTestRun',
    summary: 'Ends the calls of a run that goes on; what it has is kept.',
    params: ofRun,
    success: { status: 202, body: runReport },
    errors: { 404: ['RUN_UNKNOWN'], 409: ['RUN_GOES_ON'] },
  },
  removeRun: {
    method: 'DELETE',
    url: '/tests/runs/:id',
    operationId: 'removeTestRun',
    summary: 'Removes all that is kept of a run that is over.',
    params: ofRun,
    success: { status: 204 },
    errors: { 404: ['RUN_UNKNOWN'], 409: ['RUN_GOES_ON'] },
  },
  getReport: {
    method: 'GET',
    url: '/tests/runs/:id/report',
    operationId: 'getTestReport',
    summary: "A run in another form: one page of HTML, JUnit's XML, or a summary in Markdown.",
    params: ofRun,
    query: z.strictObject({ format: z.enum(['html', 'junit', 'markdown']) }),
    success: { status: 200, types: ['text/html', 'application/xml', 'text/markdown'] },
    errors: { 404: ['RUN_UNKNOWN'] },
  },
  getCase: {
    method: 'GET',
    url: '/tests/runs/:id/cases/:case',
    operationId: 'getTestCase',
    summary: 'One case of a run, with its conversation, measures and verdicts.',
    params: ofCase,
    success: { status: 200, body: caseReport },
    errors: { 404: ['RUN_UNKNOWN'] },
  },
  getTape: {
    method: 'GET',
    url: '/tests/runs/:id/cases/:case/tape',
    operationId: 'getTestTape',
    summary: 'What was heard in a case, in stereo: the caller left, the agent right.',
    params: ofCase,
    success: { status: 200, types: ['audio/wav'] },
    errors: { 404: ['TAPE_UNKNOWN'] },
  },
  getOutline: {
    method: 'GET',
    url: '/tests/runs/:id/cases/:case/tape/peaks',
    operationId: 'getTestTapePeaks',
    summary: 'The outline of a tape, for drawing it.',
    params: ofCase,
    query: z.strictObject({ buckets: z.coerce.number().int().min(1).max(10_000).default(1_000) }),
    success: { status: 200, body: tapeOutline },
    errors: { 404: ['TAPE_UNKNOWN'] },
  },
  askTool: {
    method: 'POST',
    url: '/tests/tools/:token/:name',
    operationId: 'askTestTool',
    summary:
      "Answers for a target's tool while a run goes on, as the suite says; the token in the address is the run's.",
    params: z.strictObject({ token: z.string().min(1).max(100), name: z.string().min(1).max(100) }),
    body: z.unknown(),
    success: { status: 200, body: z.unknown() },
    errors: { 404: ['TEST_TOOL_UNKNOWN'], 409: ['TEST_TOOL_AMBIGUOUS'] },
    access: 'anybody',
  },
} as const satisfies Record<string, RouteDefinition>;
