import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { BridgeAccess } from '../../../../../src/callers/browser/http/bridge-access.ts';
import { answerErrors } from '../../../../../src/http/api-error.ts';
import type { Operator } from '../../../../../src/http/operators.ts';

const PEOPLE: Record<string, Operator> = {
  vera: { id: 'a', name: 'Vera', role: 'viewer' },
  olaf: { id: 'b', name: 'Olaf', role: 'operator' },
};

/** Who these are taken for, by their token; no token with an empty one. */
async function askers(access: 'admin' | 'public', ...tokens: string[]): Promise<unknown[]> {
  const app = Fastify();
  answerErrors(app);
  const admin = { tokens: ['admin-token-of-sixteen-and-more'], people: async (token: string) => PEOPLE[token] };
  const bridge = new BridgeAccess({ admin, access, origins: [] });
  app.post('/x', { onRequest: bridge.check }, async (request) => bridge.asker(request));
  const answers = tokens.map(async (token) => {
    const headers = { 'x-session-id': 'own', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) };
    const answer = await app.inject({ method: 'POST', url: '/x', headers });
    return answer.statusCode === 200 ? answer.json() : answer.json().error.code;
  });
  return Promise.all(answers);
}

const STRANGER = { operator: false, session: 'own' };

it('takes operators alone, unless anybody may call', async () => {
  expect(await askers('admin', '', 'nobody', 'vera', 'olaf')).toEqual([
    'ADMIN_TOKEN_MISSING',
    'ADMIN_TOKEN_INVALID',
    'ROLE_TOO_LOW',
    { operator: true },
  ]);
});

it('lets a viewer do what anybody may, where anybody may call, and refuses a token that is nobody’s', async () => {
  expect(await askers('public', '', 'nobody', 'vera', 'olaf')).toEqual([
    STRANGER,
    'ADMIN_TOKEN_INVALID',
    STRANGER,
    { operator: true },
  ]);
});
