import { createHmac } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { describe, expect } from 'vitest';
import { type App, build } from '../../src/app.ts';
import { systemClock } from '../../src/call/clock.ts';
import { termination } from '../../src/call/termination.ts';
import { loadConfig } from '../../src/config.ts';
import type { Base } from '../../src/features/feature.ts';
import { openWebhooks } from '../../src/features/webhooks.ts';
import { createLog } from '../../src/log.ts';
import { silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { FakeAgent } from '../fakes/legs.ts';
import { Telling } from '../fakes/record-events.ts';
import { hearsOut } from './agent-heard.ts';
import { watchLoop } from './loop.ts';
import { judgedAtLast } from './measured-again.ts';
import { type Rig, startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { expectUntorn } from './untorn.ts';

/** Webhooks of the whole daemon, taken by a real server that fails at first. */

const SECRET = 'whsec_c2VjcmV0IG9mIHRoZSB3ZWJob29rcw==';

interface Taken {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly status: number;
}

/** A receiver that answers these statuses in turn, then 204. 0: it does not answer at all. */
async function receiver(statuses: number[] = []) {
  const taken: Taken[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const status = statuses.shift() ?? 204;
    taken.push({ headers: request.headers, body, status });
    if (status === 0) return;
    // Following it would ask for /elsewhere, and be counted here.
    if (status >= 300 && status < 400) response.setHeader('location', '/elsewhere');
    response.writeHead(status).end('not read');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?key=of-the-receiver`,
    taken,
    statuses,
    accepted: () => taken.filter(({ status }) => status === 204).map(({ body }) => JSON.parse(body)),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** As a receiver checks it, by https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
function isSigned({ headers, body }: Taken): boolean {
  const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  return headers['webhook-signature'] === `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}

function shortCall(app: App, id: string): Promise<unknown> {
  app.calls.create({ id, direction: 'inbound' }, new FakeAgent());
  return app.calls.get(id)?.end(termination('caller-hangup')) ?? Promise.resolve();
}

/** All that waits on disk, of whichever process. */
const onDisk = (dataDir: string) =>
  (readdirSync(join(dataDir, 'webhooks'), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => readFileSync(join(dataDir, 'webhooks', name), 'utf8'))
    .join('');

const told = (bodies: Array<{ type: string; data: { callId: string } }>) =>
  bodies.map(({ type, data }) => `${type} ${data.callId}`);
const deliveries = async (rig: Rig, event: string, outcome: string) => {
  const text = await (await fetch(`${rig.url}/metrics`)).text();
  const name = `voicebridge_webhook_deliveries_total{event="${event}",outcome="${outcome}"}`;
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.split(' ')
      .at(-1),
  );
};

describe('webhooks', () => {
  it('tell a call in order, signed, though the receiver fails first; the call feels nothing', ({ own, skip }) =>
    judgedAtLast({ own, skip }, async (own, skip) => {
      const hook = own(await receiver([500, 302]));
      const rig = own(
        await startRig({
          settings: { WEBHOOK_URL: hook.url, WEBHOOK_SECRET: SECRET },
          scenario: {
            greeting: { tone: 620, toneMs: 300 },
            turns: [{ tools: [{ name: 'look_up_caller' }], afterTools: { tone: 620, toneMs: 300 } }],
          },
        }),
      );
      const loop = own(watchLoop());
      const { phone, report } = rig.call({ source: silenceSource(), from: '+12025550143' });
      const greeting = await hearsOut(phone, 200);
      phone.say(toneSource(1_020, { ms: 500, dbfs: -15 }));
      await hearsOut(phone, greeting + 200);
      phone.hangUp();
      expectUntorn(await report, loop, skip);
      const bodies = await until(() => hook.accepted().length === 3 && hook.accepted(), 'all three', 15_000);
      const id = rig.of('call_started')[0]?.info.id ?? '';
      expect(told(bodies)).toEqual([`call.started ${id}`, `tool.called ${id}`, `call.ended ${id}`]);
      expect(bodies[0].data).toMatchObject({ direction: 'inbound', from: '+12025550143', carrier: 'twilio' });
      expect(bodies[1].data).toMatchObject({ name: 'look_up_caller', outcome: 'ok', arguments: {} });
      const end = rig.of('call_ended')[0];
      expect(bodies[2].data).toMatchObject({
        from: '+12025550143',
        result: end?.end.result,
        reason: end?.end.reason,
        toolCalls: 1,
        turns: 1,
        transports: ['websocket'],
      });
      expect(bodies[2].data.answeredAt).toMatch(/^\d{4}-/);

      // Every try is signed; those of one message have one id, and a redirect was not followed.
      expect(hook.taken.map(({ status }) => status)).toEqual([500, 302, 204, 204, 204]);
      expect(hook.taken.every(isSigned)).toBe(true);
      const ids = hook.taken.map(({ headers }) => headers['webhook-id']);
      expect(new Set(ids.slice(0, 3)).size).toBe(1);
      expect(new Set(ids).size).toBe(3);
      expect(ids.slice(2)).toEqual(bodies.map((body) => body.id));
      const times = hook.taken.map(({ headers }) => Number(headers['webhook-timestamp']));
      expect(times[2]).toBeGreaterThan(times[0] ?? Number.NaN);

      await expect.poll(() => deliveries(rig, 'call.ended', 'delivered')).toBe(1);
      expect(await deliveries(rig, 'call.started', 'retried')).toBe(2);
      // The receiver's own secret, in its address, and the caller's number stay out of the log.
      expect(JSON.stringify(rig.lines)).not.toMatch(/of-the-receiver|2025550143/);
    }));

  it('of one receiver are not held up by another that hangs', async ({ own }) => {
    const [dead, good] = [own(await receiver([0])), own(await receiver())];
    const rig = own(
      await startRig({ settings: { WEBHOOK_URL: `${dead.url},${good.url}`, WEBHOOK_EVENTS: 'call.ended' } }),
    );
    await Promise.all(['c1', 'c2'].map((id) => shortCall(rig.app, id)));
    await until(() => good.accepted().length === 2, 'both ends at the good one');
    expect(told(good.accepted())).toEqual(['call.ended c1', 'call.ended c2']);
    expect(good.taken[0]?.headers).not.toHaveProperty('webhook-signature');
    await until(() => dead.taken.length > 0, 'the first at the one that hangs');
    expect(dead.taken).toHaveLength(1);
    expect(JSON.stringify(rig.lines)).toContain('WEBHOOK_SECRET');
  });

  it('that could not be delivered are sent after a restart, in their order and under their ids', async ({ own }) => {
    const hook = own(await receiver([204, ...Array.from({ length: 10 }, () => 503)]));
    const settings = { WEBHOOK_URL: hook.url, WEBHOOK_SECRET: SECRET };
    const rig = own(await startRig({ settings }));
    await shortCall(rig.app, 'c1');
    await until(() => hook.taken.length >= 2, 'the failing try');
    await shortCall(rig.app, 'c2');
    // It waits a moment for what is being delivered; here that waits for its next try.
    const began = performance.now();
    await rig.app.close();
    expect(performance.now() - began).toBeLessThan(5_000);
    const failed = hook.taken.filter(({ status }) => status === 503);
    expect(onDisk(rig.dataDir)).toContain('call.ended');
    expect(onDisk(rig.dataDir)).not.toContain('of-the-receiver');
    hook.statuses.length = 0;

    const next = await build(
      loadConfig({
        DATA_DIR: rig.dataDir,
        HOST: '127.0.0.1',
        PORT: '0',
        OPENAI_API_KEY: 'sk-test-canary-000000000000',
        OPENAI_BASE_URL: rig.model.url,
        ...settings,
      }),
      { log: createLog({ level: 'silent' }) },
    );
    own({ close: () => next.close() });
    const bodies = await until(() => hook.accepted().length === 4 && hook.accepted(), 'the rest');
    expect(told(bodies)).toEqual(['call.started c1', 'call.ended c1', 'call.started c2', 'call.ended c2']);
    expect(hook.taken.every(isSigned)).toBe(true);
    expect(bodies[1].id).toBe(failed[0]?.headers['webhook-id']);
    await next.close();
    expect(readdirSync(join(rig.dataDir, 'webhooks'))).toEqual([]);
  });

  describe('of several processes with one folder', () => {
    /** As one of the processes has them. */
    const openOne = async (dataDir: string, instance: string, url: string) => {
      const feature = await openWebhooks({
        config: loadConfig({ DATA_DIR: dataDir, WEBHOOK_URL: url, WEBHOOK_EVENTS: 'call.started' }),
        log: createLog({ level: 'silent' }),
        clock: systemClock,
        instance,
        metrics: { registry: new Registry() },
      } as unknown as Base);
      return {
        tell: (id: string) => {
          for (const event of new Telling(instance, Date.now()).start(id))
            for (const sink of feature.sinks ?? []) sink.onRecord(event);
        },
        close: async () => feature.close?.(),
      };
    };
    const folder = () => mkdtempSync(join(tmpdir(), 'voicebridge-webhooks-'));

    it('are sent by the one whose calls they are, and kept though another begins and ends', async ({ own }) => {
      const dataDir = folder();
      const hook = own(await receiver([503, 503]));
      const one = own(await openOne(dataDir, 'one', hook.url));
      one.tell('c1');
      await until(() => hook.taken.length === 1, 'the failing try');
      const other = await openOne(dataDir, 'other', hook.url);
      one.tell('c2');
      await until(() => onDisk(dataDir).includes('"c2'), 'it is on disk');
      await other.close();
      expect(onDisk(dataDir)).toContain('"c1');
      expect(onDisk(dataDir)).toContain('"c2');
      await until(() => hook.accepted().length === 2, 'both', 15_000);
      expect(told(hook.accepted())).toEqual(['call.started c1', 'call.started c2']);
      expect(new Set(hook.taken.map(({ headers }) => headers['webhook-id'])).size).toBe(2);
    });

    it('are sent by another where theirs is gone, those of an earlier version too', async ({ own }) => {
      const dataDir = folder();
      const dead = own(await receiver([0]));
      const first = await openOne(dataDir, 'first', dead.url);
      first.tell('c1');
      await until(() => onDisk(dataDir).includes('"c1'), 'it is on disk');
      const [row = ''] = onDisk(dataDir).split('\n');
      await first.close();
      writeFileSync(
        join(dataDir, 'webhooks.jsonl'),
        `${row.replaceAll('c1', 'c0').replace(/"id":"[^"]+"/, '"id":"evt_0"')}\n`,
      );
      dead.statuses.length = 0;
      const next = await openOne(dataDir, 'next', dead.url);
      await until(() => dead.accepted().length === 2, 'both');
      expect(told(dead.accepted())).toEqual(['call.started c0', 'call.started c1']);
      await next.close();
      expect(readdirSync(dataDir)).toEqual(['webhooks']);
      expect(readdirSync(join(dataDir, 'webhooks'))).toEqual([]);
    });
  });
});
