import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newAccountSid, newCallSid } from '../../src/simulator/phone/carrier.ts';
import { type RealtimeServer, startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { monitorRedis } from '../redis-monitor.ts';
import { NO_REDIS, redisProgram, startRedis, type TestRedis } from '../redis-server.ts';
import { type DaemonProcess, startDaemonProcess } from './daemon-process.ts';
import { readBySocket, type SocketReader } from './events-reader.ts';
import { expectWhole, type Fleet, INSTANCE, placeCall, placeCalls, tokenOf } from './fleet-calls.ts';
import { askAsOperator } from './operator.ts';
import { type PostgresCluster, postgresCluster, postgresMissing } from './postgres.ts';
import { asked, sleep, until } from './rig.ts';
import { type RoundRobin, startRoundRobin } from './round-robin.ts';

/** Two daemons as processes behind a load balancer that knows nothing of calls, with a real Redis and a real PostgreSQL between them. */

const missing = redisProgram === undefined ? NO_REDIS : postgresMissing();
const CALLS = Number(process.env['FLEET_CALLS'] ?? 100);
const AT_ONCE = 10;
/** What a call may ask of Redis from its webhook to its end, an operator's order included, and in a second in between. */
const COMMANDS_MOST = 20;
const COMMANDS_A_SECOND = 0.2;

it('is tried with a real Redis and a real PostgreSQL', ({ skip }) => {
  skip(missing !== undefined, missing);
});

describe.skipIf(missing !== undefined)('two processes behind a load balancer that knows nothing of calls', () => {
  let redis: TestRedis;
  let postgres: PostgresCluster;
  let model: RealtimeServer;
  let proxy: RoundRobin;
  let reader: SocketReader;
  let daemons: DaemonProcess[] = [];
  const folders: string[] = [];
  const fleet: Fleet = {
    get proxy() {
      return proxy;
    },
    get model() {
      return model;
    },
    of: (type) =>
      reader.events
        .filter((event) => event.type === type)
        .map(({ callId, data }) => ({ callId, event: { type, ...data } as never })),
    active: async () => {
      const all = await Promise.all(daemons.map(({ url }) => ask<{ activeSessions: number }>(`${url}/health`)));
      return all.reduce((sum, { activeSessions }) => sum + activeSessions, 0);
    },
  };
  const ask = async <T>(url: string): Promise<T> => (await (await askAsOperator(url)).json()) as T;

  beforeAll(async () => {
    const startModel = startRealtimeServer({ port: 0, record: true, voice: { tone: 620, ms: 400, dbfs: -15 } });
    [redis, postgres, model] = await Promise.all([startRedis(), postgresCluster(), startModel]);
    // Known before the daemons, which are told of it; it is told of them when they listen.
    const targets: string[] = [];
    proxy = await startRoundRobin(targets);
    const start = async () => {
      const folder = mkdtempSync(join(tmpdir(), 'voicebridge-'));
      folders.push(folder);
      return startDaemonProcess({
        ...INSTANCE,
        DATA_DIR: folder,
        DATABASE_URL: postgres.url,
        REDIS_URL: redis.url,
        PUBLIC_URL: proxy.url,
        GREETING: 'off',
        OPENAI_BASE_URL: model.url,
      });
    };
    // One after the other: the first makes the tables.
    daemons = [await start(), await start()];
    targets.push(...daemons.map(({ url }) => url));
    reader = await readBySocket(daemons[0]!.url);
  }, 120_000);
  afterAll(async () => {
    reader?.close();
    await Promise.all(daemons.map((daemon) => daemon.kill('SIGKILL')));
    await proxy?.close();
    await model?.close();
    await redis?.close();
    postgres?.remove();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  it(`answers all of ${CALLS} calls, half of their streams at another process than their webhooks, first words whole, and has one record of each`, async () => {
    await placeCalls(fleet, CALLS, AT_ONCE);
    expectWhole(fleet, CALLS);
    interface Records {
      records: Array<{ id: string; reason: string | null; endedAt: string | null }>;
    }
    let records: Records['records'] = [];
    await asked(
      async () => {
        ({ records } = await ask<Records>(`${daemons[1]!.url}/records?limit=200`));
        return records.filter(({ endedAt }) => endedAt !== null).length >= CALLS;
      },
      'the records of all calls',
      20_000,
    );
    expect(records.length).toBe(CALLS);
    expect(new Set(records.map(({ reason }) => reason))).toEqual(new Set(['caller-hangup']));
  }, 180_000);

  /** All that Redis was asked so far, by what it is about. What looks at Redis or renews the instances goes on without calls, and is not counted. */
  const watch = async () => {
    const all: string[] = [];
    const stop = await monitorRedis(redis.url, ({ args, byScript }) => {
      if (byScript || /^(time|ping|info|auth|client|hello|subscribe|monitor|publish)$/i.test(args[0] ?? '')) return;
      if (!args.some((arg) => arg.includes(':lease:instances'))) all.push(args.join(' '));
    });
    return { all, stop };
  };

  it.each([
    [0, COMMANDS_MOST, 'asks little of Redis for a call, and next to nothing while it goes on'],
    [
      1,
      COMMANDS_MOST,
      'asks hardly more where its stream comes to the other process; an operator has it done from either',
    ],
  ])(
    '%#: with its webhook at %d: at most %d commands: %s',
    async (webhookAt, most) => {
      proxy.choose = (kind, path) => (kind === 'upgrade' ? 0 : path === '/incoming-call' ? webhookAt : 0);
      const before = fleet.of('caller_joined').length;
      const { all, stop } = await watch();
      const { report } = placeCall(fleet, { stays: true });
      const { callId } = await until(() => fleet.of('caller_joined')[before], 'the caller joins');
      const isAnswer = (event: { type: string; callId: string }) =>
        event.type === 'agent.response_done' && event.callId === callId;
      await until(() => reader.events.some(isAnswer), 'an answer');
      // What belongs to its beginning is over.
      await sleep(2_000);
      const [begun, since] = [all.length, performance.now()];
      await sleep(8_000);
      const running = all.length - begun;
      const rate = running / ((performance.now() - since) / 1_000);
      expect(rate, all.slice(begun).join('\n')).toBeLessThanOrEqual(COMMANDS_A_SECOND);
      for (const { url } of daemons) {
        const view = await ask<{ status: string }>(`${url}/calls/${callId}`);
        expect(view.status).toBe('in-progress');
      }
      const hangUp = await askAsOperator(`${daemons[1]!.url}/calls/${callId}/hangup`, { method: 'POST' });
      expect(hangUp.status).toBe(204);
      await report;
      await until(() => fleet.of('call_ended').some((one) => one.callId === callId), 'the end of the call');
      await sleep(500);
      stop();
      proxy.choose = undefined;
      expect(begun).toBeGreaterThan(0);
      expect(all.length, all.map((one) => one.slice(0, 160)).join('\n')).toBeLessThanOrEqual(most);
      expect(fleet.of('call_ended').find((one) => one.callId === callId)?.event.end.reason).toBe('operator-hangup');
    },
    60_000,
  );

  it('makes one call of a webhook that comes to both at once and again', async () => {
    const CallSid = newCallSid('twilio');
    const form = { CallSid, AccountSid: newAccountSid('twilio'), From: '+15005550006', To: '+15005550001' };
    const tell = async (path: string, at: number, more: Record<string, string> = {}) => {
      const body = new URLSearchParams({ ...form, CallStatus: 'ringing', Direction: 'inbound', ...more });
      return (await fetch(`${daemons[at]!.url}${path}`, { method: 'POST', body })).text();
    };
    const before = fleet.of('call_started').length;
    const documents = await Promise.all([0, 1, 1, 0].map((at) => tell('/incoming-call', at)));
    documents.push(await tell('/incoming-call', 0), await tell('/incoming-call', 1));
    expect(new Set(documents.map(tokenOf)).size).toBe(1);
    await tell('/call-status', 0, { CallStatus: 'completed' });
    await tell('/call-status', 1, { CallStatus: 'completed' });
    await asked(async () => (await fleet.active()) === 0, 'the call is over');
    await until(() => fleet.of('call_started').length > before, 'the call is told');
    await sleep(1_000);
    expect(fleet.of('call_started').length).toBe(before + 1);
  }, 60_000);
});
