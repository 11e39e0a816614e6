import type { FastifyPluginCallback } from 'fastify';
import { z } from 'zod';
import { type AdminOptions, adminGuard } from '../../../http/admin.ts';
import { ApiError, answerErrors } from '../../../http/api-error.ts';
import { checked } from '../../../http/checked.ts';
import { namedSchemas, type RouteDefinition } from '../../../http/route.ts';
import { isUserId, whatsappAddress } from '../../../numbering/party.ts';
import type { MayDial } from '../../../orders/outbound-guard.ts';
import { graphAnswer, graphCodes } from './errors.ts';
import type { PermissionGraph, Permissions, PermissionView } from './permissions.ts';
import { addresseeOf } from './placed-call.ts';

/** Asking WhatsApp users whether they may be called, for operators. */

/** Said where the request has no words of its own. */
const TEXT = 'We would like to call you on WhatsApp. May we?';

const user = z
  .string()
  .max(300)
  .transform((text) => whatsappAddress(/^whatsapp:/i.test(text) ? text : `whatsapp:${text}`) ?? '')
  .pipe(z.string().min(1, 'must be a number or a user id, with whatsapp: in front or without'))
  .meta({
    description: 'A WhatsApp user, by number or user id.',
    examples: ['whatsapp:+15551234567', 'whatsapp:US.13491208655302741918'],
  });
const from = z
  .string()
  .transform((text) => text.replace(/^whatsapp:/, ''))
  .pipe(z.string().regex(/^\d{5,25}$/, 'must be the id of a phone number'))
  .optional()
  .describe('The id of our number, one of WHATSAPP_PHONE_NUMBER_ID; the first without it.');

const question = z
  .strictObject({
    to: user,
    from,
    text: z.string().trim().min(1).max(1_024).default(TEXT).describe('What the user reads above the question.'),
  })
  .describe('A question whether a WhatsApp user may be called.');
const whom = z.strictObject({ to: user, from });

const permission = z.object({
  to: z.string(),
  status: z.string().describe("Meta's word: no_permission, temporary, permanent."),
  until: z.iso.datetime().optional().describe('When it ends.'),
  canCall: z.boolean().describe('Whether the user may be called now.'),
  canAsk: z.boolean().describe('Whether the user may be asked now: once in 24 hours, twice in 7 days.'),
  reply: z
    .object({
      accepted: z.boolean(),
      permanent: z.boolean(),
      at: z.iso.datetime(),
      until: z.iso.datetime().optional(),
      source: z.string().optional().describe('user_action, or automatic: allowed by calling.'),
    })
    .optional()
    .describe('What the user answered last, as far as it was told lately.'),
});
const asked = permission.extend({
  asked: z.boolean().describe('False: the user may be called already, and was not asked.'),
  messageId: z.string().optional().describe("Meta's id of the message."),
});

namedSchemas.add(question, { id: 'PermissionQuestion' });
namedSchemas.add(permission, { id: 'CallPermission' });
namedSchemas.add(asked, { id: 'AskedPermission' });

const MEDIA = ['GRAPH_SETUP_FAILED', 'GRAPH_RELAY_FAILED', 'GRAPH_NO_MEDIA_RECEIVED'] as const;
const ERRORS = graphCodes([...MEDIA, 'GRAPH_NO_MEDIA_SENT', 'GRAPH_ACCEPTED_WITHOUT_MEDIA', 'GRAPH_CALL_TIMEOUT']);

export const permissionRoutes = {
  ask: {
    method: 'POST',
    url: '/whatsapp/permissions',
    operationId: 'askCallPermission',
    summary: 'Asks a WhatsApp user whether we may call; the answer is told by the webhook whatsapp.permission.',
    body: question,
    success: { status: 200, body: asked },
    errors: { ...ERRORS, 403: ['DESTINATION_REFUSED', ...(ERRORS[403] ?? [])], 404: ['WHATSAPP_NUMBER_UNKNOWN'] },
  },
  get: {
    method: 'GET',
    url: '/whatsapp/permissions',
    operationId: 'getCallPermission',
    summary: 'Whether a WhatsApp user may be called now, and what was answered last.',
    query: whom,
    success: { status: 200, body: permission },
    errors: { ...ERRORS, 404: ['WHATSAPP_NUMBER_UNKNOWN'] },
  },
} as const satisfies Record<string, RouteDefinition>;

export const PERMISSION_ERRORS = {
  WHATSAPP_NUMBER_UNKNOWN: 'There is no number of ours with this id: WHATSAPP_PHONE_NUMBER_ID has them.',
} as const;
type OfPermissions = typeof PERMISSION_ERRORS;
declare module '../../../http/api-error.ts' {
  interface ApiErrorCodes extends OfPermissions {}
}

export interface PermissionsApiOptions {
  readonly admin: AdminOptions;
  readonly numbers: ReadonlyMap<string, PermissionGraph>;
  readonly permissions: Pick<Permissions, 'ask' | 'view'>;
  /** Who may not be called is not asked either. */
  readonly mayDial: MayDial;
}

/** `/whatsapp/permissions`, for operators; nothing that is logged says who it is about. */
export const permissionsApi: FastifyPluginCallback<PermissionsApiOptions> = (app, options, done) => {
  const { admin, numbers, permissions, mayDial } = options;
  const onRequest = adminGuard(admin);
  answerErrors(app, graphAnswer);

  const clientOf = (id: string | undefined): PermissionGraph => {
    const [first] = numbers.values();
    const client = id === undefined ? first : numbers.get(id);
    if (client !== undefined) return client;
    throw new ApiError(404, 'WHATSAPP_NUMBER_UNKNOWN', 'none of our numbers has this id');
  };
  const config = (describes: RouteDefinition) => ({ describes });

  app.post(permissionRoutes.ask.url, { config: config(permissionRoutes.ask), onRequest }, async (request, reply) => {
    const { to, from: id, text } = checked(question, request.body, 'body');
    const client = clientOf(id);
    const decision = mayDial(to);
    if (!decision.ok)
      throw new ApiError(403, 'DESTINATION_REFUSED', decision.reason, { details: { reason: decision.code } });
    const result = await permissions.ask(client, addresseeOf(decision.number), text);
    const { messageId } = result;
    request.log.info(
      { asked: result.asked, byId: isUserId(to.replace('whatsapp:', '')) },
      'permission to call was asked for',
    );
    return reply.header('cache-control', 'no-store').send({
      ...viewOf(decision.number, result.view),
      asked: result.asked,
      ...(messageId === undefined ? {} : { messageId }),
    });
  });

  app.get(
    permissionRoutes.get.url,
    { config: config(permissionRoutes.get), onRequest, exposeHeadRoute: false },
    async (request, reply) => {
      const { to, from: id } = checked(whom, request.query, 'query');
      const view = await permissions.view(clientOf(id), addresseeOf(to));
      return reply.header('cache-control', 'no-store').send(viewOf(to, view));
    },
  );
  done();
};

const moment = (ms: number) => new Date(ms).toISOString();

function viewOf(to: string, { status, until, canCall, canAsk, reply }: PermissionView) {
  return {
    to,
    status,
    ...(until === undefined ? {} : { until: moment(until) }),
    canCall,
    canAsk,
    ...(reply === undefined
      ? {}
      : {
          reply: {
            accepted: reply.accepted,
            permanent: reply.permanent,
            at: moment(reply.at),
            ...(reply.until === undefined ? {} : { until: moment(reply.until) }),
            ...(reply.source === undefined ? {} : { source: reply.source }),
          },
        }),
  };
}
