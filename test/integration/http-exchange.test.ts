import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { type Exchange, type ExchangeError, exchange, jsonObject, retryAfterMs } from '../../src/transport/http.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const ask = (url: string, more: Partial<Exchange> = {}) =>
  exchange({ url, headers: { 'x-key': 'k' }, timeoutMs: 5_000, mostBytes: 1_000, clock: systemClock, ...more });

const failureOf = (asked: Promise<unknown>): Promise<ExchangeError> =>
  asked.then(
    () => expect.fail('it was answered'),
    (error: ExchangeError) => error,
  );

describe('an exchange over HTTP', () => {
  it('gives the whole answer, whatever its status', async () => {
    const url = await serving((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        response.writeHead(418, { 'x-was': `${request.method} ${request.headers['x-key']}` });
        response.end(JSON.stringify({ body }));
      });
    });
    const answer = await ask(url, { body: 'hello' });
    expect(answer.status).toBe(418);
    expect(answer.headers.get('x-was')).toBe('POST k');
    expect(jsonObject(answer.body)).toEqual({ body: 'hello' });
    expect((await ask(url, { method: 'GET' })).headers.get('x-was')).toBe('GET k');
  });

  it('says what it is, how long it is, and no more than it was given of anything that is named', async () => {
    let seen: Record<string, unknown> = {};
    const url = await serving((request, response) => {
      seen = request.headers;
      response.setHeader('link', ['<a>', '<b>']);
      response.end();
    });
    const answer = await ask(url, {
      body: 'zwölf',
      headers: { 'Content-Type': 'application/json', Accept: 'text/plain' },
    });
    expect(seen).toMatchObject({ 'content-type': 'application/json', 'content-length': '6', accept: 'text/plain' });
    expect(answer.headers.get('Link')).toBe('<a>, <b>');
    expect(answer.headers.get('x-none')).toBeNull();
    await ask(url, { body: 'zwölf' });
    expect(seen).toMatchObject({ 'content-type': 'text/plain;charset=UTF-8', accept: '*/*' });
    await ask(url, { method: 'GET' });
    expect(seen).not.toHaveProperty('content-type');
  });

  it('sends a form', async () => {
    let body = '';
    const url = await serving((request, response) => {
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => response.end('ok'));
    });
    const form = new FormData();
    form.set('sdp', 'v=0');
    expect((await ask(url, { body: form })).body.toString()).toBe('ok');
    expect(body).toMatch(/name="sdp"\r\n\r\nv=0\r\n/);
  });

  it('does not follow a redirect, so that what it carries reaches nobody else', async () => {
    let asked = 0;
    const other = await serving((_, response) => {
      asked++;
      response.end();
    });
    const url = await serving((_, response) => {
      response.writeHead(307, { location: other }).end();
    });
    expect((await ask(url)).status).toBe(307);
    expect(asked).toBe(0);
  });

  it.each([
    ['says nothing', () => {}],
    [
      'stops in the middle of its body',
      (_: unknown, response: Parameters<RequestListener>[1]) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('half');
      },
    ],
  ] as ReadonlyArray<[string, RequestListener]>)('gives up on a far end that %s', async (_, listener) => {
    const error = await failureOf(ask(await serving(listener), { timeoutMs: 1_000 }));
    expect(error).toMatchObject({ failure: 'timeout', mayBeSent: true });
    expect(error.message).toBe('no answer within 1000 ms');
  });

  it('reads no more than it was told to', async () => {
    const url = await serving((_, response) => {
      response.writeHead(200);
      const flow = () => {
        while (response.write('x'.repeat(10_000)));
      };
      response.on('drain', flow);
      flow();
    });
    expect(await failureOf(ask(url))).toMatchObject({ failure: 'too-large', status: 200 });
    // An endless answer of which only the status matters is an answer.
    expect((await ask(url, { restIgnored: true })).status).toBe(200);
  });

  it('is given up with its asker, before and after it was sent', async () => {
    const gone = new AbortController();
    const url = await serving(() => gone.abort());
    expect(await failureOf(ask(url, { signal: gone.signal }))).toMatchObject({ failure: 'aborted', mayBeSent: true });
    expect(await failureOf(ask(url, { signal: gone.signal }))).toMatchObject({ failure: 'aborted', mayBeSent: false });
  });

  it('tells a request that nobody can have read from one that somebody may have', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    expect(await failureOf(ask(`http://127.0.0.1:${port}/`))).toMatchObject({
      failure: 'unreachable',
      mayBeSent: false,
      systemCode: 'ECONNREFUSED',
    });
    const cutting = await serving((request) => request.socket.destroy());
    expect(await failureOf(ask(cutting))).toMatchObject({ failure: 'unreachable', mayBeSent: true });
  });
});

describe('how long a far end asks to be left alone', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    [{ 'retry-after': '3' }, 3_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:20 GMT' }, 20_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [{ 'retry-after': '60', 'retry-after-ms': '250' }, 250],
    [{ 'retry-after': '-1' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': ' ' }, undefined],
    [{}, undefined],
  ] as ReadonlyArray<[Record<string, string>, number | undefined]>)('%o', (headers, ms) => {
    expect(retryAfterMs(new Headers(headers), now)).toBe(ms);
  });
});
