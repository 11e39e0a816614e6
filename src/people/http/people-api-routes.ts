import { z } from 'zod';
import { ROLES } from '../../http/operators.ts';
import { namedSchemas, type RouteDefinition } from '../../http/route.ts';

/** The interface for people and the audit log, as data. */

const role = z
  .enum(ROLES)
  .describe('viewer: reads; operator: also acts on calls; admin: also removes what was kept, and sees to people.');

const newPerson = z
  .strictObject({
    name: z
      .string()
      .trim()
      .min(1)
      .max(60)
      .regex(/^[^\p{C}]+$/u, 'must be one line')
      .describe(
        'For people: it stands in the audit log and in the records of calls. Of all good tokens one alone has it, however it is written; `admin` stands for the token of the settings.',
      ),
    role,
  })
  .describe('Somebody who gets a token.');

const person = z
  .object({
    id: z.string(),
    name: z.string(),
    role,
    createdAt: z.iso.datetime(),
    createdBy: z.string().describe('Name of whoever made the token.'),
    revokedAt: z.iso.datetime().nullable(),
  })
  .describe('Somebody who has, or had, a token.');
export type PersonView = z.infer<typeof person>;

const auditEntry = z
  .object({
    id: z.string(),
    at: z.iso.datetime(),
    personId: z.string().describe('`admin` for whoever has the token of the settings.'),
    name: z.string(),
    role,
    action: z.string().describe('The `operationId` of what was asked for, or what a socket was used for.'),
    target: z
      .string()
      .nullable()
      .describe('What it was done to: the id of a call, a record, a person; a file of agents, a tool.'),
    status: z.int().describe('The HTTP status that was answered: 403 is a refusal.'),
    address: z.string(),
  })
  .describe('Something that an operator did, or was refused.');

namedSchemas.add(newPerson, { id: 'NewPerson' });
namedSchemas.add(person, { id: 'Person' });
namedSchemas.add(auditEntry, { id: 'AuditEntry' });

const word = z.string().regex(/^[A-Za-z0-9_-]{1,100}$/);

export const peopleRoutes = {
  me: {
    method: 'GET',
    url: '/me',
    operationId: 'getMe',
    summary: 'Whose token this is, and what it may do.',
    success: { status: 200, body: z.object({ id: z.string(), name: z.string(), role }) },
    errors: {},
  },
  list: {
    method: 'GET',
    url: '/people',
    operationId: 'listPeople',
    summary: 'Who has a token of their own, and who had.',
    role: 'admin',
    success: { status: 200, body: z.object({ people: z.array(person) }) },
    errors: { 503: ['STORE_UNAVAILABLE'] },
  },
  add: {
    method: 'POST',
    url: '/people',
    operationId: 'addPerson',
    summary: 'Makes a token for somebody. It is told in this answer, and never again.',
    role: 'admin',
    body: newPerson,
    success: { status: 201, body: z.object({ person, token: z.string() }) },
    errors: { 409: ['PEOPLE_TOO_MANY', 'PERSON_NAME_TAKEN'], 503: ['STORE_UNAVAILABLE'] },
  },
  revoke: {
    method: 'DELETE',
    url: '/people/:id',
    operationId: 'revokePerson',
    summary: 'Revokes a token: at once, at all instances, and with what it has open.',
    role: 'admin',
    params: z.strictObject({ id: word }),
    success: { status: 204 },
    errors: { 404: ['PERSON_UNKNOWN'], 503: ['STORE_UNAVAILABLE'] },
  },
  audit: {
    method: 'GET',
    url: '/audit',
    operationId: 'listAudit',
    summary: 'What operators did, the newest first.',
    role: 'admin',
    query: z.strictObject({
      person: word.optional().describe('Of this person alone.'),
      target: z
        .string()
        .regex(/^[A-Za-z0-9_./-]{1,200}$/)
        .optional()
        .describe('Done to this call, record, person, file of agents or tool alone.'),
      action: word.optional(),
      since: z.iso.datetime({ offset: true }).optional(),
      until: z.iso.datetime({ offset: true }).optional(),
      before: word.optional().describe('Older than the entry of this id: `next` of the page before.'),
      limit: z.coerce.number().int().min(1).max(1_000).default(100),
    }),
    success: { status: 200, body: z.object({ entries: z.array(auditEntry), next: z.string().nullable() }) },
    errors: { 503: ['STORE_UNAVAILABLE'] },
  },
} as const satisfies Record<string, RouteDefinition>;
