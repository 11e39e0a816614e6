import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import type { RouteDefinition } from '../../../src/http/route.ts';
import { auditRoutes } from '../../../src/people/http/audited.ts';
import { workbenchRoutes } from '../../../src/workbench/http/workbench-routes.ts';

const OPERATOR = { id: 'p1', name: 'Grace', role: 'operator' } as const;

/** What is noted of requests to routes that are described so. */
async function noted(method: 'GET' | 'POST', more: Partial<RouteDefinition>, status = 200, auditTarget?: string) {
  const notes: string[] = [];
  const app = Fastify();
  app.decorateRequest('operator', undefined);
  app.addHook('onRequest', async (request) => void Object.assign(request, { operator: OPERATOR }));
  auditRoutes(app, {
    note: ({ action, target }) => void notes.push(`done ${action}${target === null ? '' : ` to ${target}`}`),
    noteRead: ({ action }) => void notes.push(`read ${action}`),
  });
  const describes: RouteDefinition = {
    ...{ method, url: '/it', operationId: 'it', summary: '', success: { status: 200 }, errors: {} },
    ...more,
  };
  app.route({
    method,
    url: '/it',
    config: { describes },
    handler: async (request, reply) => {
      if (auditTarget !== undefined) request.auditTarget = auditTarget;
      return reply.code(status).send();
    },
  });
  await app.inject({ method, url: '/it' });
  await app.close();
  return notes;
}

describe('the audit log of routes', () => {
  it('has what changes something, what is read where its route says so, and no question', async () => {
    expect(await noted('POST', {})).toEqual(['done it']);
    expect(await noted('GET', {})).toEqual([]);
    expect(await noted('GET', { audited: true })).toEqual(['read it']);
    expect(await noted('POST', { audited: false })).toEqual([]);
  });

  it('has what it was done to where the handler alone can tell', async () => {
    expect(await noted('POST', {}, 200, 'prompts/default.md')).toEqual(['done it to prompts/default.md']);
  });

  it('has each refusal for want of a role', async () => {
    expect(await noted('POST', { audited: false }, 403)).toEqual(['done it']);
    expect(await noted('GET', {}, 403)).toEqual(['done it']);
  });

  it('takes for questions what only asks of agents’ files', () => {
    const asks = Object.values(workbenchRoutes).flatMap((route: RouteDefinition) =>
      route.method === 'POST' && route.audited === false ? [route.operationId] : [],
    );
    expect(asks).toEqual(['checkAgentFile', 'explainAnswer']);
  });
});
