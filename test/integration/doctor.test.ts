import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../src/app.ts';
import { systemClock } from '../../src/call/clock.ts';
import { main } from '../../src/cli/doctor.ts';
import { loadConfig } from '../../src/config.ts';
import { type DoctorDeps, formatResult, type Result, runCheck } from '../../src/doctor/check.ts';
import { examine, systemDeps } from '../../src/doctor/doctor.ts';
import { createLog } from '../../src/log.ts';
import { type RealtimeServer, startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import { startTurnServer } from './turn-server.ts';

/** The doctor against stand-ins: all is well, and then one thing at a time is broken and alone is named. */

const KEY = 'sk-the-right-one';
const TOKEN = 'auth-token-of-the-carrier';
const SID = `AC${'0'.repeat(32)}`;
const NUMBER = '+15550001111';

let dataDir: string;
let model: RealtimeServer;
let blocked: RealtimeServer;
let turn: Awaited<ReturnType<typeof startTurnServer>>;
let carrier: Server;
let webhookOfNumber: string;
let port: number;
let media: number;
const cleanups: Array<() => unknown> = [];

const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function listening(server: Server): Promise<Server> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

async function freeTcpPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port: found } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return found;
}

/** The first of several UDP ports in a row that are free. */
async function freeUdpPorts(count: number): Promise<number> {
  for (let first = 21_000 + (process.pid % 300) * 40; ; first += count) {
    const sockets = Array.from({ length: count }, () => createSocket('udp4'));
    const bound = await Promise.all(
      sockets.map(
        (socket, i) =>
          new Promise<boolean>((done) => {
            socket.once('error', () => done(false));
            socket.bind({ port: first + i, exclusive: true }, () => done(true));
          }),
      ),
    );
    await Promise.all(sockets.map((socket) => new Promise<void>((done) => socket.close(() => done()))));
    if (bound.every(Boolean)) return first;
  }
}

/** The IncomingPhoneNumbers resource as Twilio has it, with one number. */
function startNumbers(): Promise<Server> {
  const authorization = `Basic ${Buffer.from(`${SID}:${TOKEN}`).toString('base64')}`;
  const root = `/2010-04-01/Accounts/${SID}/IncomingPhoneNumbers`;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const url = new URL(request.url ?? '', 'http://carrier');
    const send = (status: number, value: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const number = () => ({ sid: 'PN1', voice_url: webhookOfNumber, voice_method: 'POST', voice_application_sid: '' });
    if (request.headers.authorization !== authorization) send(401, { code: 20003 });
    else if (request.method === 'GET' && url.pathname === `${root}.json`) {
      const asked = url.searchParams.get('PhoneNumber') ?? NUMBER;
      send(200, { incoming_phone_numbers: asked === NUMBER ? [number()] : [] });
    } else if (request.method === 'POST' && url.pathname === `${root}/PN1.json`) {
      webhookOfNumber = new URLSearchParams(body).get('VoiceUrl') ?? webhookOfNumber;
      send(200, number());
    } else send(404, {});
  });
  return listening(server);
}

function settings(more: Record<string, string> = {}): Record<string, string> {
  return {
    DATA_DIR: dataDir,
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    OPENAI_API_KEY: KEY,
    OPENAI_BASE_URL: model.url,
    RTC_PORT_RANGE: `${media}-${media + 19}`,
    MAX_CALLS: '10',
    TWILIO_ACCOUNT_SID: SID,
    TWILIO_AUTH_TOKEN: TOKEN,
    TWILIO_API_URL: `http://127.0.0.1:${portOf(carrier)}`,
    OUTBOUND_FROM: NUMBER,
    ...more,
  };
}

const iceServers = (credential: string) =>
  JSON.stringify([{ urls: `turn:127.0.0.1:${turn.port}?transport=udp`, username: 'doctor', credential }]);

interface Broken {
  settings?: Record<string, string>;
  deps?: Partial<DoctorDeps>;
  fix?: boolean;
}

async function examined({ settings: more, deps, fix = false }: Broken = {}): Promise<Result[]> {
  const system = systemDeps(loadConfig(settings(more)));
  return examine({ ...system, freeBytes: async () => 50e9, limits: async () => LIMITS, ...deps }, { fix });
}

const LIMITS =
  'Limit   Soft Limit   Hard Limit   Units\nMax open files            4096                 4096                 files\n';

/** What is neither pass nor skip, as "status name". */
const wrong = (results: readonly Result[]) =>
  results.filter(({ status }) => status === 'warn' || status === 'fail').map(({ status, name }) => `${status} ${name}`);

const of = (results: readonly Result[], name: string) => results.find((result) => result.name === name);

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-doctor-'));
  model = await startRealtimeServer({ port: 0, apiKeys: [KEY] });
  blocked = await startRealtimeServer({ port: 0, apiKeys: [KEY], udp: 'block' });
  turn = await startTurnServer('doctor', 'secret-of-turn');
  carrier = await startNumbers();
  port = await freeTcpPort();
  media = await freeUdpPorts(20);
  webhookOfNumber = `http://127.0.0.1:${port}/incoming-call`;
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

afterAll(async () => {
  turn.close();
  carrier.close();
  await Promise.all([model.close(), blocked.close()]);
  rmSync(dataDir, { recursive: true });
});

describe('the doctor', () => {
  it('finds everything well', async () => {
    const results = await examined({ settings: { ICE_SERVERS: iceServers('secret-of-turn') } });
    expect(results.filter(({ status }) => status !== 'pass').map(formatResult)).toEqual([]);
    expect(results.length).toBe(16);
    expect(model.sessions.length).toBeGreaterThan(0);
  });

  it('names a wrong key, and prints no secret', async () => {
    const results = await examined({
      settings: { OPENAI_API_KEY: 'sk-of-somebody-else', ICE_SERVERS: iceServers('secret-of-turn') },
    });
    expect(wrong(results)).toEqual(['fail model key']);
    expect(of(results, 'model key')?.detail).toContain('MODEL_AUTH');
    expect(of(results, 'sdp exchange')).toMatchObject({ status: 'skip', detail: 'needs the model key' });
    const text = results.map(formatResult).join('');
    for (const secret of ['somebody-else', TOKEN, 'secret-of-turn']) expect(text).not.toContain(secret);
  });

  it('names a range of ports that is taken', async () => {
    const taken = await freeUdpPorts(2);
    const sockets = [taken, taken + 1].map((one) => {
      const socket = createSocket('udp4');
      cleanups.push(() => socket.close());
      return new Promise<void>((done) => socket.bind({ port: one, exclusive: true }, done));
    });
    await Promise.all(sockets);
    expect(wrong(await examined({ settings: { RTC_PORT_RANGE: `${taken}-${taken + 1}` } }))).toEqual([
      'fail port range',
    ]);
  });

  it('names a public address that leads elsewhere', async () => {
    const other = await listening(createServer((_request, response) => response.end('somebody else')));
    cleanups.push(() => other.close());
    const elsewhere = `http://127.0.0.1:${portOf(other)}`;
    const before = webhookOfNumber;
    webhookOfNumber = `${elsewhere}/incoming-call`;
    cleanups.push(() => {
      webhookOfNumber = before;
    });
    expect(wrong(await examined({ settings: { PUBLIC_URL: elsewhere } }))).toEqual(['fail public url']);
  });

  it('names a number whose webhook is another, and mends it', async () => {
    const right = webhookOfNumber;
    webhookOfNumber = 'https://old.example.com/voice?token=abc';
    const results = await examined();
    expect(wrong(results)).toEqual(['fail number']);
    expect(of(results, 'number')?.detail).toBe('calls to the number go to https://old.example.com/voice');
    expect(wrong(await examined({ fix: true }))).toEqual(['warn number']);
    expect(webhookOfNumber).toBe(right);
  });

  it('names wrong credentials of the carrier', async () => {
    const results = await examined({
      settings: { TWILIO_API_KEY_SID: `SK${'1'.repeat(32)}`, TWILIO_API_KEY_SECRET: 'not-this' },
    });
    expect(wrong(results)).toEqual(['fail twilio account']);
  });

  it('names a clock that is wrong', async () => {
    for (const [ms, status] of [
      [-30_000, 'warn'],
      [120_000, 'fail'],
    ] as const) {
      const clock = { ...systemClock, wall: () => Date.now() + ms };
      expect(wrong(await examined({ deps: { clock } }))).toEqual([`${status} clock`]);
    }
  });

  it('names a network without UDP', async () => {
    const results = await examined({ settings: { OPENAI_BASE_URL: blocked.url } });
    expect(wrong(results)).toEqual(['warn media over udp']);
  });

  it('names a TURN server that gives nothing', async () => {
    expect(wrong(await examined({ settings: { ICE_SERVERS: iceServers('another-one') } }))).toEqual(['fail turn']);
  });

  it('names a full disk, a folder that is none, and too few files', async () => {
    expect(wrong(await examined({ deps: { freeBytes: async () => 5e6 } }))).toEqual(['fail disk']);
    const file = join(dataDir, 'a-file');
    writeFileSync(file, '');
    expect(wrong(await examined({ settings: { DATA_DIR: file } }))).toEqual(['fail disk']);
    const limits = async () => LIMITS.replaceAll('4096', '128');
    expect(wrong(await examined({ deps: { limits } }))).toEqual(['warn file limit']);
  });

  it('judges the way to a daemon that runs, and starts no call there', async () => {
    const config = loadConfig(settings());
    const app = await build(config, { log: createLog({ level: 'silent' }) });
    cleanups.push(() => app.close());
    await app.listen();
    const results = await examined();
    expect(of(results, 'port')?.detail).toBe(`a daemon runs on port ${port}`);
    expect(wrong(results)).toEqual([]);
    expect(app.calls.size).toBe(0);
    // The daemon still has the token from before.
    const changed = await examined({ settings: { TWILIO_AUTH_TOKEN: `${TOKEN},new-token-of-carrier` } });
    expect(wrong(changed)).toEqual(['fail webhook signature']);
  });

  it('names each setting that is wrong, and ends with 1', async () => {
    let text = '';
    const output = {
      out: (some: string) => {
        text += some;
      },
      err: (some: string) => {
        text += some;
      },
    };
    expect(await main([], output, settings({ PORT: 'eighty', RTC_PORT_RANGE: '9' }))).toBe(1);
    expect(text).toMatch(/^fail {2}configuration +PORT: must be a whole number/m);
    expect(text).toMatch(/^fail {2}configuration +RTC_PORT_RANGE: /m);
    expect(await main(['--number', '123'], output, settings())).toBe(2);
  });

  it('checks the embedded model where there is no key, and says so', async () => {
    let text = '';
    const output = {
      out: (some: string) => {
        text += some;
      },
      err: () => {},
    };
    const { OPENAI_API_KEY: _key, OPENAI_BASE_URL: _url, ...rest } = settings();
    expect(await main([], output, rest)).toBe(0);
    expect(text).toMatch(/^warn {2}model key +.*embedded simulated model/m);
    expect(text).toMatch(/^pass {2}media over udp/m);
  });

  it('gives a check that hangs its time and no more', async () => {
    const result = await runCheck({ name: 'slow', run: () => new Promise(() => {}) }, systemClock, [], 30);
    expect(result).toMatchObject({ name: 'slow', status: 'fail' });
  });
});
