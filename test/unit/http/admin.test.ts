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
  it.each(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])('%s is this machine', async (remoteAddress) => {
    for (const host of ['localhost', 'localhost:8080', '127.0.0.1:8080', '[::1]:8080'])
      expect(await ask([], { remoteAddress, headers: { host } }), host).toMatchObject({ status: 200, ran: true });
  });

  it.each(['10.0.0.1', '203.0.113.7', '::ffff:10.0.0.1', 'fe80::1', '128.0.0.1'])(
    '%s is not',
    async (remoteAddress) => {
      expect(await ask([], { remoteAddress })).toMatchObject({ status: 403, code: 'ADMIN_LOOPBACK_ONLY', ran: false });
    },
  );

  it.each([
    { 'x-forwarded-for': '127.0.0.1' },
    { 'cf-connecting-ip': '203.0.113.7' },
    { forwarded: 'for=127.0.0.1' },
    { via: '1.1 proxy' },
    { 'x-real-ip': '127.0.0.1' },
    { host: 'voice.example.com' },
    { host: 'localhost.evil.example' },
    { host: '127.0.0.1.nip.io' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('a tunnel, a proxy, a rebound name or a foreign page on it is not: %j', async (headers) => {
    expect(await ask([], { headers: headers as Record<string, string> })).toMatchObject({
      status: 403,
      code: 'ADMIN_LOOPBACK_ONLY',
      ran: false,
    });
  });

  it('a page of the bridge itself is', async () => {
    const headers = { origin: 'http://localhost:8080', 'sec-fetch-site': 'same-origin' };
    expect(await ask([], { headers })).toMatchObject({ status: 200 });
  });
});
