import Fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { BridgeError } from '../../../../src/errors.ts';
import { openApiDocument } from '../../../../src/http/openapi.ts';
import { addEvent, type CallRecord, newRecord } from '../../../../src/records/call-record.ts';
import type { RecordedEvent } from '../../../../src/records/event.ts';
import { recordsApi } from '../../../../src/records/http/records-api.ts';
import { recordDetail, recordList, recordRoutes } from '../../../../src/records/http/records-api-routes.ts';
import type { RecordQuery } from '../../../../src/records/store.ts';
import { PRICES, Telling } from '../../../fakes/record-events.ts';

const TOKEN = 'a-token-for-operators';

const apps: Array<{ close(): PromiseLike<unknown> }> = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

async function rig(calls = 3) {
  const records: CallRecord[] = [];
  const events: RecordedEvent[] = [];
  for (let i = calls - 1; i >= 0; i--) {
    const telling = new Telling('aaaaaa', 1_700_000_000_000 + i * 60_000);
    telling.start(`c${i}`);
    if (i > 0) telling.end(`c${i}`);
    const record = newRecord(`c${i}`, 'aaaaaa', telling.told[0]!);
    for (const event of telling.told) addEvent(record, event, PRICES);
    records.push(record);
    events.push(...telling.told);
  }
  const asked: RecordQuery[] = [];
  let failure: Error | undefined;
  const up = () => {
    if (failure !== undefined) throw failure;
  };
  const app = Fastify();
  apps.push(app);
  const done: string[] = [];
  let stuck: Error | undefined;
  await app.register(recordsApi, {
    admin: { tokens: [TOKEN] },
    forget: async (ids) => {
      if (stuck !== undefined) throw stuck;
      done.push(`forget ${ids.join()}`);
    },
    store: {
      async list(query) {
        up();
        asked.push(query);
        const from = query.before === undefined ? 0 : records.findIndex(({ id }) => id === query.before?.id) + 1;
        return records.slice(from, from + query.limit);
      },
      async get(id) {
        up();
        return records.find((record) => record.id === id);
      },
      async events(callId, after, limit) {
        up();
        return events.filter((e) => e.callId === callId && e.id > (after ?? '')).slice(0, limit);
      },
      async spoken(ids, limit) {
        up();
        return events.filter(({ callId }) => ids.includes(callId)).slice(0, limit);
      },
      async remove(id) {
        up();
        done.push(`remove ${id}`);
        return records.some((record) => record.id === id && record.endedAt !== null);
      },
    },
  });
  const ask = async (method: 'GET' | 'DELETE', url: string, authorization = `Bearer ${TOKEN}`) => {
    const answer = await app.inject({ method, url, headers: { authorization } });
    return { status: answer.statusCode, headers: answer.headers, body: answer.body === '' ? undefined : answer.json() };
  };
  const exportOf = (url: string) => app.inject({ url, headers: { authorization: `Bearer ${TOKEN}` } });
  return {
    ask,
    exportOf,
    asked,
    records,
    events,
    done,
    fail: (error: Error) => (failure = error),
    stick: (error: Error) => (stuck = error),
  };
}

describe('records over HTTP', () => {
  it.each([
    ['GET', '/records'],
    ['GET', '/records/export'],
    ['GET', '/records/c1'],
    ['DELETE', '/records/c1'],
  ] as const)('%s %s is for operators', async (method, url) => {
    const { ask, asked } = await rig();
    expect(await ask(method, url, 'Bearer wrong')).toMatchObject({
      status: 401,
      body: { error: { code: 'ADMIN_TOKEN_INVALID' } },
    });
    expect(asked).toEqual([]);
  });

  it('come in pages, every one once, in the form that the document says', async () => {
    const { ask, records } = await rig(5);
    const seen: string[] = [];
    let url = '/records?limit=2';
    for (let page = 0; page < 10; page++) {
      const { status, body, headers } = await ask('GET', url);
      expect(status).toBe(200);
      expect(headers['cache-control']).toBe('no-store');
      expect(recordList.strict().parse(body)).toEqual(body);
      seen.push(...body.records.map(({ id }: { id: string }) => id));
      if (body.next === null) break;
      url = `/records?limit=2&cursor=${body.next}`;
    }
    expect(seen).toEqual(records.map(({ id }) => id));
  });

  it('are asked for with what the query says', async () => {
    const { ask, asked } = await rig();
    const query = new URLSearchParams({
      text: ' Termin am Dienstag ',
      number: '+12025550143',
      callerKind: 'number',
      result: 'success',
      reason: 'caller-hangup',
      active: 'false',
      since: '2023-11-14T00:00:00Z',
      until: '2023-11-15T00:00:00+01:00',
    });
    expect((await ask('GET', `/records?${query}`)).status).toBe(200);
    expect(asked[0]).toMatchObject({
      text: 'Termin am Dienstag',
      number: '+12025550143',
      callerKind: 'number',
      result: 'success',
      reason: 'caller-hangup',
      active: false,
      since: Date.UTC(2023, 10, 14),
      until: Date.UTC(2023, 10, 14, 23),
      limit: 51,
    });
  });

  it.each([
    ['+1 202 555 0143', '+12025550143'],
    ['tel:+1-202-555-0143', '+12025550143'],
    ['+1\u2011202\u2011555\u20110143', '+12025550143'],
    ['555-0143', '5550143'],
    ['０１４３', '0143'],
    ['whatsapp:+1 202 555 0143', '+12025550143'],
    ['whatsapp:US.13491208655302741918', 'whatsapp:US.13491208655302741918'],
    ['client:alice', 'client:alice'],
  ])('are found by a number as people write it: %j', async (number, read) => {
    const { ask, asked } = await rig();
    expect((await ask('GET', `/records?${new URLSearchParams({ number })}`)).status).toBe(200);
    expect(asked[0]).toMatchObject({ number: read });
  });

  it('are asked for by what happened in them', async () => {
    const { ask, asked } = await rig();
    const query = { prompt: 'sales', route: 'day', carrier: 'twilio', tool: 'look_up', slowMs: '1500', cost: '0.5' };
    expect(
      (await ask('GET', `/records?${new URLSearchParams(query)}&failed=true&interrupted=true&counted=true`)).status,
    ).toBe(200);
    const { cost: _, ...same } = query;
    expect(asked[0]).toMatchObject({
      ...same,
      slowMs: 1_500,
      costFrom: 0.5,
      failed: true,
      interrupted: true,
      counted: true,
    });
  });

  it('say where the words stand that were asked for', async () => {
    const { ask, events } = await rig();
    const said = new Telling('bbbbbb').turn('c1', 'Do you open on Saturdays?', 'Yes');
    events.push(...said);
    const { body } = await ask('GET', '/records?text=saturday');
    expect(recordList.strict().parse(body)).toEqual(body);
    const hits = new Map(body.records.map((one: { id: string; hit?: object }) => [one.id, one.hit]));
    expect(hits.get('c1')).toMatchObject({ role: 'caller', text: 'Do you open on Saturdays?', marks: [[15, 24]] });
    expect(hits.get('c2')).toBeUndefined();
  });

  it('are exported, all that a search finds, as CSV and JSON', async () => {
    const { exportOf, asked, records } = await rig(1_203);
    records[0]!.prompt = '=HYPERLINK("http://x")';
    records[1]!.route = 'a "b", c';
    for (const [i, sign] of ['\n=', '＝', '＋', '－', '＠'].entries()) records[2 + i]!.route = `${sign}1+1`;
    const csv = await exportOf('/records/export?carrier=twilio');
    expect(csv.headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': 'attachment; filename="calls.csv"',
    });
    const lines = csv.body.trimEnd().split('\r\n');
    expect(lines).toHaveLength(1_204);
    expect(lines[0]).toMatch(/^id,startedAt,.*,slowestAnswerMs,cost,currency,/);
    expect(lines[1]).toContain(`"'=HYPERLINK(""http://x"")"`);
    expect(lines[1]).toContain(',+12025550143,');
    expect(lines[2]).toContain('"a ""b"", c"');
    // What a spreadsheet takes for a formula, too: behind a line feed, and of full width.
    expect(csv.body).toContain(`,"'\n=1+1",`);
    for (const sign of ['＝', '＋', '－', '＠']) expect(csv.body).toContain(`,'${sign}1+1,`);
    expect(asked.map(({ limit, carrier }) => [limit, carrier])).toEqual([
      [500, 'twilio'],
      [500, 'twilio'],
      [500, 'twilio'],
    ]);
    const json = JSON.parse((await exportOf('/records/export?format=json')).body);
    expect(json.records.map(({ id }: { id: string }) => id)).toEqual(records.map(({ id }) => id));
    expect(recordList.strict().parse({ ...json, next: null })).toEqual({ ...json, next: null });
    records.length = 0;
    expect(JSON.parse((await exportOf('/records/export?format=json')).body)).toEqual({ records: [] });
    expect((await exportOf('/records/export')).body.split('\r\n')).toHaveLength(2);
  });

  it('are not exported while the store is away', async () => {
    const { ask, fail } = await rig();
    fail(new BridgeError('STORE_UNAVAILABLE', 'away'));
    expect(await ask('GET', '/records/export')).toMatchObject({ status: 503 });
  });

  it.each([
    'slowMs=fast',
    'failed=maybe',
    'cost=-1',
    'callerKind=anybody',
    'limit=0',
    'limit=201',
    'number=nobody',
    'since=yesterday',
    'cursor=%00',
    'cursor=bm90IGEgY3Vyc29y',
    'active=maybe',
    'nothing=1',
    'text=',
  ])('refuse ?%s', async (query) => {
    const { ask, asked } = await rig();
    expect(await ask('GET', `/records?${query}`)).toMatchObject({
      status: 400,
      body: { error: { code: 'REQUEST_INVALID' } },
    });
    expect(asked).toEqual([]);
  });

  it('are shown with their events, in pages too', async () => {
    const { ask, events } = await rig();
    const { body } = await ask('GET', '/records/c1');
    expect(recordDetail.strict().parse(body)).toEqual(body);
    const of1 = events.filter(({ callId }) => callId === 'c1');
    expect(body.events).toEqual(of1.map(({ transient: _, ...event }) => event));
    expect(body).toMatchObject({ next: null, record: { id: 'c1', startedAt: '2023-11-14T22:14:20.000Z' } });
    const first = (await ask('GET', '/records/c1?limit=2')).body;
    expect(first.next).toBe(of1[1]?.id);
    const second = (await ask('GET', `/records/c1?limit=2&after=${first.next}`)).body;
    expect(second.events.map(({ id }: RecordedEvent) => id)).toEqual(of1.slice(2, 4).map(({ id }) => id));
    expect(await ask('GET', '/records/nobody')).toMatchObject({
      status: 404,
      body: { error: { code: 'RECORD_UNKNOWN' } },
    });
  });

  it('are removed with all else that is held of the call, and not before that is gone', async () => {
    const { ask, done, stick } = await rig();
    await ask('DELETE', '/records/c1');
    await ask('DELETE', '/records/c0');
    await ask('DELETE', '/records/nobody');
    expect(done).toEqual(['forget c1', 'remove c1']);
    stick(new Error('the disk is read-only'));
    expect(await ask('DELETE', '/records/c2')).toMatchObject({ status: 500 });
    expect(done).toHaveLength(2);
  });

  it('are removed when their call is over', async () => {
    const { ask } = await rig();
    expect(await ask('DELETE', '/records/c1')).toMatchObject({ status: 204, body: undefined });
    expect(await ask('DELETE', '/records/c0')).toMatchObject({ status: 409, body: { error: { code: 'RECORD_OPEN' } } });
    expect(await ask('DELETE', '/records/nobody')).toMatchObject({ status: 404 });
  });

  it('cannot be had while the store is down, which is said with when to ask again', async () => {
    const { ask, fail } = await rig();
    fail(new BridgeError('STORE_UNAVAILABLE', 'PostgreSQL cannot be used at the moment'));
    expect(await ask('GET', '/records')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      body: { error: { code: 'STORE_UNAVAILABLE' } },
    });
    fail(new Error('secret detail'));
    expect(await ask('GET', '/records')).toMatchObject({ status: 500, body: { error: { message: 'internal error' } } });
  });

  it('are in the OpenAPI document', () => {
    const { paths, components } = openApiDocument('1', Object.values(recordRoutes)) as {
      paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
      components: { schemas: Record<string, unknown> };
    };
    expect(Object.keys(paths['/records/{id}'] ?? {})).toEqual(['get', 'delete']);
    expect(Object.keys(paths['/records']?.['get']?.responses ?? {})).toContain('503');
    expect(Object.keys(components.schemas)).toEqual(expect.arrayContaining(['Record', 'RecordList', 'RecordDetail']));
  });
});
