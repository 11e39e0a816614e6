import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeWav } from '../../src/media/wav.ts';
import type { CallReport } from '../../src/simulator/phone/index.ts';
import { freeTcpPort } from './doctor-rig.ts';
import { PROCESS_ENV } from './process-env.ts';
import { runProgram } from './run-program.ts';

/** `npm run call -- --carrier whatsapp` against `npm start`, each a process of its own, with no account and no key. */

const root = resolve(import.meta.dirname, '../..');

describe('npm run call -- --carrier whatsapp', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-command-'));
  let env: Record<string, string>;
  let daemon: ReturnType<typeof spawn>;

  beforeAll(async () => {
    env = {
      PORT: String(await freeTcpPort()),
      HOST: '127.0.0.1',
      DATA_DIR: folder,
      GRAPH_API_URL: `http://127.0.0.1:${await freeTcpPort()}`,
      MAX_LOOP_DELAY_MS: '0',
      LOG_LEVEL: 'warn',
    };
    daemon = spawn(process.execPath, ['src/main.ts'], {
      cwd: root,
      env: { ...PROCESS_ENV, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    for await (const part of daemon.stdout ?? []) {
      said += part;
      if (said.includes('listens on')) break;
    }
    daemon.stdout?.resume();
  });

  afterAll(async () => {
    daemon.kill('SIGKILL');
    await once(daemon, 'close');
    rmSync(folder, { recursive: true, force: true });
  });

  it('places a call by WhatsApp with a daemon that has no account, and says what was measured of it', async () => {
    const file = join(folder, 'call.wav');
    const args = [
      '--carrier',
      'whatsapp',
      '--from',
      'GB.7',
      '--dtmf',
      '12@500',
      '--duration',
      '9000',
      '--record',
      file,
    ];
    const { status, out, err } = await runProgram(env, 'src/cli/call.ts', ...args, '--json');
    expect({ status, err }).toEqual({ status: 0, err: expect.stringContaining('recording') });
    const report = JSON.parse(out) as CallReport;
    expect(report).toMatchObject({ carrier: 'whatsapp', from: 'GB.7', ok: true, ended: { by: 'caller' } });
    expect(report.callSid).toMatch(/^wacid\./);
    expect(report.streams[0]).toMatchObject({ dtmf: { pressed: '12' } });
    expect(report.timeline.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['webhook', 'graph', 'socket', 'stream', 'agent-speaks', 'dtmf', 'hangup', 'ended']),
    );
    const { channels } = decodeWav(readFileSync(file));
    expect(channels).toHaveLength(2);
    expect(channels[1]?.some((sample) => Math.abs(sample) > 2_000)).toBe(true);
  });

  it('speaks G.711 where that is asked for, interrupts, and shows it in tables', async () => {
    const args = ['--carrier', 'whatsapp', '--codec', 'PCMU', '--interrupt-at', '700', '--duration', '9000'];
    const { status, out } = await runProgram(env, 'src/cli/call.ts', ...args);
    expect(status).toBe(0);
    expect(out).toMatch(/Stream whatsapp PCMU/);
    expect(out).toMatch(/media up +\d+ ms after the call began/);
    expect(out).toMatch(/Interruptions\n +\d\d:\d\d\.\d{3} +silent by silence/);
  });

  it('says so where its webhooks are not believed', async () => {
    const { status, err } = await runProgram(
      env,
      'src/cli/call.ts',
      '--carrier',
      'whatsapp',
      '--secret',
      'another-secret',
    );
    expect(status).toBe(1);
    expect(err).toMatch(/HTTP 401, since it is signed with another secret/);
  });

  it('takes nobody’s place at the real Graph API', async () => {
    const real = {
      ...env,
      GRAPH_API_URL: 'https://graph.facebook.com',
      WHATSAPP_PHONE_NUMBER_ID: '106540352242922',
      WHATSAPP_ACCESS_TOKEN: 'a-token-of-meta',
      WHATSAPP_APP_SECRET: 'a-secret-of-meta',
      WHATSAPP_VERIFY_TOKEN: 'a-verify-token',
    };
    const { status, err } = await runProgram(real, 'src/cli/call.ts', '--carrier', 'whatsapp');
    expect(status).toBe(2);
    expect(err).toContain('GRAPH_API_URL');
  });
});
