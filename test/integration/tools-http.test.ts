import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Destinations, type Resolve } from '../../src/tools/destinations.ts';
import { loadHttpTool } from '../../src/tools/http-tool.ts';
import { MONDAY } from '../unit/stores/support.ts';
import { rig } from '../unit/tools/support.ts';

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}
let port = 0;
let seen: Seen[] = [];
let answer: (request: Seen, response: ServerResponse) => void;
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
  seen.push(one);
  answer(one, response);
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  seen = [];
  answer = (_, response) => json(response, { data: { answer: 'shipped', secret: 'x' } });
});

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

const environment = (name: string) =>
  ({ TOOL_TOKEN: 'sesame', TOOL_SECRET: 'whsec_c2VjcmV0', TOOL_PLAIN: 'plain' })[name];
const local: Resolve = async () => [{ address: '127.0.0.1', family: 4 }];

/** A tool whose endpoint is the server of this file, under a private name. */
function load(change: object = {}, resolve: Resolve = local) {
  const file = {
    description: 'Asks for an order.',
    parameters: {
      type: 'object',
      properties: { order: { type: 'string' }, lang: { type: 'string' } },
      required: ['order'],
      additionalProperties: false,
    },
    url: `http://workflow.internal:${port}/orders`,
    ...change,
  };
  const destinations = new Destinations(
    { hosts: ['public.example.com'], privateHosts: [`workflow.internal:${port}`] },
    resolve,
  );
  return loadHttpTool('ask', JSON.stringify(file), 'json', { destinations, env: environment });
}
const ask = async (change: object = {}, args: object = { order: '42' }, resolve?: Resolve) =>
  rig([load(change, resolve)]).run('ask', args);

describe('a workflow tool', () => {
  it('posts its arguments and shows the model the chosen part of the answer', async () => {
    const headers = { authorization: `Bearer $${'{TOOL_TOKEN}'}` };
    expect(await ask({ headers, result: '/data/answer' })).toBe('shipped');
    expect(seen).toMatchObject([
      {
        method: 'POST',
        url: '/orders',
        body: '{"order":"42"}',
        headers: { authorization: 'Bearer sesame', 'content-type': 'application/json' },
      },
    ]);
  });

  it('signs what it sends, so that the receiver can check it', async () => {
    await ask({ signing: { secretEnv: 'TOOL_SECRET' }, includeCall: true });
    const { headers, body } = seen[0]!;
    expect(JSON.parse(body)).toEqual({ order: '42', call: { id: 'call-1', from: '+12025550143', to: '+12025550100' } });
    expect(headers['webhook-id']).toBe('t1');
    expect(headers['webhook-timestamp']).toBe(String(MONDAY / 1000));
    const mac = createHmac('sha256', Buffer.from('secret'))
      .update(`t1.${MONDAY / 1000}.${body}`)
      .digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${mac}`);
  });

  it('fills its path and query without letting a value out of its place', async () => {
    await ask(
      { method: 'GET', url: `http://workflow.internal:${port}/orders/{order}?fixed=1` },
      { order: '../a?b=c#d', lang: 'd&e' },
    );
    expect(seen[0]?.url).toBe('/orders/..%2Fa%3Fb%3Dc%23d?fixed=1&lang=d%26e');
    const climbing = await ask(
      { method: 'GET', url: `http://workflow.internal:${port}/orders/{order}` },
      { order: '..' },
    );
    expect(JSON.parse(climbing)).toMatchObject({ error: 'arguments_invalid' });
    expect(seen).toHaveLength(1);
  });

  describe('passes on what it declares, and keeps what its address fixes', () => {
    const fixed = () => `http://workflow.internal:${port}/orders?tenant=42&action=read&flag=a&flag=b`;
    const open = { type: 'object', properties: { order: { type: 'string' } }, required: ['order'] };
    const made = { tenant: '1', action: 'delete', flag: 'c', 'tenant[]': '1', more: 'x', __proto__: undefined };

    it.each(['GET', 'DELETE'])('in the query of a %s', async (method) => {
      await ask({ method, url: fixed(), parameters: open }, { order: '7&tenant=1', ...made });
      expect(seen[0]?.url).toBe('/orders?tenant=42&action=read&flag=a&flag=b&order=7%26tenant%3D1');
    });

    it('against other spellings of them, where a tool may have fields of any name', async () => {
      const spelled = {
        Tenant: '1',
        'tenant[]': '1',
        'action[0]': 'delete',
        ' flag': 'c',
        'tenant\u0000x': '1',
        more: 'x',
      };
      const parameters = { ...open, additionalProperties: true };
      await ask({ method: 'GET', url: `${fixed()}&sub.id=1`, parameters }, { order: '7', ...spelled, sub_id: '2' });
      expect(seen[0]?.url).toBe('/orders?tenant=42&action=read&flag=a&flag=b&sub.id=1&order=7&more=x');
    });

    it('in the body, at every depth', async () => {
      const line = { type: 'object', properties: { article: { type: 'string' } } };
      const parameters = {
        type: 'object',
        properties: { order: { type: 'string' }, lines: { type: 'array', items: line }, notes: { type: 'object' } },
      };
      const given = JSON.parse(
        '{"order":"7","tenant":"1","__proto__":{"admin":true},"constructor":{},"lines":[{"article":"a","price":0}],"notes":{"any":1}}',
      );
      await ask({ url: fixed(), parameters }, given);
      expect(seen[0]?.url).toBe('/orders?tenant=42&action=read&flag=a&flag=b');
      expect(JSON.parse(seen[0]!.body)).toEqual({ order: '7', lines: [{ article: 'a' }], notes: { any: 1 } });
      expect(seen[0]!.body).not.toContain('__proto__');
    });

    it('though a parameter has the name of a fixed field: the model is not told of it', async () => {
      const parameters = {
        type: 'object',
        properties: { order: { type: 'string' }, tenant: { type: 'string' } },
        required: ['order', 'tenant'],
      };
      const change = { method: 'GET', url: fixed(), parameters };
      expect(load(change).schema).toMatchObject({ properties: { order: {} }, required: ['order'] });
      expect(load(change).schema['properties']).not.toHaveProperty('tenant');
      await ask(change, { order: '7', tenant: '1' });
      expect(seen[0]?.url).toBe('/orders?tenant=42&action=read&flag=a&flag=b&order=7');
    });

    it.each([
      ['a segment that climbs', '..'],
      ['nothing', ''],
    ])('in the path, which takes no %s', async (_, order) => {
      const url = `http://workflow.internal:${port}/orders/{order}/lines`;
      expect(JSON.parse(await ask({ url }, { order }))).toMatchObject({ error: 'arguments_invalid' });
      expect(seen).toEqual([]);
    });

    it.each([
      ['../../admin', '..%2F..%2Fadmin'],
      ['..%2fadmin', '..%252fadmin'],
      ['..\\admin', '..%5Cadmin'],
      ['%2e%2e', '%252e%252e'],
      ['a?tenant=1', 'a%3Ftenant%3D1'],
      ['a#b', 'a%23b'],
      ['a;b\r\nhost: x', 'a%3Bb%0D%0Ahost%3A%20x'],
      ['\ud800', '%EF%BF%BD'],
    ])('in the path, where %j is one segment', async (order, segment) => {
      await ask({ url: `http://workflow.internal:${port}/orders/{order}/lines?tenant=42` }, { order });
      expect(seen[0]?.url).toBe(`/orders/${segment}/lines?tenant=42`);
    });

    it('at its start: what the model could name is refused', () => {
      const url = `http://workflow.internal:${port}/orders`;
      const properties = { order: { type: 'string' } };
      const parameters = { type: 'object', properties };
      expect(() => load({ url: `${url}?{order}=1`, parameters })).toThrow('names must be fixed');
      expect(() => load({ url: `${url}/{constructor}`, parameters })).toThrow('{constructor} is not among');
    });
  });

  it('checks its arguments before it sends anything', async () => {
    expect(JSON.parse(await ask({}, { order: 42, more: 1 }))).toMatchObject({ error: 'arguments_invalid' });
    expect(seen).toEqual([]);
  });

  it('shows texts as they are, and says what it cannot read', async () => {
    answer = (_, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('on its way');
    expect(await ask()).toBe('on its way');
    answer = (_, response) => response.writeHead(204).end();
    expect(await ask()).toBe('{"ok":true}');
    answer = (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"data":');
    expect(JSON.parse(await ask())).toMatchObject({ error: 'upstream' });
    answer = (_, response) => json(response, { other: 1 });
    expect(JSON.parse(await ask({ result: '/data/answer' }))).toMatchObject({ error: 'upstream' });
  });
});

describe('an endpoint that misbehaves', () => {
  it('and fails is reported by its status, without its words', async () => {
    answer = (_, response) => json(response, { error: 'password=hunter2' }, 500);
    const output = await ask();
    expect(JSON.parse(output)).toEqual({ error: 'upstream', message: 'The service answered 500.' });
  });

  it('and redirects is not followed', async () => {
    answer = (request, response) =>
      request.url === '/orders'
        ? response.writeHead(302, { location: '/elsewhere' }).end()
        : json(response, { leaked: true });
    expect(JSON.parse(await ask())).toMatchObject({
      error: 'upstream',
      message: expect.stringContaining('redirect (302)'),
    });
    expect(seen).toHaveLength(1);
  });

  it('and sends 5 MB is cut off', async () => {
    let closed = false;
    answer = (_, response) => {
      response.on('close', () => {
        closed = true;
      });
      response.writeHead(200, { 'content-type': 'application/json' });
      const chunk = 'x'.repeat(64 * 1024);
      const send = (left: number) => {
        if (left > 0 && !response.destroyed) response.write(chunk, () => send(left - 1));
        else response.end();
      };
      send(80);
    };
    expect(JSON.parse(await ask())).toMatchObject({ error: 'result_too_large' });
    for (let i = 0; i < 200 && !closed; i++) await sleep(10);
    expect(closed).toBe(true);
  });

  it('and sends compressed data nobody asked for is refused', async () => {
    answer = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('zzz');
    expect(JSON.parse(await ask())).toMatchObject({ error: 'upstream' });
  });

  it('and never answers costs its time limit, and its connection is closed', async () => {
    let closed = false;
    answer = (_, response) => {
      response.on('close', () => {
        closed = true;
      });
    };
    const { run, advance } = rig([load({ timeoutMs: 1_000 })]);
    const output = run('ask', { order: '1' });
    for (let i = 0; i < 200 && seen.length === 0; i++) await sleep(10);
    await advance(1_000);
    expect(JSON.parse(await output)).toMatchObject({ error: 'timeout' });
    for (let i = 0; i < 200 && !closed; i++) await sleep(10);
    expect(closed).toBe(true);
  });

  it('and is not there is not reachable', async () => {
    const down: Resolve = async () => [{ address: '127.0.0.2', family: 4 }];
    const lost: Resolve = () => Promise.reject(Object.assign(new Error('ENOTFOUND'), { code: 'ENOTFOUND' }));
    for (const resolve of [down, lost])
      expect(JSON.parse(await ask({}, { order: '1' }, resolve))).toEqual({
        error: 'upstream',
        message: 'The service could not be reached.',
      });
  });
});

describe('an endpoint that is elsewhere than it says', () => {
  it.each(['127.0.0.1', '10.1.2.3', '169.254.169.254', '::1', '::ffff:127.0.0.1', 'fe80::1'])(
    'is refused when its public name leads to %s',
    async (address) => {
      const family = address.includes(':') ? 6 : 4;
      const output = await ask({ url: 'https://public.example.com/x' }, { order: '1' }, async () => [
        { address, family },
      ]);
      expect(JSON.parse(output)).toMatchObject({ error: 'destination_refused' });
      expect(seen).toEqual([]);
    },
  );

  it('is refused when only one of its addresses is private', async () => {
    const both: Resolve = async () => [
      { address: '8.8.8.8', family: 4 },
      { address: '192.168.0.1', family: 4 },
    ];
    const output = await ask({ url: 'https://public.example.com/x' }, { order: '1' }, both);
    expect(JSON.parse(output)).toMatchObject({ error: 'destination_refused' });
  });

  it('is refused when a private name leads to a metadata service', async () => {
    const metadata: Resolve = async () => [{ address: '169.254.169.254', family: 4 }];
    expect(JSON.parse(await ask({}, { order: '1' }, metadata))).toMatchObject({ error: 'destination_refused' });
  });

  it('cannot change its address between check and use: it is asked for once, and what was checked is connected to', async () => {
    let asked = 0;
    // A good address first, a forbidden one ever after: whoever looked twice would be led there.
    const rebinding: Resolve = async () => [{ address: ++asked === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }];
    const { run } = rig([load({ result: '/data/answer' }, rebinding)]);
    expect(await run('ask', { order: '1' })).toBe('shipped');
    expect(asked).toBe(1);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.headers.host).toBe(`workflow.internal:${port}`);
    // The open connection is used again; a new one would be checked again.
    server.closeAllConnections();
    await sleep(50);
    expect(JSON.parse(await run('ask', { order: '1' }))).toMatchObject({ error: 'destination_refused' });
    expect(asked).toBe(2);
    expect(seen).toHaveLength(1);
  });
});
