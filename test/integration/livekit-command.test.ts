import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeWav } from '../../src/media/wav.ts';
import type { LiveKitServer } from '../../src/simulator/livekit/index.ts';
import { findServer } from '../../src/simulator/livekit/server/find.ts';
import type { CallReport } from '../../src/simulator/phone/index.ts';
import { type DaemonProcess, startDaemonProcess } from './daemon-process.ts';
import { freeTcpPort } from './doctor-rig.ts';
import { noLiveKit, startLiveKit } from './livekit-server.ts';
import { askAsOperator, OPERATOR_TOKEN } from './operator.ts';
import { runProgram } from './run-program.ts';

/** `npm run call -- --carrier livekit` against `npm start` and a real LiveKit server, each a process of its own. */

if (noLiveKit !== undefined) process.stdout.write(`SKIPPED: ${noLiveKit}\n`);

const CALL = ['src/cli/call.ts', '--carrier', 'livekit'] as const;

describe.skipIf(noLiveKit !== undefined)('npm run call -- --carrier livekit', () => {
  const folder = mkdtempSync(join(tmpdir(), 'voicebridge-command-'));
  let server: LiveKitServer;
  let daemon: DaemonProcess;
  let env: Record<string, string>;

  beforeAll(async () => {
    server = await startLiveKit();
    env = {
      PORT: String(await freeTcpPort()),
      HOST: '127.0.0.1',
      DATA_DIR: folder,
      ADMIN_TOKEN: OPERATOR_TOKEN,
      MAX_LOOP_DELAY_MS: '0',
      LIVEKIT_ENABLED: 'true',
      LIVEKIT_SERVER_URL: server.url,
      LIVEKIT_API_KEY: server.apiKey,
      LIVEKIT_API_SECRET: server.apiSecret,
    };
    daemon = await startDaemonProcess(env);
  }, 60_000);
  afterAll(async () => {
    await daemon?.kill('SIGTERM');
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('joins a room of the daemon’s as a person, and has timeline, report and recording as the telephone has them', async () => {
    const file = join(folder, 'call.wav');
    const flags = ['--from', 'Anna', '--interrupt-at', '700', '--duration', '8000', '--record', file, '--json'];
    const { status, out, err } = await runProgram(env, ...CALL, ...flags);
    expect({ status, err }).toEqual({ status: 0, err: expect.stringContaining(`recording: ${file}`) });
    const report = JSON.parse(out) as CallReport;
    expect(report).toMatchObject({ carrier: 'livekit', from: 'Anna', ok: true, ended: { by: 'caller' } });
    expect(report.timeline.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['webhook', 'stream', 'agent-speaks', 'cut-in', 'agent-silent', 'hangup', 'ended']),
    );
    const times = report.timeline.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(report.firstAgentAudio.fromCallStartMs).toBeGreaterThan(0);
    expect(report.streams).toHaveLength(1);
    expect(report.streams[0]!.interruptions).toHaveLength(1);
    const { channels, sampleRate } = decodeWav(readFileSync(file));
    expect(channels).toHaveLength(2);
    for (const channel of channels) expect(channel.some((sample) => Math.abs(sample) > 2_000)).toBe(true);
    // The person was in the room for the eight seconds.
    expect(channels[0]!.length / sampleRate).toBeGreaterThan(6);
    expect(channels[0]!.length / sampleRate).toBeLessThan(report.durationMs / 1_000);
    // The daemon knows the same call, and the room is gone with it.
    const answer = await askAsOperator(`${daemon.url}/livekit/connection-status/${report.callSid}`);
    expect(await answer.json()).toMatchObject({ status: 'ended', roomName: report.to, end: { result: 'success' } });
  }, 60_000);

  it('says so where the daemon makes no room for it', async () => {
    const { status, out, err } = await runProgram(env, ...CALL, '--secret', 'another-token', '--duration', '2000');
    expect(status).toBe(1);
    expect(err).toMatch(/call failed: no room: create-room got HTTP 401/);
    expect(out).toMatch(/webhook +HTTP 401 after/);
  }, 60_000);

  // The command finds a server by itself; one that only the tests know it is told of by no setting.
  const found = findServer();
  if (found === undefined) process.stdout.write('SKIPPED: no livekit-server is where the command looks for one\n');
  it.skipIf(found === undefined)(
    'brings server and daemon for the call where there are none',
    async () => {
      const alone = { ...env, PORT: String(await freeTcpPort()), DATA_DIR: join(folder, 'alone'), LOG_LEVEL: 'silent' };
      for (const name of Object.keys(alone))
        if (name.startsWith('LIVEKIT_')) delete (alone as Record<string, string>)[name];
      const { status, out, err } = await runProgram(alone, ...CALL, '--duration', '5000');
      expect({ status, err }).toEqual({ status: 0, err: expect.stringContaining(`starting ${found} for this call`) });
      expect(err).toContain('starting a daemon for this call');
      expect(out).toMatch(/agent-speaks/);
    },
    60_000,
  );
});
