import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ControlError } from '../../../src/callers/phone/control/index.ts';
import { ApiError } from '../../../src/http/api-error.ts';
import { serveOpenApi } from '../../../src/http/openapi.ts';
import { apiErrorBody } from '../../../src/http/route.ts';
import { LocalMemory } from '../../../src/memory/local.ts';
import { type CallsDesk, callsApi } from '../../../src/orders/calls-api.ts';
import { type CallView, callView, routes } from '../../../src/orders/calls-api-routes.ts';
import { FakeClock } from '../../fakes/clock.ts';

const TOKEN = 'admin-token-of-sixteen-and-more';
const view = (id: string, over: Partial<CallView> = {}): CallView => ({
  id,
  direction: 'outbound',
  status: 'in-progress',
  to: '+15550001111',
  createdAt: new Date(1_700_000_000_000).toISOString(),
  ...over,
});

async function rig() {
  const clock = new FakeClock();
  const lines: string[] = [];
  const did: unknown[][] = [];
  const known = new Map<string, CallView>([
    ['live', view('live')],
    ['ringing', view('ringing', { status: 'ringing' })],
    ['over', view('over', { status: 'completed', endedAt: new Date(1_700_000_009_000).toISOString() })],
  ]);
  let fail: Error | undefined;
  const note =
    (name: string) =>
    async (...args: unknown[]) => {
      did.push([name, ...args]);
      if (fail !== undefined) throw fail;
    };
  const desk: CallsDesk = {
    place: async (order) => {
      await note('place')(order);
      return view(`call-${did.length}`, { status: 'queued', carrierCallId: 'CA1', to: order.to });
    },
    list: () => known.values(),
    find: (id) => known.get(id),
    lives: (id) => known.has(id),
    hangup: note('hangup'),
    transfer: note('transfer'),
    sendDigits: note('digits'),
    say: (...args) => void did.push(['say', ...args]),
    text: (...args) => void did.push(['text', ...args]),
    whisper: (...args) => void did.push(['whisper', ...args]),
    ordered: () => {},
  };
  const log: FastifyBaseLogger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const app: FastifyInstance = Fastify({ loggerInstance: log });
  const registered: string[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) registered.push(`${one} ${url}`);
  });
  serveOpenApi(app, '1.2.3');
  await app.register(callsApi, {
    admin: { tokens: [TOKEN] },
    desk,
    clock,
    memory: new LocalMemory({ clock }),
    mayDial: (number) =>
      number.replace(/\D/g, '').startsWith('1555')
        ? { ok: true, number: `+${number.replace(/\D/g, '')}` }
        : { ok: false, code: 'not_listed', reason: 'This number is not among those this line may call.' },
  });
  const ask = async (method: 'GET' | 'POST', url: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await app.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.body === '' ? undefined : answer.json() };
  };
  return { ask, app, did, lines, known, registered, failWith: (error: Error | undefined) => (fail = error) };
}

const ORDER = { to: '+1 555 000 1111' };
const GUARDED = Object.values(routes).map(({ method, url }) => [method, url.replace(':id', 'live')] as const);

describe('who may ask', () => {
  it.each(GUARDED)('%s %s is for operators', async (method, url) => {
    const { ask, did } = await rig();
    const answer = await ask(method, url, method === 'POST' ? ORDER : undefined, { authorization: 'Bearer wrong' });
    expect(answer).toMatchObject({ status: 401, body: { error: { code: 'ADMIN_TOKEN_INVALID' } } });
    expect(did).toEqual([]);
  });

  it('the document is for everybody', async () => {
    const { ask } = await rig();
    expect(await ask('GET', '/openapi.json', undefined, { authorization: '' })).toMatchObject({ status: 200 });
  });
});

describe('placing a call', () => {
  it('gives the call, and where it is found', async () => {
    const { ask, did } = await rig();
    const answer = await ask('POST', '/calls', {
      ...ORDER,
      prompt: 'reminder',
      variables: { name: 'Ada' },
      callbackUrl: 'https://example.com/done',
      machineDetection: 'detect',
    });
    expect(answer.status).toBe(201);
    expect(callView.parse(answer.body)).toMatchObject({ status: 'queued', to: '+15550001111', carrierCallId: 'CA1' });
    expect(answer.headers).toMatchObject({ location: `/calls/${answer.body.id}`, 'cache-control': 'no-store' });
    expect(did[0]?.[1]).toEqual({
      to: '+15550001111',
      prompt: 'reminder',
      variables: { name: 'Ada' },
      callbackUrl: 'https://example.com/done',
      machineDetection: 'detect',
      timeoutSeconds: 30,
    });
  });

  const SPELLINGS = [
    '+1 555 000 1111',
    '+1 (555) 000-1111',
    'tel:+15550001111',
    'tel:+1-555-000-1111;phone-context=+1',
    'TEL:+1.555.000.1111',
    '+1\u2011555\u2011000\u20111111',
    '+1\u2013555\u2212000\u20101111',
    '＋１５５５０００１１１１',
    '\u202a+1\u00a0555\u00a0000\u00a01111\u202c',
    '0015550001111',
    '01115550001111',
    '%2B15550001111',
  ];
  it.each(SPELLINGS)('reads %j wherever a number is written', async (text) => {
    const { ask, did } = await rig();
    expect(await ask('POST', '/calls', { to: text, from: text })).toMatchObject({ status: 201 });
    expect(await ask('POST', '/calls/live/transfer', { to: text, callerId: text })).toMatchObject({ status: 204 });
    expect(did[0]?.[1]).toMatchObject({ to: '+15550001111', from: '+15550001111' });
    expect(did[1]).toEqual(['transfer', 'live', '+15550001111', expect.objectContaining({ callerId: '+15550001111' })]);
  });

  it.each([
    'alice',
    'sip:+15550001111@example.com',
    '+15550001111;ext=5',
    'tel:+15550001111;ext=5',
    '+1 555 000 1111 x5',
    '+1555000111a',
    '',
  ])('takes %j for no number', async (to) => {
    const { ask, did } = await rig();
    expect(await ask('POST', '/calls', { to })).toMatchObject({ status: 400 });
    expect(await ask('POST', '/calls/live/transfer', { to })).toMatchObject({ status: 400 });
    expect(did).toEqual([]);
  });

  it.each([
    ['1\u20112\u20113#', '123#'],
    ['1-2-3', '123'],
    ['１２＃', '12#'],
    ['1w2aB', '1w2AB'],
  ])('plays %j as %j', async (digits, played) => {
    const { ask, did } = await rig();
    expect(await ask('POST', '/calls/live/digits', { digits })).toMatchObject({ status: 204 });
    expect(did.at(-1)).toContain(played);
  });

  it('a forbidden destination is refused with a reason, and nobody is asked', async () => {
    const { ask, did } = await rig();
    expect(await ask('POST', '/calls', { to: '+1 900 555 1234' })).toMatchObject({
      status: 403,
      body: {
        error: { code: 'DESTINATION_REFUSED', reason: 'not_listed', message: expect.stringContaining('not among') },
      },
    });
    expect(did).toEqual([]);
  });

  it.each([
    [{}, 'body.to'],
    [{ to: 5 }, 'body.to'],
    [{ to: 'sip:a@b' }, 'body.to'],
    [{ ...ORDER, from: '5551234' }, 'body.from'],
    [{ ...ORDER, prompt: '../etc/passwd' }, 'body.prompt'],
    [{ ...ORDER, variables: { 'a b': 'x' } }, 'body.variables'],
    [{ ...ORDER, variables: { a: 1 } }, 'body.variables.a'],
    [
      { ...ORDER, variables: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`v${i}`, ''])) },
      'body.variables',
    ],
    [{ ...ORDER, callbackUrl: 'file:///etc/passwd' }, 'body.callbackUrl'],
    [{ ...ORDER, callbackUrl: 'nonsense' }, 'body.callbackUrl'],
    [{ ...ORDER, machineDetection: true }, 'body.machineDetection'],
    [{ ...ORDER, timeoutSeconds: 1e9 }, 'body.timeoutSeconds'],
    [{ ...ORDER, surprise: 1 }, 'body'],
    [[], 'body'],
  ])('%j is not what it should be: %s', async (body, path) => {
    const { ask, did } = await rig();
    const answer = await ask('POST', '/calls', body);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'REQUEST_INVALID' } } });
    const { error } = apiErrorBody.parse(answer.body);
    expect(error.issues?.map((issue) => issue.path.split('.').slice(0, path.split('.').length).join('.'))).toContain(
      path,
    );
    expect(did).toEqual([]);
  });

  it.each([
    ['not JSON', 'application/json', 400],
    ['to=%2B15550001111', 'application/x-www-form-urlencoded', 415],
    [JSON.stringify({ to: 'x'.repeat(2_000_000) }), 'application/json', 413],
    ['{"__proto__":{"to":"+15550001111"}}', 'application/json', 400],
  ])('a body that cannot be read is said so (%#)', async (payload, type, status) => {
    const { app } = await rig();
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': type };
    const answer = await app.inject({ method: 'POST', url: '/calls', headers, payload });
    expect(answer.statusCode).toBe(status);
    apiErrorBody.parse(answer.json());
  });

  it('the same key and body give the same call, another body is refused', async () => {
    const { ask, did } = await rig();
    const key = { 'idempotency-key': 'order-1' };
    const first = await ask('POST', '/calls', { ...ORDER, machineDetection: 'off' }, key);
    const again = await ask('POST', '/calls', ORDER, key);
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(await ask('POST', '/calls', { ...ORDER, prompt: 'x' }, key)).toMatchObject({
      status: 409,
      body: { error: { code: 'IDEMPOTENCY_KEY_REUSED' } },
    });
    expect(did).toHaveLength(1);
    await ask('POST', '/calls', ORDER);
    await ask('POST', '/calls', ORDER);
    expect(did).toHaveLength(3);
    expect(await ask('POST', '/calls', ORDER, { 'idempotency-key': 'a b' })).toMatchObject({ status: 400 });
  });

  it.each([
    [new ControlError('CONTROL_TIMEOUT', 'late', { uncertain: true, retryable: true }), 504, true],
    [new ControlError('CONTROL_UNAVAILABLE', 'down', { uncertain: true }), 502, true],
    [new Error('a bug'), 500, true],
    [new ControlError('CONTROL_RATE_LIMITED', 'slow', { retryAfterMs: 2_500 }), 503, false],
    [new ControlError('CONTROL_REJECTED', 'no', { carrierCode: 21_211 }), 502, false],
    [new ApiError(429, 'OUTBOUND_HOURLY_LIMIT', 'used up', { headers: { 'retry-after': '60' } }), 429, false],
  ])('%s: a key is kept only where somebody may have been rung', async (error, status, kept) => {
    const { ask, did, failWith } = await rig();
    const key = { 'idempotency-key': 'order-1' };
    failWith(error);
    const first = await ask('POST', '/calls', ORDER, key);
    expect(first.status).toBe(status);
    apiErrorBody.parse(first.body);
    failWith(undefined);
    const again = await ask('POST', '/calls', ORDER, key);
    expect(again.status).toBe(kept ? status : 201);
    expect(did).toHaveLength(kept ? 1 : 2);
  });

  it('tells what the carrier said, when to come again, and nothing of a bug', async () => {
    const { ask, failWith, lines } = await rig();
    failWith(new ControlError('CONTROL_RATE_LIMITED', 'slow', { retryAfterMs: 2_500 }));
    expect((await ask('POST', '/calls', ORDER)).headers['retry-after']).toBe('3');
    failWith(new ControlError('CONTROL_REJECTED', 'no', { carrierCode: 21_211 }));
    expect((await ask('POST', '/calls', ORDER)).body.error).toEqual({
      code: 'CONTROL_REJECTED',
      message: 'no',
      uncertain: false,
      carrierCode: 21_211,
    });
    failWith(new Error('the inner working'));
    expect((await ask('POST', '/calls', ORDER)).body).toEqual({
      error: { code: 'INTERNAL', message: 'internal error' },
    });
    expect(lines.some((line) => line.includes('the inner working'))).toBe(true);
  });
});

describe('looking', () => {
  it('lists what goes on; on request what is over, or all', async () => {
    const { ask } = await rig();
    const ids = async (query: string) =>
      (await ask('GET', `/calls${query}`)).body.calls.map((call: CallView) => call.id);
    expect(await ids('')).toEqual(['live', 'ringing']);
    expect(await ids('?state=ended')).toEqual(['over']);
    expect(await ids('?state=all')).toEqual(['live', 'ringing', 'over']);
    expect(await ids('?state=all&limit=1')).toEqual(['live']);
    expect(await ask('GET', '/calls?limit=0')).toMatchObject({ status: 400 });
    expect(await ask('GET', '/calls?other=1')).toMatchObject({ status: 400 });
  });

  it('gives one call, or says that there is none', async () => {
    const { ask } = await rig();
    expect(callView.parse((await ask('GET', '/calls/over')).body)).toMatchObject({ id: 'over', status: 'completed' });
    expect(await ask('GET', '/calls/none')).toMatchObject({ status: 404, body: { error: { code: 'CALL_UNKNOWN' } } });
    expect(await ask('GET', '/calls/..%2Fx')).toMatchObject({ status: 400 });
  });
});

describe('acting on a call', () => {
  it.each([
    ['hangup', undefined, 204, ['hangup', 'live']],
    [
      'transfer',
      { to: '1 555 000 3333', say: ' One moment ' },
      204,
      ['transfer', 'live', '+15550003333', { callerId: undefined, say: 'One moment' }],
    ],
    ['digits', { digits: '12w#' }, 204, ['digits', 'live', '12w#']],
    ['say', { text: 'Hello' }, 202, ['say', 'live', 'Hello']],
    ['text', { text: 'Hello' }, 202, ['text', 'live', 'Hello']],
  ])('%s', async (action, body, status, expected) => {
    const { ask, did } = await rig();
    expect(await ask('POST', `/calls/live/${action}`, body)).toMatchObject({ status, body: undefined });
    expect(did).toEqual([expected]);
  });

  it.each([
    ['transfer', { to: '+15550003333' }],
    ['digits', { digits: '1' }],
    ['say', { text: 'x' }],
    ['text', { text: 'x' }],
  ])('%s needs somebody on the line', async (action, body) => {
    const { ask, did } = await rig();
    const code = async (id: string) => (await ask('POST', `/calls/${id}/${action}`, body)).body.error.code;
    expect(await code('none')).toBe('CALL_UNKNOWN');
    expect(await code('over')).toBe('CALL_ENDED');
    expect(await code('ringing')).toBe('CALL_NOT_ANSWERED');
    expect(did).toEqual([]);
  });

  it('a ringing call can be hung up, and one that is over is', async () => {
    const { ask, did } = await rig();
    expect(await ask('POST', '/calls/ringing/hangup')).toMatchObject({ status: 204 });
    expect(await ask('POST', '/calls/over/hangup')).toMatchObject({ status: 204 });
    expect(await ask('POST', '/calls/none/hangup')).toMatchObject({ status: 404 });
    expect(did).toEqual([['hangup', 'ringing']]);
  });

  it('a transfer obeys the same list as a call', async () => {
    const { ask, did } = await rig();
    expect(await ask('POST', '/calls/live/transfer', { to: '+19005551234' })).toMatchObject({
      status: 403,
      body: { error: { code: 'DESTINATION_REFUSED', reason: 'not_listed' } },
    });
    expect(did).toEqual([]);
  });

  it.each([
    ['transfer', {}],
    ['transfer', { to: '+15550003333', say: '' }],
    ['transfer', { to: '+15550003333', say: 'x'.repeat(501) }],
    ['digits', { digits: '' }],
    ['digits', { digits: '12 34' }],
    ['digits', { digits: '1'.repeat(33) }],
    ['say', { text: '  ' }],
    ['text', { text: 'x'.repeat(2_001) }],
    ['text', undefined],
  ])('%s %j is not what it should be', async (action, body) => {
    const { ask, did } = await rig();
    expect(await ask('POST', `/calls/live/${action}`, body)).toMatchObject({ status: 400 });
    expect(did).toEqual([]);
  });

  it('says what went wrong at the carrier', async () => {
    const { ask, failWith } = await rig();
    for (const [code, status] of [
      ['CONTROL_GONE', 409],
      ['CONTROL_UNSUPPORTED', 501],
      ['CONTROL_AUTH', 502],
      ['CONTROL_TIMEOUT', 504],
    ] as const) {
      failWith(new ControlError(code, 'why'));
      expect(await ask('POST', '/calls/live/digits', { digits: '1' })).toMatchObject({
        status,
        body: { error: { code } },
      });
    }
  });
});

describe('the log', () => {
  it('holds neither numbers nor words nor tokens, at any level', async () => {
    const { ask, lines, failWith } = await rig();
    await ask('POST', '/calls', { to: '+15550001111', from: '+15550002222', variables: { name: 'Ada-canary' } });
    await ask('POST', '/calls', { to: '+19005551234' });
    await ask('POST', '/calls', { to: 'canary +15550001111' });
    await ask('POST', '/calls/live/transfer', { to: '+15550003333', say: 'words-canary' });
    await ask('POST', '/calls/live/say', { text: 'words-canary' });
    await ask('POST', '/calls/live/text', { text: 'words-canary' });
    await ask('POST', '/calls/live/digits', { digits: '471147114711' });
    await ask('POST', '/calls/live/hangup', undefined, { authorization: 'Bearer token-canary' });
    failWith(new ControlError('CONTROL_AUTH', 'no'));
    await ask('POST', '/calls', { to: '+15550001111' });
    const all = lines.join('');
    expect(lines.length).toBeGreaterThan(5);
    expect(all).not.toMatch(/555000|9005551234|canary|47114711|admin-token/);
  });
});

describe('the OpenAPI document', () => {
  it('has every route that is served, and no other', async () => {
    const { ask, registered } = await rig();
    const { body } = await ask('GET', '/openapi.json');
    const documented = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(documented.sort()).toEqual(registered.sort());
    expect(documented.length).toBe(10);
  });

  it('is what it says it is, with every reference at its place', async () => {
    const { ask } = await rig();
    const { body } = await ask('GET', '/openapi.json');
    expect(body).toMatchObject({ openapi: '3.1.1', info: { version: '1.2.3' } });
    const text = JSON.stringify(body);
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
    expect(new Set(references).size).toBeGreaterThan(4);
    for (const name of references) expect(body.components.schemas).toHaveProperty(name!);
    expect(text).not.toMatch(/\$defs|\$schema|"\$id"/);
    const ids = Object.values(body.paths as Record<string, Record<string, { operationId: string }>>).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(body.paths['/openapi.json'].get.security).toEqual([]);
    expect(body.paths['/calls'].post.security).toEqual([{ admin: [] }]);
  });

  it('describes what is really sent: answers pass its schemas, and a wrong one does not', async () => {
    const { ask, failWith } = await rig();
    const { body } = await ask('GET', '/openapi.json');
    const { schemas } = body.components;
    // The references of the document, as JSON Schema knows them.
    const schemaOf = (name: string) => {
      const $defs = JSON.parse(JSON.stringify(schemas).replaceAll('#/components/schemas/', '#/$defs/'));
      return z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs });
    };
    schemaOf('Call').parse((await ask('POST', '/calls', ORDER)).body);
    schemaOf('CallList').parse((await ask('GET', '/calls?state=all')).body);
    schemaOf('Error').parse((await ask('POST', '/calls', {})).body);
    failWith(new ControlError('CONTROL_REJECTED', 'no', { carrierCode: 21_211 }));
    schemaOf('Error').parse((await ask('POST', '/calls', ORDER)).body);
    expect(schemaOf('Call').safeParse({ ...view('x'), status: 'odd' }).success).toBe(false);
    expect(schemaOf('CallOrder').safeParse(ORDER).success).toBe(true);
    expect(schemaOf('CallOrder').safeParse({ ...ORDER, surprise: 1 }).success).toBe(false);
  });

  it('names the status and code of every refusal that is given', async () => {
    const { ask, failWith } = await rig();
    const { paths } = (await ask('GET', '/openapi.json')).body;
    const check = (path: string, answer: { status: number; body: { error: { code: string } } }) => {
      const description: string = paths[path].post.responses[answer.status]?.description ?? '(none)';
      expect(description.split(', '), `${path} ${answer.status}`).toContain(answer.body.error.code);
    };
    const key = { 'idempotency-key': 'k' };
    await ask('POST', '/calls', ORDER, key);
    check('/calls', await ask('POST', '/calls', { to: '+155500011' }, key));
    check('/calls', await ask('POST', '/calls', ORDER, { 'idempotency-key': 'a b' }));
    check('/calls', await ask('POST', '/calls', {}));
    check('/calls', await ask('POST', '/calls', { to: '+19005551234' }));
    check('/calls', await ask('POST', '/calls', ORDER, { authorization: 'Bearer x' }));
    check('/calls/{id}/say', await ask('POST', '/calls/none/say', { text: 'x' }));
    check('/calls/{id}/say', await ask('POST', '/calls/over/say', { text: 'x' }));
    check('/calls/{id}/say', await ask('POST', '/calls/ringing/say', { text: 'x' }));
    for (const code of [
      'CONTROL_GONE',
      'CONTROL_UNSUPPORTED',
      'CONTROL_AUTH',
      'CONTROL_REJECTED',
      'CONTROL_TIMEOUT',
      'CONTROL_PROTOCOL',
      'CONTROL_RATE_LIMITED',
      'CONTROL_UNAVAILABLE',
    ] as const) {
      failWith(new ControlError(code, 'why'));
      check('/calls/{id}/digits', await ask('POST', '/calls/live/digits', { digits: '1' }));
      if (code !== 'CONTROL_GONE') check('/calls', await ask('POST', '/calls', ORDER));
    }
    for (const [status, code] of [
      [429, 'OUTBOUND_HOURLY_LIMIT'],
      [429, 'OUTBOUND_CONCURRENT_LIMIT'],
      [503, 'OUTBOUND_UNAVAILABLE'],
      [422, 'PROMPT_UNKNOWN'],
      [422, 'AGENT_UNKNOWN'],
      [403, 'CALLBACK_REFUSED'],
    ] as const) {
      failWith(new ApiError(status, code, 'why'));
      check('/calls', await ask('POST', '/calls', ORDER));
    }
  });
});
