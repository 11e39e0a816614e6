import { z } from 'zod';
import { namedSchemas, type RouteDefinition } from '../../http/route.ts';
import { parseNumber } from '../../numbering/number.ts';
import { TEXT_MOST } from '../files.ts';

/** The interface for whoever builds agents, as data: requests are checked by it and the OpenAPI document is made of it. */

const fileName = z
  .string()
  .max(80)
  .regex(/^(?:routes|prompts\/[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.md)$/, 'must be routes, or prompts/NAME.md')
  .meta({ description: 'A file of agents.', examples: ['prompts/default.md', 'routes'] });
const text = z.string().max(TEXT_MOST);
/** Bytes of a request that brings such a text: each character may be written as six of them. */
export const TEXT_BODY_BYTES = TEXT_MOST * 6 + 4_096;
/** How deep arguments may lie in one another: what writes them down again goes as deep. */
const DEPTH_MOST = 64;

/** Whether nothing of a JSON value lies deeper. */
function isShallow(value: unknown, most: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return false;
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
  return true;
}
const hash = z
  .string()
  .regex(/^[0-9a-f]{16}$/)
  .describe('Tells a text from any other.');
/** A number as people write it, or an identity as it is. */
const end = z
  .string()
  .min(1)
  .max(300)
  .transform((given) => parseNumber(given) ?? given.trim())
  .describe('A phone number, E.164 or as people write it; or an identity.');
const lines = z.array(z.string()).describe('One line each.');
const findings = z.object({ problems: lines, warnings: lines });
const file = z.object({ name: fileName, text, hash });

const agentsView = z
  .object({
    prompts: z.array(
      z.object({
        name: z.string(),
        file: fileName,
        description: z.string().nullable(),
        agent: z.string().describe('The kind of agent.'),
        tools: z.array(z.string()).nullable().describe('As the prompt names them; null: all.'),
      }),
    ),
    routes: z.array(
      z.object({
        name: z.string(),
        to: z.array(z.string()).nullable(),
        from: z.array(z.string()).nullable(),
        timed: z.boolean().describe('Whether it fits at some times alone.'),
        prompt: z.string().nullable(),
        agent: z.string(),
      }),
    ),
    kinds: z
      .array(
        z.object({
          name: z.string(),
          title: z.string(),
          needs: z.array(z.string()).describe('Keys that say which agent of the kind is meant.'),
        }),
      )
      .describe(
        'Kinds of agents that can be chosen by a few words; whether their settings are there shows when one is called.',
      ),
    timezone: z.string(),
    tools: z.array(
      z.object({
        name: z.string(),
        source: z.enum(['file', 'http', 'mcp']),
        enabled: z.boolean(),
        description: z.string(),
        parameters: z.looseObject({}).describe('JSON schema of the arguments.'),
        touches: z.array(z.string()),
      }),
    ),
    files: z.array(fileName),
    readOnly: z.string().nullable().describe('Why nothing can be saved; null: it can.'),
    ...findings.shape,
  })
  .describe('What agents are made of, as it is now, and what is wrong with it.');
namedSchemas.add(agentsView, { id: 'Agents' });

const explained = z.object({
  considered: z
    .array(z.object({ route: z.string(), to: z.boolean(), from: z.boolean(), when: z.boolean() }))
    .describe('The routes that were looked at, in order, and by what each fits; the last takes the call.'),
  prompt: z.string().nullable(),
  agent: z.string(),
  model: z.string(),
  tools: z.array(z.string()),
});

const setupView = z
  .object({
    webhook: z.object({
      url: z.string().nullable().describe('Where carriers have to send calls; null: PUBLIC_URL is not set.'),
      events: z.string().nullable(),
    }),
    model: z.object({ about: z.string(), name: z.string(), simulated: z.boolean() }),
    carriers: z.array(z.object({ name: z.string(), title: z.string(), signed: z.boolean(), places: z.boolean() })),
    todo: z
      .array(z.object({ what: z.string(), how: z.string() }))
      .describe('What is still to be done before somebody can dial.'),
  })
  .describe('What a first call needs.');
namedSchemas.add(setupView, { id: 'Setup' });
const checkResult = z.object({
  name: z.string(),
  status: z.enum(['pass', 'warn', 'fail', 'skip']),
  detail: z.string(),
  advice: z.string().optional(),
});

export const workbenchRoutes = {
  agents: {
    method: 'GET',
    url: '/agents',
    operationId: 'getAgents',
    summary: 'Prompts, routes and tools as they are now, and what is wrong with them.',
    success: { status: 200, body: agentsView },
    errors: {},
  },
  file: {
    method: 'GET',
    url: '/agents/file',
    operationId: 'getAgentFile',
    summary: 'The text of a file, or of a version of it.',
    query: z.strictObject({ name: fileName, version: hash.optional() }),
    success: { status: 200, body: file },
    errors: { 404: ['FILE_UNKNOWN'] },
  },
  versions: {
    method: 'GET',
    url: '/agents/file/versions',
    operationId: 'listAgentFileVersions',
    summary: 'The texts that a file had, the newest first.',
    query: z.strictObject({ name: fileName }),
    success: {
      status: 200,
      body: z.object({
        versions: z.array(z.object({ hash, at: z.number(), by: z.string().nullable(), characters: z.number().int() })),
      }),
    },
    errors: { 404: ['FILE_UNKNOWN'] },
  },
  check: {
    method: 'POST',
    url: '/agents/file/check',
    operationId: 'checkAgentFile',
    audited: false,
    summary: 'What would be wrong if a file had this text.',
    body: z.strictObject({ name: fileName, text }),
    success: { status: 200, body: findings },
    errors: { 404: ['FILE_UNKNOWN'] },
  },
  save: {
    method: 'POST',
    url: '/agents/file',
    operationId: 'saveAgentFile',
    role: 'admin',
    summary: 'Gives a file a text, or makes it. It counts for calls that begin afterwards.',
    body: z.strictObject({
      name: fileName,
      text,
      expect: hash
        .optional()
        .describe('The hash of the text that this one is in place of; left out: there is none yet.'),
    }),
    success: { status: 200, body: file },
    errors: {
      403: ['FILES_READ_ONLY'],
      404: ['FILE_UNKNOWN'],
      409: ['FILE_CHANGED'],
      422: ['FILE_WRONG'],
      500: ['FILES_UNLOCKABLE'],
      503: ['FILES_BUSY'],
    },
  },
  draft: {
    method: 'POST',
    url: '/agents/drafts',
    operationId: 'makeDraft',
    summary: 'Makes a prompt that is in no file and can be called for half an hour, by the name that is answered.',
    body: z.strictObject({ text }),
    success: { status: 201, body: z.object({ prompt: z.string(), seconds: z.number() }) },
    errors: { 403: ['ROLE_TOO_LOW'], 422: ['FILE_WRONG'] },
  },
  answer: {
    method: 'POST',
    url: '/agents/answer',
    operationId: 'explainAnswer',
    audited: false,
    role: 'viewer',
    summary: 'Who would answer such a call, and why. Makes nothing.',
    body: z.strictObject({
      to: end.optional().describe('The number that is dialled; left out: none, as from a web page.'),
      from: end.optional().describe('Who calls; left out: withheld.'),
      at: z.iso.datetime({ offset: true }).optional().describe('When; left out: now.'),
    }),
    success: { status: 200, body: explained },
    errors: {},
  },
  tryTool: {
    method: 'POST',
    url: '/agents/tools/:name/try',
    operationId: 'tryTool',
    summary:
      'Runs a tool as a call would, on a copy of the business’s data and without a line. A service outside is asked only with `send`.',
    params: z.strictObject({ name: z.string().max(64) }),
    body: z.strictObject({
      arguments: z
        .record(z.string(), z.unknown())
        .refine((given) => isShallow(given, DEPTH_MOST), `must not be deeper than ${DEPTH_MOST}`)
        .default({}),
      from: end.optional(),
      to: end.optional(),
      send: z.boolean().default(false),
    }),
    success: {
      status: 200,
      body: z.object({
        outcome: z.string(),
        output: z.string().nullable().describe('What the model would have read.'),
        ms: z.number(),
        asked: z.array(z.object({ what: z.string(), with: z.string().nullable() })),
      }),
    },
    errors: { 404: ['TOOL_UNKNOWN'], 503: ['TRIALS_TOO_MANY'] },
  },
  setup: {
    method: 'GET',
    url: '/setup',
    operationId: 'getSetup',
    summary: 'What a first call needs: the webhook’s address, the model, carriers, and what is still to be done.',
    success: { status: 200, body: setupView },
    errors: {},
  },
  doctor: {
    method: 'POST',
    url: '/setup/doctor',
    operationId: 'runDoctor',
    summary:
      'Looks at settings, machine, model, the way in and carriers, one line of JSON a check as it comes. Nothing is changed.',
    success: { status: 200, types: ['application/x-ndjson'], body: checkResult },
    errors: { 409: ['DOCTOR_RUNNING'] },
  },
} as const satisfies Record<string, RouteDefinition>;
