import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { RecordedEvent } from '../../src/records/event.ts';
import type { RecordView } from '../../src/records/http/records-api-routes.ts';
import { type AudioSource, Phone, scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { parseScenario, startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { hearsOut } from './agent-heard.ts';
import { startDaemonProcess } from './daemon-process.ts';
import { readBySocket } from './events-reader.ts';
import { askAsOperator } from './operator.ts';
import { type PostgresCluster, postgresCluster, postgresMissing } from './postgres.ts';
import { asked, startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Records of real calls through the whole daemon. */

const CALLER = '+12025550143';
const voice = { tone: 620, ms: 600, dbfs: -15 };

/** A caller who takes a turn of 500 ms `times` times. */
function turns(times: number): AudioSource {
  const turn = [toneSource(1_020, { ms: 500, dbfs: -15 }), { pauseMs: 1_500 }];
  return scriptSource([{ pauseMs: 1_000 }, ...Array.from({ length: times }, () => turn).flat()]);
}

interface Detail {
  readonly record: RecordView;
  readonly events: readonly Omit<RecordedEvent, 'transient'>[];
}

async function get<T>(url: string): Promise<{ status: number; body: T }> {
  const response = await askAsOperator(url);
  return { status: response.status, body: (await response.json()) as T };
}

const listOf = async (url: string, query = '') =>
  (await get<{ records: RecordView[] }>(`${url}/records${query}`)).body.records ?? [];

/** Waits until a call's record has its end; gives it with its events. Whoever writes them looks for a database that was away every 15 s at least. */
async function ended(url: string): Promise<Detail> {
  const { id } = await asked(async () => (await listOf(url, '?active=false'))[0], 'the record of the call', 40_000);
  return (await get<Detail>(`${url}/records/${id}?limit=5000`)).body;
}

/** Numbers of stored events have no gap but those of pieces of transcripts, which are not stored. */
function missingNumbers({ events }: Detail, transient: ReadonlySet<number>): number[] {
  const kept = new Set(events.map(({ seq }) => seq));
  return Array.from({ length: Math.max(...kept) + 1 }, (_, seq) => seq).filter(
    (seq) => !kept.has(seq) && !transient.has(seq),
  );
}

describe.concurrent('a call, recorded', () => {
  it('is found while it goes on and afterwards, with all that happened and what it cost', async ({ own }) => {
    const rig = own(
      await startRig({
        model: { voice },
        scenario: { turns: [{ say: { text: 'Your appointment is on Tuesday.', tone: 620, toneMs: 400 } }] },
      }),
    );
    const { phone, report } = rig.call({ source: turns(1), from: CALLER });
    await until(() => rig.of('connected')[0], 'both ends are there');
    const running = await asked(
      async () => (await listOf(rig.url, '?active=true'))[0],
      'the record of the running call',
    );
    expect(running).toMatchObject({ from: CALLER, carrier: 'twilio', endedAt: null, result: null });
    await until(() => rig.of('turn')[0], 'an answer to the caller', 20_000);
    await hearsOut(phone, 300);
    phone.hangUp();
    await report;
    await until(() => rig.of('call_ended')[0], 'the call ends');
    const detail = await ended(rig.url);
    const { record, events } = detail;
    expect(record).toMatchObject({
      id: running.id,
      direction: 'inbound',
      prompt: 'default',
      model: 'gpt-realtime-2.1',
      result: 'success',
      reason: 'caller-hangup',
      transports: ['websocket'],
      currency: 'USD',
      events: events.length,
    });
    expect(record.cost).toBeGreaterThan(0);
    expect(record.turns).toBeGreaterThan(0);
    expect(record.counters['frames_in']).toBeGreaterThan(100);
    expect(events[0]).toMatchObject({ type: 'call_started', seq: 0, data: { info: { from: CALLER } } });
    expect(events.at(-1)).toMatchObject({ type: 'call_ended' });
    // Every event that the call told is there; pieces of transcripts are replaced by the whole one.
    const told = rig.events.filter(
      (event) => !(event.type === 'agent' && event.event.type === 'transcript' && !event.event.final),
    );
    expect(events).toHaveLength(told.length);
    expect((await listOf(rig.url, '?text=tuesday%20appoint')).map(({ id }) => id)).toEqual([record.id]);
    expect(await listOf(rig.url, '?text=wednesday')).toEqual([]);
    expect(await listOf(rig.url, `?number=${encodeURIComponent(CALLER)}`)).toHaveLength(1);
    const metrics = await (await fetch(`${rig.url}/metrics`)).text();
    expect(metrics).toMatch(new RegExp(`voicebridge_records_written_total ${events.length}`));
    expect(metrics).toMatch(/voicebridge_records_waiting 0/);
    // What was said and the numbers are in the records, and nowhere in the log.
    expect(JSON.stringify(rig.lines)).not.toMatch(/Tuesday|2025550143/);
  });
});

describe.concurrent('a record that is removed', () => {
  it('takes its recording, its events in memory and its waiting webhooks along, and leaves those of other calls', async ({
    own,
  }) => {
    const rig = own(
      await startRig({
        model: { voice },
        scenario: { greeting: { text: 'The password is swordfish.', tone: 620, toneMs: 400 } },
        settings: {
          RECORDING: 'wav',
          RECORDING_CONSENT: 'operator',
          RECORDINGS_MIN_FREE_MB: '0',
          // Nobody listens there: what is to be told waits.
          WEBHOOK_URL: 'http://127.0.0.1:9/hook',
          WEBHOOK_SECRET: 'a-secret-of-webhooks-here',
        },
      }),
    );
    const calls = ['+12025550101', '+12025550102'].map((from) => rig.call({ source: silenceSource(), from }));
    for (const { phone } of calls) {
      await hearsOut(phone, 300);
      phone.hangUp();
    }
    await Promise.all(calls.map(({ report }) => report));
    const records = await asked(async () => {
      const over = await listOf(rig.url, '?active=false');
      return over.length === 2 && over;
    }, 'the records of both');
    const [gone, kept] = ['+12025550101', '+12025550102'].map((from) => records.find((one) => one.from === from));
    const files = () => readdirSync(join(rig.dataDir, 'recordings')).map((name) => name.split('.')[0]);
    const closed = () =>
      readdirSync(join(rig.dataDir, 'recordings')).filter((name) => name.endsWith('.peaks')).length === 2;
    await until(closed, 'the recordings to be closed');
    expect(files().filter((id) => id === gone?.id)).toHaveLength(3);
    const waits = join(rig.dataDir, 'webhooks');
    const webhooks = () =>
      readdirSync(waits)
        .map((one) => readFileSync(join(waits, one, 'webhooks.jsonl'), 'utf8'))
        .join('');
    expect(webhooks()).toContain('+12025550101');

    expect((await askAsOperator(`${rig.url}/records/${gone?.id}`, { method: 'DELETE' })).status).toBe(204);
    expect(files().filter((id) => id === gone?.id)).toEqual([]);
    expect(files().filter((id) => id === kept?.id)).toHaveLength(3);
    for (const path of ['', '/recording', '/recording/peaks'])
      expect((await askAsOperator(`${rig.url}/records/${gone?.id}${path}`)).status).toBe(404);
    expect(webhooks()).not.toContain('+12025550101');
    expect(webhooks()).toContain('+12025550102');
    // Whoever reads all there is, from memory and from the store, is told of the other call alone.
    const reader = await readBySocket(rig.url, '?after=0');
    own({ close: async () => reader.close() });
    await until(() => reader.messages.some(({ kind }) => kind === 'hello'), 'the replay to be over');
    expect(new Set(reader.events.map(({ callId }) => callId))).toEqual(new Set([kept?.id]));
    expect(reader.messages.filter(({ kind }) => kind === 'gap')).toEqual([]);
    const spool = join(rig.dataDir, 'spool');
    await until(
      () => readdirSync(spool, { recursive: true }).every((name) => !String(name).endsWith('.jsonl')),
      'the spool to be empty',
    );
    expect((await listOf(rig.url, '?text=swordfish')).map(({ id }) => id)).toEqual([kept?.id]);
    expect((await askAsOperator(`${rig.url}/records/${gone?.id}`, { method: 'DELETE' })).status).toBe(404);
  });
});

describe.concurrent('a daemon that is killed in the middle of calls', () => {
  it('finds them when it starts again, with all that was stored, and closes them as lost', async ({ own }) => {
    const model = own(await startRealtimeServer({ port: 0, voice, scenario: parseScenario({}) }));
    const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-kill-'));
    own({ close: async () => rmSync(dataDir, { recursive: true, force: true }) });
    const env = { DATA_DIR: dataDir, OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: model.url, USE_WEBRTC: 'false' };
    const first = await startDaemonProcess(env);
    own({ close: () => first.kill('SIGKILL') });
    const phones = [0, 1].map(() => {
      const phone = new Phone({ carrier: 'twilio', source: turns(12), verbTimeScale: 0.05, hangUpAfterMs: 30_000 });
      const report = phone.placeCall({ webhookUrl: `${first.url}/incoming-call` }).catch(() => undefined);
      return { phone, report };
    });
    const before = await asked(async () => {
      const all = await listOf(first.url);
      return all.length === 2 && all.every(({ turns }) => turns > 0) && all;
    }, 'a turn in both');
    const stored = await Promise.all(before.map(({ id }) => get<Detail>(`${first.url}/records/${id}?limit=5000`)));
    await first.kill('SIGKILL');

    const second = await startDaemonProcess(env);
    own({ close: () => second.kill('SIGKILL') });
    await asked(async () => {
      const all = await listOf(second.url);
      return all.length === 2 && all.every(({ result }) => result !== null);
    }, 'the ends of both');
    for (const { body } of stored) {
      const detail = (await get<Detail>(`${second.url}/records/${body.record.id}?limit=5000`)).body;
      expect(detail.record).toMatchObject({ result: 'indeterminate', reason: 'process-lost' });
      expect(detail.events.slice(0, body.events.length)).toEqual(body.events);
      expect(new Set(detail.events.map(({ id }) => id)).size).toBe(detail.events.length);
      expect(detail.record.events).toBe(detail.events.length);
    }
    for (const { phone } of phones) phone.hangUp();
    await Promise.all(phones.map(({ report }) => report));
  });
});

const missing = postgresMissing();

describe.concurrent('PostgreSQL', () => {
  if (missing !== undefined) {
    it('that stops in the middle of a call changes nothing of the call', ({ skip }) => skip(missing));
    return;
  }
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await postgresCluster();
  }, 60_000);
  afterAll(() => cluster?.remove());

  it('that stops in the middle of a call changes nothing of the call, and has all of it when it is back', async ({
    own,
  }) => {
    const transient = new Set<number>();
    const rig = own(
      await startRig({
        model: { voice },
        settings: { DATABASE_URL: cluster.database('midcall') },
        scenario: { turns: [{ say: { text: 'One moment.', tone: 620, toneMs: 600 } }] },
      }),
    );
    const { phone, report } = rig.call({ source: silenceSource(), from: CALLER });
    let listened = await hearsOut(phone, 300);
    for (const turn of [1, 2, 3]) {
      phone.say(toneSource(1_020, { ms: 500, dbfs: -15 }));
      await until(() => rig.agentEvents('speech_stopped').length === turn, `turn ${turn}`);
      if (turn === 1) cluster.stopAtOnce();
      listened = await hearsOut(phone, listened + 300);
    }
    phone.hangUp();
    const heard = await report;
    await until(() => rig.of('call_ended')[0], 'the call ends');
    expect(rig.of('call_ended')[0]?.end).toMatchObject({ result: 'success', reason: 'caller-hangup' });
    // Turns after the break were answered and heard to their end.
    expect(rig.agentEvents('speech_stopped').length).toBeGreaterThanOrEqual(3);
    expect(heard.streams[0]?.playback.unheardMs).toBeLessThan(100);
    expect(rig.counter).toBeDefined();
    expect((await get(`${rig.url}/records`)).status).toBe(503);
    expect(await (await fetch(`${rig.url}/metrics`)).text()).toMatch(/voicebridge_records_spooled [1-9]/);

    cluster.start();
    const detail = await ended(rig.url);
    expect(detail.record).toMatchObject({ result: 'success', reason: 'caller-hangup', from: CALLER });
    let seq = 0;
    for (const event of rig.events) {
      const piece = event.type === 'agent' && event.event.type === 'transcript' && !event.event.final;
      if (piece) transient.add(seq);
      seq++;
    }
    expect(missingNumbers(detail, transient)).toEqual([]);
    expect(detail.events).toHaveLength(rig.events.length - transient.size);
  });
});
