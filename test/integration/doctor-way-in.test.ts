import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Finding, Result } from '../../src/doctor/check.ts';
import { publicChecks } from '../../src/doctor/public.ts';
import {
  type Broken,
  type DoctorRig,
  doctorRig,
  freeTcpPort,
  listening,
  of,
  type ProxyHabits,
  portOf,
  ran,
  startProxy,
  TOKEN,
  wrong,
} from './doctor-rig.ts';
import { PROCESS_ENV } from './process-env.ts';

/** The doctor's checks of the way in: port, public address, WebSockets through it, signatures; with the daemon there and without it. */

let rig: DoctorRig;
beforeAll(async () => {
  rig = await doctorRig();
});
afterAll(() => rig.close());

async function looked(broken: Broken = {}): Promise<Result[]> {
  const deps = rig.deps(broken);
  const way = publicChecks(deps);
  try {
    return await ran(deps, way.checks);
  } finally {
    await way.close();
  }
}

/** The lines when the public address is a proxy with these habits. */
async function lookedThrough(habits: ProxyHabits, settings: Record<string, string> = {}): Promise<Result[]> {
  const proxy = await startProxy(rig.port, habits);
  onTestFinished(() => proxy.close());
  return looked({ settings: { PUBLIC_URL: proxy.url, ...settings } });
}

const failure = (detail: string, advice: string): Partial<Finding> => ({
  status: 'fail',
  detail: expect.stringContaining(detail),
  advice: expect.stringContaining(advice),
});

/** A daemon that runs where the settings say, or at another port. */
async function daemon(more?: Record<string, string>) {
  const app = await rig.daemon(more);
  onTestFinished(() => app.close());
  return app;
}

const LINES = ['port', 'public url', 'websocket upgrade', 'webhook signature'];

describe('all is well', () => {
  it('with nothing on the port, straight and through a proxy', async () => {
    for (const results of [await looked(), await lookedThrough({})])
      expect(results.map(({ status, name }) => `${status} ${name}`)).toEqual(LINES.map((name) => `pass ${name}`));
  });

  it('with the daemon on the port, straight and through a proxy that takes off a path', async () => {
    const proxy = await startProxy(rig.port, { path: (path) => path.replace(/^\/voice/, '') });
    onTestFinished(() => proxy.close());
    for (const PUBLIC_URL of [`http://127.0.0.1:${rig.port}`, `${proxy.url}/voice`]) {
      const app = await rig.daemon({ PUBLIC_URL });
      const results = await looked({ settings: { PUBLIC_URL } });
      await app.close();
      expect(wrong(results)).toEqual([]);
      expect(of(results, 'port').detail).toBe(`a daemon runs on port ${rig.port}`);
    }
  });

  it('with a signing key of SignalWire alone, and with secrets of both', async () => {
    const key = { SIGNALWIRE_SIGNING_KEY: 'signing-key-of-project' };
    expect(wrong(await looked({ settings: { ...key, TWILIO_AUTH_TOKEN: '', TWILIO_ACCOUNT_SID: '' } }))).toEqual([]);
    expect(wrong(await looked({ settings: key }))).toEqual([]);
  });
});

describe('the port', () => {
  it('is held by another program', async () => {
    const other = await listening(createServer((_request, response) => response.end('somebody else')));
    onTestFinished(() => void other.close());
    const results = await looked({ settings: { PORT: String(portOf(other)) } });
    expect(of(results, 'port')).toMatchObject(failure('another program listens on port', 'ss -ltnp'));
    expect(results.slice(1, 3).map(({ status }) => status)).toEqual(['skip', 'skip']);
  });

  it('cannot be had, since HOST is not of this machine', async () => {
    const results = await looked({ settings: { HOST: '192.0.2.77' } });
    expect(of(results, 'port')).toMatchObject(failure('HOST=192.0.2.77 is no address of this machine', '0.0.0.0'));
  });
});

describe('the public address', () => {
  const publicUrl = async (PUBLIC_URL: string) => of(await looked({ settings: { PUBLIC_URL } }), 'public url');

  it('is not set', async () => {
    expect(await publicUrl('')).toMatchObject({ status: 'warn', detail: 'PUBLIC_URL is not set' });
  });

  it('has no DNS record', async () => {
    expect(await publicUrl('https://voice.invalid')).toMatchObject(failure('voice.invalid', 'DNS record'));
  });

  it('takes no connections', async () => {
    expect(await publicUrl(`http://127.0.0.1:${await freeTcpPort()}`)).toMatchObject(
      failure('ECONNREFUSED', 'Nothing takes connections there'),
    );
  });

  it('has a certificate that nobody trusts', async () => {
    const tls = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
    const server = createTlsServer({ cert: tls('cert'), key: tls('key') }, (_request, response) => response.end());
    await listening(server);
    onTestFinished(() => void server.close());
    expect(await publicUrl(`https://127.0.0.1:${portOf(server)}`)).toMatchObject(
      failure('certificate', 'Carriers refuse it, too'),
    );
  });

  it.each([
    [{ status: 200 }, 'answers HTTP 200, and it is not this machine', 'lead elsewhere'],
    [{ status: 404 }, 'answers HTTP 404, and it is not this machine', 'lead elsewhere'],
    [
      { status: 301, headers: { location: 'https://www.example.com/x' } },
      'a redirect to https://www.example.com',
      'without a redirect',
    ],
    [{ status: 502 }, 'answers HTTP 502: what stands in front does not reach port', 'Start the tunnel'],
    [{ status: 530 }, 'answers HTTP 530: what stands in front does not reach port', 'Start the tunnel'],
  ])('is answered by something else: %j', async (answer, detail, advice) => {
    const results = await lookedThrough({ answer });
    expect(of(results, 'public url')).toMatchObject(failure(detail, advice));
    expect(results.slice(2).map(({ status }) => status)).toEqual(['skip', 'skip']);
  });

  it('leads to another daemon than the one here, which began a second after it', async () => {
    // Processes of their own: the time that a daemon has run is its process's.
    const start = (port: number) => {
      const child = execFile(process.execPath, ['src/main.ts'], {
        cwd: resolve(import.meta.dirname, '../..'),
        env: {
          ...PROCESS_ENV,
          ...rig.settings({ DATA_DIR: `${rig.dataDir}/${port}`, PORT: String(port), LOG_LEVEL: 'silent' }),
        },
      });
      // The next test wants the port.
      const ended = new Promise<void>((done) => child.once('exit', () => done()));
      onTestFinished(() => {
        child.kill('SIGKILL');
        return ended;
      });
      return new Promise<void>((done, failed) => {
        child.stdout?.once('data', () => done());
        child.once('exit', (code) => failed(new Error(`a daemon ended with ${code}`)));
      });
    };
    const other = await freeTcpPort();
    const here = start(rig.port);
    await delay(1_000);
    await Promise.all([here, start(other)]);
    expect(await publicUrl(`http://127.0.0.1:${rig.port}`)).toMatchObject({ status: 'pass' });
    expect(await publicUrl(`http://127.0.0.1:${other}`)).toMatchObject(
      failure(`another daemon than the one on port ${rig.port} answers at`, 'stop the other one'),
    );
  });
});

describe('WebSockets through the public address', () => {
  it.each([
    [200, 'refused with HTTP 200', 'Upgrade and Connection headers'],
    [404, 'refused with HTTP 404', 'Upgrade and Connection headers'],
    [426, 'refused with HTTP 426', 'Upgrade and Connection headers'],
    [403, 'refused with HTTP 403', 'refuses the signature'],
    [503, 'refused with HTTP 503', 'MAX_PENDING_STREAMS'],
    ['strip', 'refused with HTTP 404', 'Upgrade and Connection headers'],
    ['swallow', 'was opened, but no message came through it', 'unbuffered'],
    ['hang', 'no WebSocket within', 'WebSockets do not'],
  ] as const)('the proxy does this with a handshake: %s', async (upgrade, detail, advice) => {
    const results = await lookedThrough({ upgrade });
    expect(wrong(results)).toEqual(['fail websocket upgrade']);
    expect(of(results, 'websocket upgrade')).toMatchObject(failure(detail, advice));
  });

  it('the daemon has another secret than these settings', async () => {
    await daemon({ TWILIO_AUTH_TOKEN: 'another-token-of-it' });
    const results = await looked();
    expect(wrong(results)).toEqual(['fail websocket upgrade', 'fail webhook signature']);
    expect(of(results, 'websocket upgrade')).toMatchObject(failure('refused with HTTP 403', 'restart it'));
  });

  it('the daemon runs behind a proxy that takes the Upgrade header away', async () => {
    await daemon();
    const results = await lookedThrough({ upgrade: 'strip' });
    expect(of(results, 'websocket upgrade')).toMatchObject(failure('refused with HTTP 404', 'Upgrade'));
  });
});

describe('the signature of webhooks', () => {
  it('no secret is set: anybody may call', async () => {
    const results = await looked({ settings: { TWILIO_AUTH_TOKEN: '', TWILIO_ACCOUNT_SID: '' } });
    expect(wrong(results)).toEqual(['warn webhook signature']);
    expect(of(results, 'webhook signature').detail).toContain('anybody may place calls');
  });

  it.each([
    ['path', { path: (path: string) => path.replace('/incoming-call', '/incoming-call?by=proxy') }],
    ['body', { body: (body: string) => (body === '' ? '' : `${body}&By=proxy`) }],
  ])('a proxy changes the %s', async (_what, habits) => {
    const results = await lookedThrough(habits);
    expect(wrong(results)).toEqual(['fail webhook signature']);
    expect(of(results, 'webhook signature')).toMatchObject(failure('TWILIO_AUTH_TOKEN', 'proxy changes'));
  });

  it('the daemon runs with another token, or without any', async () => {
    const app = await rig.daemon({ TWILIO_AUTH_TOKEN: `${TOKEN}-from-before` });
    const refused = await looked();
    await app.close();
    expect(of(refused, 'webhook signature')).toMatchObject(failure('is refused', 'Restart the daemon'));
    const open = await rig.daemon({ TWILIO_AUTH_TOKEN: '', TWILIO_ACCOUNT_SID: '' });
    const taken = await looked();
    await open.close();
    expect(wrong(taken)).toEqual(['fail webhook signature']);
    expect(of(taken, 'webhook signature')).toMatchObject(
      failure('a wrong signature is taken', 'without a signing secret'),
    );
  });
});
