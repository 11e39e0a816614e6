import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/call/clock.ts';
import { main } from '../../src/cli/doctor.ts';
import { formatResult, runCheck } from '../../src/doctor/check.ts';
import { startRealtimeServer } from '../../src/simulator/realtime/index.ts';
import {
  type DoctorRig,
  doctorRig,
  freeTcpPort,
  freeUdpPorts,
  KEY,
  listening,
  of,
  portOf,
  TOKEN,
  wrong,
} from './doctor-rig.ts';
import { PROCESS_ENV } from './process-env.ts';

/** The doctor as a whole: all is well, and then one thing at a time is broken and alone is named. */

const root = resolve(import.meta.dirname, '../..');
let rig: DoctorRig;

beforeAll(async () => {
  rig = await doctorRig();
});
afterAll(() => rig.close());

/** What the command prints. */
function print() {
  const printed = {
    text: '',
    out(some: string) {
      printed.text += some;
    },
    err(some: string) {
      printed.text += some;
    },
  };
  return printed;
}

describe('the doctor', () => {
  it('finds everything well', async () => {
    const results = await rig.examined({ settings: { ICE_SERVERS: rig.turn() } });
    // No database and no receiver is set, and nothing is wrong with that.
    expect(results.filter(({ status }) => status !== 'pass').map(({ status, name }) => `${status} ${name}`)).toEqual([
      'skip whatsapp token',
      'skip livekit server',
      'skip records database',
      'skip shared memory',
      'skip webhook receivers',
    ]);
    expect(results.length).toBe(24);
    expect(rig.model.sessions.length).toBeGreaterThan(0);
  });

  it('names a wrong key, skips what needs it, and prints no secret', async () => {
    const results = await rig.examined({
      settings: { OPENAI_API_KEY: 'sk-of-somebody-else', ICE_SERVERS: rig.turn() },
    });
    expect(wrong(results)).toEqual(['fail model key']);
    expect(of(results, 'sdp exchange')).toMatchObject({ status: 'skip', detail: 'needs the model key' });
    const text = results.map(formatResult).join('');
    for (const secret of ['somebody-else', TOKEN, 'secret-of-turn']) expect(text).not.toContain(secret);
  });

  it('names a range of ports that is taken, and skips what needs one', async () => {
    const taken = await freeUdpPorts(2);
    const sockets = [taken, taken + 1].map((one) => {
      const socket = createSocket('udp4');
      onTestFinished(() => void socket.close());
      return new Promise<void>((done) => socket.bind({ port: one, exclusive: true }, done));
    });
    await Promise.all(sockets);
    const results = await rig.examined({ settings: { RTC_PORT_RANGE: `${taken}-${taken + 1}` } });
    expect(wrong(results)).toEqual(['fail port range']);
    expect(of(results, 'sdp exchange').status).toBe('skip');
  });

  it('names a public address that leads elsewhere', async () => {
    const other = await listening(createServer((_request, response) => response.end('somebody else')));
    onTestFinished(() => void other.close());
    const elsewhere = `http://127.0.0.1:${portOf(other)}`;
    const [number] = rig.carrier.numbers.matching('');
    number!.voiceUrl = `${elsewhere}/incoming-call`;
    onTestFinished(() => {
      number!.voiceUrl = rig.webhook;
    });
    expect(wrong(await rig.examined({ settings: { PUBLIC_URL: elsewhere } }))).toEqual(['fail public url']);
  });

  it('names a network without UDP', async () => {
    const blocked = await startRealtimeServer({ port: 0, apiKeys: [KEY], udp: 'block' });
    onTestFinished(() => blocked.close());
    const results = await rig.examined({ settings: { OPENAI_BASE_URL: blocked.url } });
    expect(wrong(results)).toEqual(['warn media over udp']);
    expect(of(results, 'media over udp')).toMatchObject({
      detail: expect.stringContaining('192.0.2.1:3478'),
      advice: expect.stringContaining('Let UDP out'),
    });
  });

  it('names a clock that is wrong', async () => {
    for (const [ms, status] of [
      [-30_000, 'warn'],
      [120_000, 'fail'],
    ] as const) {
      const clock = { ...systemClock, wall: () => Date.now() + ms };
      const results = await rig.examined({ deps: { clock } });
      expect(wrong(results)).toEqual([`${status} clock`]);
      expect(of(results, 'clock').detail).toMatch(ms < 0 ? /^(29|30)\.\d s behind / : /^(119|120)\.\d s ahead of /);
    }
  });

  it('judges the way to a daemon that runs, and starts no call there', async () => {
    const app = await rig.daemon();
    onTestFinished(() => app.close());
    const results = await rig.examined();
    expect(of(results, 'port').detail).toBe(`a daemon runs on port ${rig.port}`);
    expect(wrong(results)).toEqual([]);
    expect(app.calls.size).toBe(0);
    // The daemon still has the token from before.
    const changed = await rig.examined({ settings: { TWILIO_AUTH_TOKEN: `${TOKEN},new-token-of-carrier` } });
    expect(wrong(changed)).toEqual(['fail webhook signature']);
  });

  it('gives a check that hangs its time and no more', async () => {
    const result = await runCheck({ name: 'slow', run: () => new Promise(() => {}) }, systemClock, [], 30);
    expect(result).toMatchObject({ name: 'slow', status: 'fail', detail: 'no result within 0.03 s' });
  });
});

describe('npm run doctor', () => {
  it('names each setting that is wrong, and ends with 1', async () => {
    const printed = print();
    expect(await main([], printed, rig.settings({ PORT: 'eighty', RTC_PORT_RANGE: '9' }))).toBe(1);
    expect(printed.text).toMatch(/^fail {2}configuration +PORT: must be a whole number/m);
    expect(printed.text).toMatch(/^fail {2}configuration +RTC_PORT_RANGE: /m);
    expect(printed.text).toMatch(/0 pass, 0 warn, 2 fail, 0 skip\n$/);
  });

  it('refuses flags that it does not know or that say nothing together', async () => {
    for (const argv of [['--number', '123'], ['--take-over'], ['--repair']]) {
      const printed = print();
      expect(await main(argv, printed, rig.settings()), argv.join(' ')).toBe(2);
      expect(printed.text).toContain('Run with --help');
    }
    const help = print();
    expect(await main(['--help'], help, {})).toBe(0);
    expect(help.text).toContain('--take-over');
  });

  it('checks the embedded model where there is no key, and says so', async () => {
    const printed = print();
    const { OPENAI_API_KEY: _key, OPENAI_BASE_URL: _url, ...rest } = rig.settings();
    expect(await main([], printed, rest)).toBe(0);
    expect(printed.text).toMatch(/^pass {2}configuration /m);
    expect(printed.text).toMatch(/^warn {2}model key +.*embedded simulated model/m);
    expect(printed.text).toMatch(/^pass {2}media over udp/m);
  });

  it('as a process, with five and more things broken at once, names each of them and what to do', async () => {
    const file = join(rig.dataDir, 'a-file');
    writeFileSync(file, '');
    const other = await listening(createServer((_request, response) => response.end('somebody else')));
    onTestFinished(() => void other.close());
    const env = rig.settings({
      DATA_DIR: file,
      OPENAI_API_KEY: 'sk-of-somebody-else',
      PORT: String(portOf(other)),
      TWILIO_API_KEY_SID: `SK${'1'.repeat(32)}`,
      TWILIO_API_KEY_SECRET: 'not-this-secret',
      DATABASE_URL: 'postgres://bridge:password-of-bridge@127.0.0.1:1/voice',
      WEBHOOK_URL: `http://127.0.0.1:${await freeTcpPort()}/hook`,
    });
    const { code, out } = await new Promise<{ code: unknown; out: string }>((done) =>
      execFile(
        process.execPath,
        [join(root, 'src/cli/doctor.ts'), '--json'],
        { cwd: root, env: { ...PROCESS_ENV, ...env } },
        (error, stdout) => done({ code: error?.code ?? 0, out: stdout }),
      ),
    );
    expect(code).toBe(1);
    const results = JSON.parse(out);
    // The machine's own limit of open files may be a warning beside them.
    expect(wrong(results).filter((line) => line.startsWith('fail'))).toEqual([
      'fail disk',
      'fail model key',
      'fail port',
      'fail twilio account',
      'fail records database',
      'fail webhook receivers',
    ]);
    for (const result of results) if (result.status === 'fail') expect(result.advice).toMatch(/^[A-Z].{10,}\.$/);
    for (const secret of ['somebody-else', 'not-this-secret', 'password-of-bridge']) expect(out).not.toContain(secret);
  });
});
