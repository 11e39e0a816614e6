import { createHmac } from 'node:crypto';
import { MockAgent } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { CallCallbacks } from '../../../src/orders/call-callbacks.ts';
import { FakeClock } from '../../fakes/clock.ts';

const URL_ = 'https://example.com/done';
const agents: MockAgent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.close();
});

interface Request {
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly at: number;
}

function rig(statuses: number[], options: { secret?: string; refuse?: boolean } = {}) {
  const clock = new FakeClock();
  const agent = new MockAgent();
  agents.push(agent);
  agent.disableNetConnect();
  const requests: Request[] = [];
  const pool = agent.get('https://example.com');
  for (const status of statuses)
    pool.intercept({ path: '/done', method: 'POST' }).reply((request) => {
      requests.push({
        headers: request.headers as Record<string, string>,
        body: String(request.body),
        at: clock.now(),
      });
      return { statusCode: status, data: '', responseOptions: { headers: { location: 'https://evil.example/' } } };
    });
  const lines: string[] = [];
  const callbacks = new CallCallbacks({
    clock,
    log: { warn: (fields, message) => void lines.push(JSON.stringify({ ...fields, message })) },
    secret: options.secret,
    dispatcherFor: () => {
      if (options.refuse === true) throw new Error('not allowed');
      return agent;
    },
  });
  const pass = async (ms: number) => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(ms);
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, callbacks, requests, lines, pass };
}

describe('a callback', () => {
  it('is JSON, signed as Standard Webhooks has it', async () => {
    const { callbacks, requests, pass, clock } = rig([204], { secret: 'callback-secret' });
    callbacks.send(URL_, { type: 'call.ended' });
    await pass(0);
    const { headers, body } = requests[0]!;
    expect(JSON.parse(body)).toEqual({ type: 'call.ended' });
    expect(headers['content-type']).toBe('application/json');
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    expect(headers['webhook-signature']).toBe(
      `v1,${createHmac('sha256', 'callback-secret').update(signed).digest('base64')}`,
    );
    expect(headers['webhook-timestamp']).toBe('1700000000');
    expect(clock.pending).toBe(0);
  });

  it('is tried again, under the same id, when the far end fails', async () => {
    const { callbacks, requests, pass, lines } = rig([500, 429, 200]);
    callbacks.send(URL_, {});
    await pass(1_000);
    await pass(5_000);
    expect(requests.map(({ at }) => at)).toEqual([0, 1_000, 6_000]);
    expect(lines).toEqual([]);
    expect(requests[0]?.headers).not.toHaveProperty('webhook-signature');
    await pass(60_000);
    expect(requests).toHaveLength(3);
  });

  it('keeps its id over the tries', async () => {
    const { callbacks, requests, pass } = rig([500, 200], { secret: 'callback-secret' });
    callbacks.send(URL_, {});
    await pass(1_000);
    expect(requests).toHaveLength(2);
    expect(requests[1]?.headers['webhook-id']).toBe(requests[0]?.headers['webhook-id']);
  });

  it('is given up after four tries, and the log says where and why, not what', async () => {
    const { callbacks, requests, pass, lines, clock } = rig([500, 500, 500, 503]);
    callbacks.send(`${URL_}`, { to: '+15550001111' });
    for (const ms of [1_000, 5_000, 30_000, 60_000]) await pass(ms);
    expect(requests).toHaveLength(4);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('example.com');
    expect(lines[0]).toContain('503');
    expect(lines[0]).not.toMatch(/5550001111|done/);
    expect(clock.pending).toBe(0);
  });

  it.each([400, 404, 410, 307])('an outright %i is not asked again, nor is a redirect followed', async (status) => {
    const { callbacks, requests, pass, lines } = rig([status, 200]);
    callbacks.send(URL_, {});
    await pass(1_000);
    await pass(60_000);
    expect(requests).toHaveLength(1);
    expect(lines).toHaveLength(1);
  });

  it('whose host is not allowed is refused when it is ordered', () => {
    const { callbacks } = rig([], { refuse: true });
    expect(() => callbacks.check(URL_)).toThrow('not allowed');
    expect(() => rig([]).callbacks.check(URL_)).not.toThrow();
  });

  it('is given up when the process ends', async () => {
    const { callbacks, requests, pass, clock, lines } = rig([500]);
    callbacks.send(URL_, {});
    await pass(0);
    await callbacks.close();
    expect(requests).toHaveLength(1);
    expect(clock.pending).toBe(0);
    expect(lines).toEqual([]);
  });
});
