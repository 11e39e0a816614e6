import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Audit } from '../audit.ts';

/** What is read changes nothing, and is noted where its route says so alone; so is what only asks. */
const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The id of what was asked for, or of what came of it. */
function targetOf(request: FastifyRequest, reply: FastifyReply): string | null {
  if (request.auditTarget !== undefined) return request.auditTarget.slice(0, 200);
  const { id } = (request.params ?? {}) as { readonly id?: unknown };
  if (typeof id === 'string') return id.slice(0, 200);
  const made = reply.getHeader('location');
  return typeof made === 'string' ? (made.split('/').at(-1)?.slice(0, 200) ?? null) : null;
}

/** Has the audit log know what operators ask of every route that is registered from now on: here alone, so that no route can be forgotten. */
export function auditRoutes(app: FastifyInstance, audit: Pick<Audit, 'note' | 'noteRead'>): void {
  app.addHook('onResponse', async (request, reply) => {
    const { operator, method } = request;
    if (operator === undefined) return;
    const { config, url } = request.routeOptions;
    const done = {
      operator,
      action: config.describes?.operationId ?? `${method} ${url}`,
      target: targetOf(request, reply),
      status: reply.statusCode,
      address: app.addressOf?.(request) ?? request.ip,
    };
    const isRead = READS.has(method);
    const isAudited = config.describes?.audited ?? !isRead;
    // A refusal for want of a role is worth knowing of whatever was asked for.
    if (reply.statusCode === 403 || (isAudited && !isRead)) audit.note(done);
    else if (isAudited) audit.noteRead(done);
  });
}
