import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockAgent } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noPrices } from '../../../src/records/costs.ts';
import { EventIds, type RecordedEvent } from '../../../src/records/event.ts';
import { type Delivery, WEBHOOK_EVENTS, type WebhookEvent } from '../../../src/webhooks/delivery.ts';
import { backOffMs, Destination, type Outcome } from '../../../src/webhooks/destination.ts';
import { WebhookJournal } from '../../../src/webhooks/journal.ts';
import { Payloads } from '../../../src/webhooks/payloads.ts';
import { Webhooks } from '../../../src/webhooks/webhooks.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { fakeLog } from '../../fakes/legs.ts';
import { Telling } from '../../fakes/record-events.ts';

const URL_ = 'https://example.com/hook';
const agents: MockAgent[] = [];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  for (const agent of agents.splice(0)) await agent.close();
});

const delivery = (n: number, over: Partial<Delivery> = {}): Delivery => ({
  id: `evt_${n}`,
  event: 'call.started',
  at: 1_700_000_000_000,
  body: `{"n":${n}}`,
  ...over,
});

function destination(
  statuses: Array<number | { status: number; after: string }>,
  over: { attempts?: number; queue?: number } = {},
) {
  const clock = new FakeClock();
  const agent = new MockAgent();
  agents.push(agent);
  agent.disableNetConnect();
  const requests: Array<{ id: string; body: string; at: number }> = [];
  const pool = agent.get('https://example.com');
  for (const one of statuses) {
    const { status, after } = typeof one === 'number' ? { status: one, after: undefined } : one;
    pool.intercept({ path: '/hook', method: 'POST' }).reply((request) => {
      const headers = request.headers as Record<string, string>;
      requests.push({ id: headers['webhook-id'] ?? '', body: String(request.body), at: clock.now() });
      return {
        statusCode: status,
        data: '',
        responseOptions: { headers: after === undefined ? {} : { 'retry-after': after } },
      };
    });
  }
  const outcomes: Outcome[] = [];
  const done: string[] = [];
  const log = fakeLog();
  const stop = new AbortController();
  const to = new Destination({
    url: URL_,
    secret: 'a-secret-of-webhooks',
    attempts: over.attempts ?? 20,
    queue: over.queue ?? 100,
    clock,
    log,
    dispatcher: agent,
    signal: stop.signal,
    random: () => 1,
    done: (id) => done.push(id),
    count: (_event, outcome) => outcomes.push(outcome),
  });
  const pass = async (ms: number) => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(ms);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, to, requests, outcomes, done, log, pass, stop };
}

describe('a destination', () => {
  it('gets one after the other; one that fails holds those behind it', async () => {
    const { to, requests, outcomes, done, pass } = destination([204, 500, 503, 200, 200]);
    for (const n of [1, 2, 3]) to.add(delivery(n));
    await pass(0);
    expect(requests.map(({ id }) => id)).toEqual(['evt_1', 'evt_2']);
    await pass(2_000);
    await pass(4_000);
    expect(requests.map(({ id, at }) => [id, at])).toEqual([
      ['evt_1', 0],
      ['evt_2', 0],
      ['evt_2', 2_000],
      ['evt_2', 6_000],
      ['evt_3', 6_000],
    ]);
    expect(outcomes).toEqual(['delivered', 'retried', 'retried', 'delivered', 'delivered']);
    expect(done).toEqual(['evt_1', 'evt_2', 'evt_3']);
    expect(to.size).toBe(0);
  });

  it('that refuses one body is not asked to take it again; an address that is wrong for now is', async () => {
    const { to, requests, outcomes, pass, log } = destination([422, 404, 200]);
    to.add(delivery(1));
    to.add(delivery(2));
    await pass(0);
    await pass(2_000);
    expect(requests.map(({ id }) => id)).toEqual(['evt_1', 'evt_2', 'evt_2']);
    expect(outcomes).toEqual(['refused', 'retried', 'delivered']);
    expect(log.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { fields: { host: 'example.com', outcome: 'refused', why: 'HTTP 422' } },
    ]);
  });

  it('that asks for time gets it', async () => {
    const { to, requests, pass } = destination([{ status: 429, after: '60' }, 200]);
    to.add(delivery(1));
    await pass(0);
    await pass(59_000);
    expect(requests).toHaveLength(1);
    await pass(1_000);
    expect(requests).toHaveLength(2);
  });

  it('is given up after so many tries, and the next is sent', async () => {
    const { to, requests, outcomes, pass, clock } = destination([500, 500, 500, 200], { attempts: 3 });
    to.add(delivery(1));
    to.add(delivery(2));
    await pass(0);
    await pass(2_000);
    await pass(4_000);
    expect(requests.map(({ id }) => id)).toEqual(['evt_1', 'evt_1', 'evt_1', 'evt_2']);
    expect(outcomes).toEqual(['retried', 'retried', 'exhausted', 'delivered']);
    expect(clock.pending).toBe(0);
  });

  it('is given up after a day, also when the day was long over at the start', async () => {
    const { to, outcomes, pass } = destination([500]);
    to.add(delivery(1, { at: 1_700_000_000_000 - 24 * 3_600_000 }));
    await pass(0);
    expect(outcomes).toEqual(['exhausted']);
  });

  it('of which too many wait loses the oldest, not the one that is being sent', async () => {
    const { to, requests, outcomes, done, pass } = destination([500, 200, 200, 200], { queue: 3 });
    for (const n of [1, 2, 3, 4]) to.add(delivery(n));
    expect([outcomes, done]).toEqual([['dropped'], ['evt_2']]);
    await pass(0);
    await pass(2_000);
    expect(requests.map(({ id }) => id)).toEqual(['evt_1', 'evt_1', 'evt_3', 'evt_4']);
  });

  it('is left at once when the process ends, and nothing counts as done', async () => {
    const { to, done, pass, stop, clock } = destination([500]);
    to.add(delivery(1));
    await pass(0);
    stop.abort(new Error('closed'));
    await to.idle;
    expect([done, to.size, clock.pending]).toEqual([[], 1, 0]);
  });

  it('forgets what is not to be told any more: what waits, and what is being tried', async () => {
    const { to, requests, outcomes, done, pass, clock } = destination([500, 200]);
    for (const n of [1, 2, 3, 4]) to.add(delivery(n));
    await pass(0);
    to.forget(({ id }) => id !== 'evt_3');
    expect(done.toSorted()).toEqual(['evt_1', 'evt_2', 'evt_4']);
    await pass(2_000);
    expect(requests.map(({ id }) => id)).toEqual(['evt_1', 'evt_3']);
    expect(outcomes.toSorted()).toEqual(['delivered', 'dropped', 'dropped', 'dropped', 'retried']);
    expect([to.size, clock.pending]).toEqual([0, 0]);
  });

  it('is called at times that differ, further and further apart', () => {
    expect([1, 2, 3, 4].map((tries) => backOffMs(tries, 1))).toEqual([2_000, 4_000, 8_000, 16_000]);
    expect(backOffMs(3, 0)).toBe(4_000);
    expect(backOffMs(30, 1)).toBe(2 * 3_600_000);
    // As many tries as the setting allows end within the day.
    const whole = Array.from({ length: 19 }, (_, i) => backOffMs(i + 1, 1)).reduce((a, b) => a + b);
    expect(whole).toBeGreaterThan(12 * 3_600_000);
    expect(whole).toBeLessThan(24 * 3_600_000);
  });
});

describe('the journal', () => {
  const failures: unknown[] = [];
  const open = async (urls: string[]) => {
    const journal = new WebhookJournal(join(folder, 'sub', 'webhooks.jsonl'), (error) => failures.push(error));
    const { waiting, forgotten } = await journal.open(urls);
    return { journal, waiting: [...waiting].map(([url, all]) => [url, all.map(({ id }) => id)]), forgotten };
  };

  it('has what was not done, in its order, by destination, and keeps it to its owner', async () => {
    const { journal, waiting } = await open([URL_, 'https://b.example/']);
    expect(waiting).toEqual([
      [URL_, []],
      ['https://b.example/', []],
    ]);
    for (const n of [1, 2, 3]) journal.add(URL_, delivery(n));
    journal.add('https://b.example/', delivery(1));
    journal.done(URL_, 'evt_2');
    await journal.close();
    const path = join(folder, 'sub', 'webhooks.jsonl');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).not.toContain('example');
    const again = await open([URL_, 'https://b.example/']);
    expect(again.waiting).toEqual([
      [URL_, ['evt_1', 'evt_3']],
      ['https://b.example/', ['evt_1']],
    ]);
    expect(failures).toEqual([]);
  });

  it('has it after a kill too, with a torn last line', async () => {
    const { journal } = await open([URL_]);
    for (const n of [1, 2, 3]) journal.add(URL_, delivery(n));
    journal.done(URL_, 'evt_1');
    const path = join(folder, 'sub', 'webhooks.jsonl');
    await expect.poll(() => readFileSync(path, 'utf8').split('\n').length).toBe(5);
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"to":"x","id":"evt_4","bo`);
    expect((await open([URL_])).waiting).toEqual([[URL_, ['evt_2', 'evt_3']]]);
  });

  it('forgets destinations that are no longer set, and leaves no file when nothing waits', async () => {
    const { journal } = await open([URL_]);
    journal.add(URL_, delivery(1));
    await journal.close();
    expect(await open(['https://b.example/'])).toMatchObject({ forgotten: 1 });
    expect(() => statSync(join(folder, 'sub', 'webhooks.jsonl'))).toThrow('ENOENT');
  });

  it('that cannot be written says so and disturbs nothing', async () => {
    writeFileSync(join(folder, 'file'), '');
    const seen: unknown[] = [];
    const journal = new WebhookJournal(join(folder, 'file', 'webhooks.jsonl'), (error) => seen.push(error));
    journal.add(URL_, delivery(1));
    await journal.close();
    expect(seen.length).toBeGreaterThan(0);
  });
});

describe('webhooks', () => {
  it('of a call whose record is removed are sent no more, and are gone from the disk', async () => {
    const journal = join(folder, 'webhooks.jsonl');
    const webhooks = new Webhooks({
      // Nobody listens there.
      urls: ['http://127.0.0.1:1/hook'],
      secret: undefined,
      events: WEBHOOK_EVENTS,
      attempts: 20,
      queue: 100,
      journal,
      prices: noPrices,
      instance: 'p1',
      clock: new FakeClock(),
      log: fakeLog(),
      count: () => {},
    });
    await webhooks.open();
    const telling = new Telling();
    for (const id of ['c1', 'c2']) telling.start(id, { from: `+1555000000${id.slice(1)}` });
    for (const event of telling.told) webhooks.onRecord(event);
    expect(webhooks.waiting).toBe(2);
    await expect.poll(() => readFileSync(journal, 'utf8')).toContain('+15550000002');
    await webhooks.forget(['c1']);
    await expect.poll(() => webhooks.waiting).toBe(1);
    expect(readFileSync(journal, 'utf8')).not.toContain('+15550000001');
    expect(readFileSync(journal, 'utf8')).toContain('+15550000002');
    await webhooks.forget(['c2']);
    expect(() => statSync(journal)).toThrow('ENOENT');
    await webhooks.close();
  });
});

describe('what is told', () => {
  const ids = new EventIds(() => 1_700_000_000_000, 'p1');
  const record = (
    type: string,
    data: Record<string, unknown> = {},
    over: Partial<RecordedEvent> = {},
  ): RecordedEvent => ({
    id: ids.next(),
    callId: 'c1',
    seq: 0,
    at: 1_700_000_000_000,
    offsetMs: 0,
    type,
    data,
    transient: false,
    ...over,
  });
  const made = (wanted: readonly WebhookEvent[] = WEBHOOK_EVENTS) =>
    new Payloads({ wanted, prices: noPrices, instance: 'p1' });
  const info = {
    id: 'c1',
    direction: 'inbound',
    carrier: 'twilio',
    carrierCallId: 'CA1',
    from: '+12025550143',
    to: '+12025550100',
  };
  const call = [
    record('call_started', { direction: 'inbound', info }),
    record('caller_joined', { kind: 'twilio', again: false }),
    record('agent.tool_call', { toolCallId: 't1', name: 'look_up', arguments: '{"a":1}', responseId: 'r1' }),
    record('agent.transcript', { role: 'agent', text: 'hel', final: false }, { transient: true }),
    record('tool.tool_finished', {
      name: 'look_up',
      toolCallId: 't1',
      ms: 12,
      outcome: 'ok',
      truncated: false,
      output: '{"found":true}',
    }),
    record('call_ended', {
      end: { result: 'completed', reason: 'caller-hangup' },
      durationMs: 4_000.4,
      counters: { barge_in: 1 },
    }),
  ];

  it('is the beginning, each tool call and the end with its summary, each with the id of its event', () => {
    const payloads = made();
    const told = call.map((event) => payloads.of(event));
    expect(told.map((one) => one?.event)).toEqual([
      'call.started',
      undefined,
      undefined,
      undefined,
      'tool.called',
      'call.ended',
    ]);
    const bodies = told.flatMap((one) => (one === undefined ? [] : [JSON.parse(one.body)]));
    expect(bodies[0]).toMatchObject({
      type: 'call.started',
      id: `evt_${call[0]?.id}`,
      timestamp: '2023-11-14T22:13:20.000Z',
      data: { callId: 'c1', direction: 'inbound', from: '+12025550143', carrierCallId: 'CA1' },
    });
    expect(bodies[1].data).toEqual({
      callId: 'c1',
      name: 'look_up',
      toolCallId: 't1',
      ms: 12,
      outcome: 'ok',
      truncated: false,
      output: '{"found":true}',
      arguments: { a: 1 },
    });
    expect(bodies[2].data).toMatchObject({
      callId: 'c1',
      result: 'completed',
      reason: 'caller-hangup',
      durationMs: 4_000,
      toolCalls: 1,
      counters: { barge_in: 1 },
      startedAt: '2023-11-14T22:13:20.000Z',
    });
    expect(told[5]?.id).toBe(bodies[2].id);
  });

  it('is in docs/events.md, each field of it', () => {
    const page = readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8');
    const section = page.slice(page.indexOf('# Webhooks'));
    const payloads = made();
    for (const event of call) {
      const body = payloads.of(event)?.body;
      if (body === undefined) continue;
      const { type, data } = JSON.parse(body);
      for (const name of [type, ...Object.keys(data)]) expect(section, name).toContain(`\`${name}\``);
    }
  });

  it('is only what is wanted; the summary is whole all the same', () => {
    const payloads = made(['call.ended']);
    const told = call.map((event) => payloads.of(event)).filter((one) => one !== undefined);
    expect(told.map(({ event }) => event)).toEqual(['call.ended']);
    expect(JSON.parse(told[0]?.body ?? '').data).toMatchObject({ toolCalls: 1, from: '+12025550143' });
  });
});
