import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { SAY_WE_CLOSE } from '../../src/call/words.ts';
import { newCallSid } from '../../src/simulator/phone/carrier.ts';
import { type CallReport, Phone, silenceSource } from '../../src/simulator/phone/index.ts';
import { type RealtimeServer, startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { type Loop, watchLoop } from './loop.ts';
import { judgedAtLast, type Skip } from './measured-again.ts';
import { PROCESS_ENV } from './process-env.ts';
import { sleep, until } from './rig.ts';

/** The real process with real signals: what a deploy does to callers. */

const ROOT = join(import.meta.dirname, '../..');

interface Daemon {
  readonly url: string;
  readonly model: RealtimeServer;
  /** Standard output as it came, and what of it is log. */
  readonly output: () => string;
  readonly lines: () => Array<Record<string, unknown>>;
  readonly errors: () => string;
  readonly exit: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  call(hangUpAfterMs: number): Phone & { report: ReturnType<Phone['placeCall']> };
  /** Reasons of the log's lines about ended calls, by call. */
  ends(): Map<unknown, unknown[]>;
  /** What is stored of the calls once the process is gone: reason and number of `call_ended` events. */
  records(): Array<{ reason: unknown; ends: unknown }>;
  close(): Promise<void>;
}

async function startDaemon(settings: Record<string, string> = {}): Promise<Daemon> {
  const model = await startRealtimeServer({ port: 0, record: true, voice: { tone: 620, ms: 700, dbfs: -15 } });
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-'));
  const child: ChildProcess = spawn(process.execPath, ['src/main.ts'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...PROCESS_ENV,
      HOST: '127.0.0.1',
      PORT: '0',
      DATA_DIR: dataDir,
      USE_WEBRTC: 'false',
      OPENAI_API_KEY: 'sk-test-canary-000000000000',
      OPENAI_BASE_URL: model.url,
      METRICS_ACCESS: 'public',
      ...settings,
    },
  });
  let output = '';
  let errors = '';
  child.stdout?.on('data', (data) => {
    output += data;
  });
  child.stderr?.on('data', (data) => {
    errors += data;
  });
  // With all that it said, of which some may be on its way when it is gone.
  const exit = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const url = await until(
    () => /^voicebridge listens on (\S+)$/m.exec(output)?.[1],
    `the daemon listens (${errors})`,
    60_000,
  );
  const lines = () =>
    output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []));
  return {
    url,
    model,
    output: () => output,
    lines,
    errors: () => errors,
    exit,
    signal: (name) => void child.kill(name),
    call(hangUpAfterMs) {
      const phone = new Phone({ carrier: 'twilio', source: silenceSource(), verbTimeScale: 0.05, hangUpAfterMs });
      return Object.assign(phone, { report: phone.placeCall({ webhookUrl: `${url}/incoming-call` }) });
    },
    ends() {
      const ends = new Map<unknown, unknown[]>();
      for (const { msg, callId, reason } of lines())
        if (msg === 'call ended') ends.set(callId, [...(ends.get(callId) ?? []), reason]);
      return ends;
    },
    records() {
      const db = new DatabaseSync(join(dataDir, 'records.db'), { readOnly: true });
      const query =
        "SELECT reason, (SELECT count(*) FROM call_events WHERE call_id = call_records.id AND type = 'call_ended') AS ends FROM call_records";
      const rows = db.prepare(query).all();
      db.close();
      return rows.map(({ reason, ends }) => ({ reason, ends }));
    },
    async close() {
      child.kill('SIGKILL');
      await exit;
      await model.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

const it = test.extend<{ daemon: (settings?: Record<string, string>) => Promise<Daemon> }>({
  // biome-ignore lint/correctness/noEmptyPattern: the first argument must be a destructuring pattern.
  daemon: async ({}, use) => {
    const started: Daemon[] = [];
    await use(async (settings) => {
      const daemon = await startDaemon(settings);
      started.push(daemon);
      return daemon;
    });
    await Promise.all(started.map((daemon) => daemon.close()));
  },
});

const connected = (daemon: Daemon, calls: number) =>
  until(
    () => daemon.lines().filter(({ msg }) => msg === 'both ends are on the line').length === calls,
    `${calls} callers are on the line`,
  );

/** Again where the phone stood still, but for the last time. The daemons of all tries are closed with the test. */
const heardOut = (skip: Skip, measure: (skip: Skip) => Promise<void>) =>
  judgedAtLast({ own: (one) => one, skip }, (_own, skip) => measure(skip));

/** That the caller heard all that was said before the line went. Where the phone itself stood still it plays late what came in time. */
function expectHeardOut(report: CallReport, loop: Loop, skip: Skip): void {
  void loop.close();
  const unheardMs = report.streams[0]?.playback.unheardMs ?? Number.NaN;
  loop.excuses(skip, unheardMs >= 100, 50);
  expect(unheardMs).toBeLessThan(100);
}

/** Until the agent's first words were heard to their end. */
async function greeted(phone: Phone): Promise<void> {
  await until(() => phone.stream?.ear.lastLoudMs, 'the greeting to be heard');
  await until(() => phone.stream?.ear.speaking(performance.now()) === false, 'the end of the greeting');
}

const post = async (url: string, callSid: string, accountSid = 'AC1') => {
  const answer = await fetch(url, {
    method: 'POST',
    body: new URLSearchParams({ CallSid: callSid, AccountSid: accountSid }),
  });
  return { status: answer.status, text: await answer.text() };
};

describe.concurrent('kill -TERM', () => {
  it('cuts nobody off: no new calls, the running ones to their end, then the process ends by itself', async ({
    daemon,
  }) => {
    const d = await daemon();
    expect(d.output()).not.toContain('Server listening');
    expect(d.errors()).toBe('');
    const phones = [d.call(60_000), d.call(60_000)];
    await connected(d, 2);
    expect((await fetch(`${d.url}/health/ready`)).status).toBe(200);
    d.signal('SIGTERM');
    await until(() => d.lines().some(({ msg }) => String(msg).startsWith('draining')), 'the signal is seen');

    expect((await fetch(`${d.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${d.url}/health/live`)).status).toBe(200);
    expect(await (await fetch(`${d.url}/health`)).json()).toMatchObject({ status: 'draining', activeSessions: 2 });
    const refused = await post(`${d.url}/incoming-call`, newCallSid('twilio'));
    expect(refused.status).toBe(200);
    expect(refused.text).toMatch(/<Say>We are sorry[^<]*<\/Say><Hangup\/>/);
    expect(await (await fetch(`${d.url}/metrics`)).text()).toContain(
      'voicebridge_calls_refused_total{reason="draining"} 1',
    );
    // A caller whose line breaks in the middle of it comes back.
    const [first] = phones;
    const back = await post(`${d.url}/call-continue`, first?.callSid ?? '', first?.accountSid);
    expect(back.text).toContain('<Stream ');

    await Promise.all(phones.map(greeted));
    for (const phone of phones) phone.hangUp();
    const reports = await Promise.all(phones.map(({ report }) => report));
    for (const report of reports) expect([report.ok, report.ended.by]).toEqual([true, 'caller']);
    expect(await d.exit).toBe(0);
    expect([...d.ends().values()]).toEqual([['caller-hangup'], ['caller-hangup']]);
    expect(d.records()).toEqual(Array(2).fill({ reason: 'caller-hangup', ends: 1 }));
  });

  it('says goodbye when the time is up: spoken by the agent, heard whole, then the process ends', ({ daemon, skip }) =>
    heardOut(skip, async (skip) => {
      const d = await daemon({ DRAIN_TIMEOUT: '1' });
      const phone = d.call(25_000);
      await connected(d, 1);
      const loop = watchLoop();
      d.signal('SIGTERM');
      const report = await phone.report;
      expect([report.ok, report.ended.by]).toEqual([true, 'bridge']);
      const asked = d.model.sessions[0]?.received.filter(({ type }) => type === 'response.create') ?? [];
      expect(JSON.stringify(asked)).toContain(JSON.stringify(SAY_WE_CLOSE).slice(1, -1));
      expectHeardOut(report, loop, skip);
      // It was said by the agent, so that the carrier has nothing to add.
      expect(JSON.stringify(report.timeline)).not.toContain('We are sorry');
      expect(await d.exit).toBe(0);
      expect([...d.ends().values()]).toEqual([['drained']]);
      expect(d.records()).toEqual([{ reason: 'drained', ends: 1 }]);
    }));

  it('twice ends it at once, with one end for each call', async ({ daemon }) => {
    const d = await daemon();
    const phones = [d.call(25_000), d.call(25_000)];
    await connected(d, 2);
    d.signal('SIGTERM');
    await until(() => d.lines().some(({ msg }) => String(msg).startsWith('draining')), 'the signal is seen');
    d.signal('SIGTERM');
    const began = performance.now();
    expect(await d.exit).toBe(1);
    expect(performance.now() - began).toBeLessThan(8_000);
    await Promise.all(phones.map(({ report }) => report));
    expect([...d.ends().values()]).toEqual([['drained'], ['drained']]);
    expect(d.records()).toEqual(Array(2).fill({ reason: 'drained', ends: 1 }));
  });

  it('with nobody on the line ends it at once', async ({ daemon }) => {
    const d = await daemon();
    d.signal('SIGTERM');
    expect(await d.exit).toBe(0);
  });
});

/** Has Node run this before the daemon; spaces would end the option. */
const preload = (code: string) => ({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` });

describe.concurrent('a bug that nobody caught', () => {
  it.for([
    ['thrown', "process.on('SIGUSR2', () => { throw new Error('nobody caught this'); });"],
    ['a rejection', "process.on('SIGUSR2', () => void Promise.reject(new Error('nobody caught this')));"],
  ] as const)(
    'takes no new call, lets the agent say goodbye, and ends the process with 1: %s',
    ([, code], { daemon, skip }) =>
      heardOut(skip, async (skip) => {
        const d = await daemon({ ...preload(code), CRASH_DRAIN_SECONDS: '4' });
        const phone = d.call(25_000);
        await connected(d, 1);
        const loop = watchLoop();
        d.signal('SIGUSR2');
        await until(
          () => d.lines().some(({ level, msg }) => level === 'fatal' && String(msg).includes('unexpected')),
          'the log',
        );
        expect((await fetch(`${d.url}/health/ready`)).status).toBe(503);
        expect((await post(`${d.url}/incoming-call`, newCallSid('twilio'))).text).toContain('We are sorry');
        const report = await phone.report;
        expect([report.ok, report.ended.by]).toEqual([true, 'bridge']);
        expect(JSON.stringify(d.model.sessions[0]?.received)).toContain(JSON.stringify(SAY_WE_CLOSE).slice(1, -1));
        expectHeardOut(report, loop, skip);
        expect(await d.exit).toBe(1);
        expect(d.output()).toContain('nobody caught this');
        expect(d.records()).toEqual([{ reason: 'drained', ends: 1 }]);
      }),
  );

  it('a second time ends it at once, with one end for each call, all of it stored', async ({ daemon }) => {
    const d = await daemon(preload("process.on('SIGUSR2', () => { throw new Error('nobody caught this'); });"));
    const phones = [d.call(25_000), d.call(25_000)];
    await connected(d, 2);
    d.signal('SIGUSR2');
    await until(() => d.lines().some(({ level }) => level === 'fatal'), 'the first is logged');
    d.signal('SIGUSR2');
    const began = performance.now();
    expect(await d.exit).toBe(1);
    expect(performance.now() - began).toBeLessThan(8_000);
    await Promise.all(phones.map(({ report }) => report));
    expect(d.records()).toEqual(Array(2).fill({ reason: 'drained', ends: 1 }));
  });
});

describe.concurrent('a wall clock that jumps', () => {
  it.for([
    ['two hours on', 7_200_000],
    ['two hours back', -7_200_000],
  ] as const)('%s in the middle of a call moves nothing that is heard or counted', async ([, ms], { daemon }) => {
    const code = `const real = Date.now; let off = 0; Date.now = () => real() + off; process.on('SIGUSR2', () => { off += ${ms}; });`;
    const d = await daemon({ ...preload(code), MAX_CALL_MINUTES: '60', SILENCE_SECONDS: '0' });
    const phone = d.call(6_000);
    await connected(d, 1);
    const began = performance.now();
    d.signal('SIGUSR2');
    expect((await fetch(`${d.url}/health/live`)).status).toBe(200);
    // Who calls after the jump is served as well: tokens and limits go by one clock.
    const next = d.call(60_000);
    await greeted(next);
    await sleep(1_000);
    next.hangUp();
    const reports = [await phone.report, await next.report];
    for (const report of reports) {
      expect([report.ok, report.ended.by]).toEqual([true, 'caller']);
      expect(report.streams).toHaveLength(1);
      // The greeting was heard whole: what a busy machine puts between two frames is not two hours.
      const { playedMs = 0, longestGapMs = 0, unheardMs } = report.streams[0]?.playback ?? {};
      expect([playedMs > 600, longestGapMs < 1_000, unheardMs]).toEqual([true, true, 0]);
    }
    expect(performance.now() - began).toBeGreaterThan(4_000);
    // The caller knows of his end before the daemon has written it down.
    await until(() => d.ends().size === 2, 'both ends are told');
    expect([...d.ends().values()]).toEqual([['caller-hangup'], ['caller-hangup']]);
    const durations = d.lines().flatMap(({ msg, durationMs }) => (msg === 'call ended' ? [Number(durationMs)] : []));
    for (const duration of durations) expect([duration > 2_000, duration < 60_000]).toEqual([true, true]);
  });
});

it('npm that is ended takes the daemon along, which it does not pass signals on to', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-'));
  const env = { ...PROCESS_ENV, HOST: '127.0.0.1', PORT: '0', DATA_DIR: dataDir, OPENAI_API_KEY: 'sk-test' };
  // As npm runs a script: by a shell that waits for it.
  const shell = spawn('sh', ['-c', '"$0" src/main.ts; exit $?', process.execPath], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...env, npm_lifecycle_event: 'start' },
  });
  let output = '';
  let isOver = false;
  shell.stdout.on('data', (data) => {
    output += data;
  });
  // The daemon holds the other end of the pipe.
  shell.stdout.once('close', () => {
    isOver = true;
  });
  await until(() => output.includes('voicebridge listens on'), 'the daemon listens', 30_000);
  shell.kill('SIGTERM');
  await until(() => isOver, 'the daemon ends', 20_000);
  expect(output).toContain('npm is gone');
  rmSync(dataDir, { recursive: true, force: true });
});

describe('kill -HUP', () => {
  it('ends nothing where one process is alone, and says that nothing is read anew', async ({ daemon }) => {
    const d = await daemon();
    const phone = d.call(60_000);
    await connected(d, 1);
    d.signal('SIGHUP');
    await until(() => d.lines().some(({ msg }) => String(msg).startsWith('SIGHUP')), 'the signal is seen');
    await greeted(phone);
    phone.hangUp();
    const report = await phone.report;
    expect([report.ok, report.ended.by]).toEqual([true, 'caller']);
    expect((await fetch(`${d.url}/health/ready`)).status).toBe(200);
  });
});
