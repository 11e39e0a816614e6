import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { adminGuard } from '../../../src/http/admin.ts';
import { answerErrors } from '../../../src/http/api-error.ts';

async function ask(
  tokens: string[],
  request: { headers?: Record<string, string>; remoteAddress?: string } = {},
): Promise<{ status: number; code: string; challenge: unknown; ran: boolean }> {
  let ran = false;
  const app = Fastify({ trustProxy: true });
  answerErrors(app);
  app.post('/x', { onRequest: adminGuard({ tokens }) }, async () => {
    ran = true;
    return { error: { code: 'passed' } };
  });
  const answer = await app.inject({
    method: 'POST',
    url: '/x',
    headers: { host: 'localhost:8080', ...request.headers },
    remoteAddress: request.remoteAddress ?? '127.0.0.1',
  });
  await app.close();
  return {
    status: answer.statusCode,
    code: answer.json().error.code,
    challenge: answer.headers['www-authenticate'],
    ran,
  };
}

const TOKEN = 'admin-token-of-sixteen-and-more';
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe('with a token set', () => {
  it('the token opens, from anywhere and through any proxy', async () => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'x-forwarded-for': '203.0.113.7', host: 'voice.example.com' };
    expect(await ask([TOKEN], { headers, remoteAddress: '203.0.113.7' })).toMatchObject({ status: 200, ran: true });
    expect(await ask([TOKEN], { headers: { authorization: `bearer  ${TOKEN}` } })).toMatchObject({ status: 200 });
  });

  it('while one is rotated both open', async () => {
    expect(await ask(['old-token', TOKEN], bearer('old-token'))).toMatchObject({ status: 200 });
    expect(await ask(['old-token', TOKEN], bearer(TOKEN))).toMatchObject({ status: 200 });
  });

  it('nothing else does, not even this machine', async () => {
    expect(await ask([TOKEN])).toMatchObject({
      status: 401,
      code: 'ADMIN_TOKEN_MISSING',
      challenge: 'Bearer',
      ran: false,
    });
    for (const wrong of [TOKEN.slice(0, -1), `${TOKEN}x`, TOKEN.toUpperCase(), '', 'undefined'])
      expect(await ask([TOKEN], bearer(wrong)), wrong).toMatchObject({
        status: 401,
        code: 'ADMIN_TOKEN_INVALID',
        ran: false,
      });
    const basic = `Basic ${Buffer.from(`admin:${TOKEN}`).toString('base64')}`;
    for (const authorization of [TOKEN, `Token ${TOKEN}`, basic, `Bearer ${TOKEN} ${TOKEN}`])
      expect(await ask([TOKEN], { headers: { authorization } })).toMatchObject({ code: 'ADMIN_TOKEN_INVALID' });
  });
});

describe('without a token', () => {
  it('there is no guard, rather than one that lets pass', () => {
    expect(() => adminGuard({ tokens: [] })).toThrow('a token');
  });
});
