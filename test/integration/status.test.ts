import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import type { StatusView } from '../../src/health/status-view.ts';
import type { RecordView } from '../../src/records/http/records-api-routes.ts';
import { silenceSource } from '../../src/simulator/phone/index.ts';
import { startDaemonProcess } from './daemon-process.ts';
import { askAsOperator } from './operator.ts';
import { PROCESS_ENV } from './process-env.ts';
import { refusingApi } from './refusing-api.ts';
import { type Rig, startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** What a daemon says of itself to its operators. */

const root = join(import.meta.dirname, '../..');
const status = async ({ url }: Pick<Rig, 'url'>) => (await (await askAsOperator(`${url}/status`)).json()) as StatusView;
const ready = async ({ url }: Pick<Rig, 'url'>) => {
  const answer = await fetch(`${url}/health/ready`);
  return [answer.status, ((await answer.json()) as { status: string }).status];
};
async function untilAsync(look: () => Promise<boolean>, what: string, ms = 15_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await look())) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe('GET /status', () => {
  it('says who answers, what a carrier is to call, and what operators can do', async ({ own }) => {
    const rig = own(await startRig({ settings: { PUBLIC_URL: 'https://voice.example.com' } }));
    expect((await fetch(`${rig.url}/status`)).status).toBe(401);
    expect(await status(rig)).toMatchObject({
      readiness: 'ok',
      problems: [],
      webhook: 'https://voice.example.com/incoming-call',
      webhookIsPublic: true,
      agents: [{ model: 'gpt-realtime-2.1', simulated: false, transcription: 'gpt-4o-transcribe' }],
      prompts: ['after-hours', 'default'],
      can: { place: { settings: ['DIAL_ALLOW'] }, transfer: { settings: ['DIAL_ALLOW'] }, anybodyCalls: false },
    });
    const free = own(await startRig({ settings: { DIAL_ALLOW: '+1', BROWSER_ACCESS: 'public' } }));
    const { can } = await status(free);
    expect([can.place.settings, can.transfer, can.anybodyCalls]).toEqual([['OUTBOUND_CARRIER'], {}, true]);
  });

  it('a key that the model refuses shows from the start, in the server’s words', async ({ own }) => {
    const api = own(await refusingApi());
    const rig = own(await startRig({ settings: { OPENAI_BASE_URL: api.url } }));
    await untilAsync(async () => (await ready(rig))[0] === 503, 'the key to be found wrong');
    expect(await ready(rig)).toEqual([503, 'model-refuses']);
    const [problem] = (await status(rig)).problems;
    expect(problem).toMatchObject({
      area: 'model',
      text: expect.stringContaining('Incorrect API key provided: [redacted]'),
    });
    expect(JSON.stringify([problem, rig.lines])).not.toContain('sk-test');
  });

  it('a prompt that is broken under the daemon degrades it, and is named with its line', async ({ own }) => {
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-prompts-'));
    own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
    cpSync(join(root, 'prompts'), folder, { recursive: true });
    const rig = own(await startRig({ settings: { PROMPTS_DIR: folder, ROUTES_FILE: join(folder, 'routes.yaml') } }));
    expect(await ready(rig)).toEqual([200, 'ok']);
    writeFileSync(join(folder, 'default.md'), '---\nvioce: marin\n---\nBe kind.\n');
    await untilAsync(async () => (await ready(rig))[1] === 'degraded', 'the broken prompt to be seen');
    expect((await ready(rig))[0]).toBe(200);
    // What it takes along is named behind it.
    expect((await status(rig)).problems[0]).toEqual({
      area: 'files',
      text: expect.stringMatching(/default\.md:2: vioce: there is no such setting; did you mean voice\?/),
    });
    writeFileSync(join(folder, 'default.md'), 'Be kind.\n');
    await untilAsync(async () => (await ready(rig))[1] === 'ok', 'the prompt to be right again');
    writeFileSync(join(folder, 'routes.yaml'), 'routes:\n  - prompt: nobody\n');
    await untilAsync(async () => (await ready(rig))[1] === 'degraded', 'the broken route to be seen');
    expect((await status(rig)).problems[0]?.text).toMatch(/routes\.yaml:2: .*nobody/);
  });

  it('the embedded model’s calls say that they are simulated, and cost nothing', async ({ own }) => {
    const rig = own(
      await startRig({ settings: { OPENAI_API_KEY: '', OPENAI_BASE_URL: '', OPENAI_TRANSCRIPTION_MODEL: '' } }),
    );
    expect((await status(rig)).agents).toMatchObject([
      { model: 'simulated', simulated: true, transcription: 'gpt-4o-mini-transcribe' },
    ]);
    const placed = rig.call({ source: silenceSource(), hangUpAfterMs: 30_000 });
    await until(() => rig.agentEvents('response_done')[0], 'an answer');
    placed.phone.hangUp();
    await placed.report;
    let record: RecordView | undefined;
    await untilAsync(async () => {
      const answer = await askAsOperator(`${rig.url}/records`);
      [record] = ((await answer.json()) as { records: RecordView[] }).records;
      return record !== undefined && record.endedAt !== null;
    }, 'the record');
    expect(record).toMatchObject({ model: 'simulated', cost: 0 });
  });

  it('callers who are refused are counted by reason, dated, logged with it, and told of at once', async ({ own }) => {
    const rig = own(await startRig({ settings: { MAX_CALLS: '1' } }));
    const first = rig.call({ source: silenceSource(), hangUpAfterMs: 30_000 });
    await until(() => rig.app.calls.size === 1, 'the first call');
    const second = rig.call({ source: silenceSource(), from: '+12025550143' });
    await second.report;
    const metrics = await (await fetch(`${rig.url}/metrics`)).text();
    expect(metrics).toMatch(/^voicebridge_calls_refused_total\{reason="calls"\} 1$/m);
    const [, at] = /^voicebridge_call_refused_timestamp_seconds\{reason="calls"\} (\S+)$/m.exec(metrics) ?? [];
    expect(Math.abs(Number(at) * 1_000 - Date.now())).toBeLessThan(30_000);
    expect(rig.lines).toContainEqual(expect.objectContaining({ msg: 'a call was refused', reason: 'calls' }));
    expect(rig.lines).toContainEqual(
      expect.objectContaining({ msg: 'call refused', refused: 'busy', reason: 'calls' }),
    );
    first.phone.hangUp();
    await first.report;
  });

  it('a variable that looks like a setting and is none is named, by the daemon’s log, the check and the doctor', async ({
    own,
  }) => {
    const slips = { OPENAI_VIOCE: 'a-secret-value', ADMINTOKEN: 'another-secret-value' };
    const sentences = [
      /OPENAI_VIOCE is set .* Did you mean OPENAI_VOICE\?/,
      /ADMINTOKEN is set .* Did you mean ADMIN_TOKEN\?/,
    ];
    const folder = mkdtempSync(join(tmpdir(), 'voicebridge-slips-'));
    own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
    const daemon = await startDaemonProcess({ DATA_DIR: folder, LOG_LEVEL: 'warn', ...slips });
    await daemon.kill('SIGKILL');
    const run = (command: string) =>
      promisify(execFile)(process.execPath, [join(root, `src/cli/${command}.ts`)], {
        cwd: root,
        env: { ...PROCESS_ENV, DATA_DIR: folder, ...slips },
      }).then(
        ({ stdout, stderr }) => stdout + stderr,
        ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
      );
    for (const said of [daemon.output(), await run('check'), await run('doctor')]) {
      for (const sentence of sentences) expect(said).toMatch(sentence);
      expect(said).not.toContain('secret-value');
    }
  });
});
