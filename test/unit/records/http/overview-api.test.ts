import Fastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { BridgeError } from '../../../../src/errors.ts';
import type { OverviewQuery } from '../../../../src/records/figures.ts';
import { overviewApi } from '../../../../src/records/http/overview-api.ts';
import { overviewView, refusedList } from '../../../../src/records/http/overview-api-routes.ts';
import type { RefusedCaller, RefusedQuery } from '../../../../src/records/store.ts';

const TOKEN = 'a-token-for-operators';
const NOW = Date.parse('2026-03-02T12:00:00Z');

const apps: Array<{ close(): PromiseLike<unknown> }> = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

const FIGURES = {
  ...{ calls: 1, active: 0, failed: 1, durationMs: 5, cost: 0.1, unpriced: 0, turns: 1, bargeIns: 0, toolCalls: 0 },
  ...{ tokensIn: 1, tokensCached: 0, tokensOut: 2, answers: [0, 0, 3] },
};
const GROUP = { prompt: 'p', route: null, carrier: 'c', model: 'm', result: 'x', reason: 'y', currency: 'EUR' };

async function rig() {
  const asked: Array<OverviewQuery | RefusedQuery> = [];
  const callers: RefusedCaller[] = ['3', '2', '1'].map((id) => ({
    ...{ id, at: NOW - 5, instance: 'i', reason: 'calls', carrier: null, from: null, to: null, calls: 1 },
  }));
  let failure: Error | undefined;
  const app = Fastify();
  apps.push(app);
  await app.register(overviewApi, {
    admin: { tokens: [TOKEN] },
    clock: { wall: () => NOW },
    store: {
      async overview(query) {
        if (failure !== undefined) throw failure;
        asked.push(query);
        return {
          // Of two stores, put one behind the other.
          slots: [
            { slot: 0, currency: 'EUR', ...FIGURES },
            { slot: 0, currency: 'EUR', ...FIGURES },
          ],
          groups: [
            { ...GROUP, ...FIGURES },
            { ...GROUP, prompt: 'q', ...FIGURES },
          ],
          refused: [{ slot: 1, reason: 'rate', carrier: null, calls: 4 }],
        };
      },
      async refusedCallers(query) {
        asked.push(query);
        return callers.filter(({ id }) => query.before === undefined || id < query.before).slice(0, query.limit);
      },
    },
  });
  const ask = async (url: string, authorization = `Bearer ${TOKEN}`) => {
    const answer = await app.inject({ url, headers: { authorization } });
    return { status: answer.statusCode, body: answer.json() };
  };
  return { ask, asked, fail: (error: Error) => (failure = error) };
}

describe('the overview over HTTP', () => {
  it.each(['/records/overview', '/records/refused'])('%s is for operators', async (url) => {
    const { ask, asked } = await rig();
    expect(await ask(url, 'Bearer wrong')).toMatchObject({ status: 401 });
    expect(asked).toEqual([]);
  });

  it('is of the last day by hour where nothing else is asked for, in the form that the document says', async () => {
    const { ask, asked } = await rig();
    const { status, body } = await ask('/records/overview');
    expect(status).toBe(200);
    expect(overviewView.strict().parse(body)).toEqual(body);
    expect(body).toMatchObject({ since: '2026-03-01T12:00:00.000Z', until: '2026-03-02T12:00:00.000Z', step: 'hour' });
    expect(body.slots).toHaveLength(24);
    expect((asked[0] as OverviewQuery).edges).toHaveLength(25);
  });

  it('adds up what several stores have, and names each figure', async () => {
    const { ask } = await rig();
    const { body } = await ask('/records/overview');
    expect(body.totals).toMatchObject({ calls: 2, failed: 2, cost: 0.2, refused: 4, answers: { count: 6 } });
    expect(body.totals.answers.p50Ms).toBeGreaterThanOrEqual(250);
    expect(body.slots[0]).toMatchObject({ calls: 2, refused: 0 });
    expect(body.slots[1]).toMatchObject({ calls: 0, refused: 4, answers: { count: 0, p50Ms: null } });
    expect(body.prompts.map(({ name, calls }: { name: string; calls: number }) => [name, calls])).toEqual([
      ['p', 1],
      ['q', 1],
    ]);
    expect(body.routes).toMatchObject([{ name: null, calls: 2 }]);
    expect(body.failures).toEqual([{ result: 'x', reason: 'y', calls: 2 }]);
    expect(body.costs).toEqual([{ currency: 'EUR', cost: 0.2 }]);
  });

  it('is by day where the time is long, as the days of a zone are, and of one prompt', async () => {
    const { ask, asked } = await rig();
    const query = new URLSearchParams({
      since: '2026-02-01T00:00:00+01:00',
      until: '2026-03-01T00:00:00+01:00',
      zone: 'Europe/Berlin',
      prompt: 'sales',
    });
    const { body } = await ask(`/records/overview?${query}`);
    expect(body).toMatchObject({ step: 'day', zone: 'Europe/Berlin' });
    expect(body.slots).toHaveLength(28);
    expect(body.slots[1].from).toBe('2026-02-01T23:00:00.000Z');
    expect(asked[0]).toMatchObject({ prompt: 'sales' });
  });

  it.each([
    'zone=Nowhere/Land',
    'step=minute',
    'since=2026-03-02T12:00:00Z',
    'since=2020-01-01T00:00:00Z&step=hour',
    'since=2020-01-01T00:00:00Z',
    'nothing=1',
  ])('refuses ?%s', async (query) => {
    const { ask, asked } = await rig();
    expect(await ask(`/records/overview?${query}`)).toMatchObject({
      status: 400,
      body: { error: { code: 'REQUEST_INVALID' } },
    });
    expect(asked).toEqual([]);
  });

  it('is not to be had while the store is away', async () => {
    const { ask, fail } = await rig();
    fail(new BridgeError('STORE_UNAVAILABLE', 'away'));
    expect(await ask('/records/overview')).toMatchObject({
      status: 503,
      body: { error: { code: 'STORE_UNAVAILABLE' } },
    });
  });

  it('lists refused callers page by page', async () => {
    const { ask } = await rig();
    const first = (await ask('/records/refused?limit=2&reason=calls')).body;
    expect(refusedList.strict().parse(first)).toEqual(first);
    expect(first.refused.map(({ id }: { id: string }) => id)).toEqual(['3', '2']);
    const second = (await ask(`/records/refused?limit=2&before=${first.next}`)).body;
    expect(second).toMatchObject({ refused: [{ id: '1', at: '2026-03-02T11:59:59.995Z' }], next: null });
  });
});
