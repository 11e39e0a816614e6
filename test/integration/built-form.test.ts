import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { bundle } from '../../deploy/bundle.ts';
import { placeCall } from '../../deploy/image/container.ts';
import { type DaemonProcess, startDaemonProcess } from './daemon-process.ts';
import { OPERATOR_TOKEN } from './operator.ts';

/** The built form is the same program: it is started as a process and called, and what it has is compared with the sources. */

const root = join(import.meta.dirname, '../..');
// Beside what it was built of: packages that are not taken in are found where they were installed.
const built = join(root, `node_modules/.cache/built-form-${process.pid}`);
let form = '';
const folders: string[] = [];
const running: DaemonProcess[] = [];

// It takes some seconds; on a machine that is busy with others' tests much longer.
beforeAll(async () => {
  form = await bundle(built);
}, 300_000);
afterEach(async () => {
  for (const daemon of running.splice(0)) await daemon.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
afterAll(() => rmSync(built, { recursive: true, force: true }));

async function start(program: string, settings: Record<string, string> = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'voicebridge-built-'));
  folders.push(dataDir);
  const daemon = await startDaemonProcess(
    { DATA_DIR: dataDir, LOG_LEVEL: 'error', USE_WEBRTC: 'false', MAX_LOOP_DELAY_MS: '0', ...settings },
    program,
  );
  running.push(daemon);
  const get = async (path: string) => {
    const answer = await fetch(daemon.url + path, { headers: { authorization: `Bearer ${OPERATOR_TOKEN}` } });
    expect(answer.status, path).toBe(200);
    return answer.json() as Promise<never>;
  };
  return { daemon, dataDir, get };
}

const main = () => relative(root, join(form, 'main.js'));

it('has the same interface, and the same tools and prompts', async () => {
  const ofSources = await start('src/main.ts');
  const ofBuilt = await start(main());
  for (const path of ['/openapi.json', '/agents'])
    expect(await ofBuilt.get(path), path).toEqual(await ofSources.get(path));
  expect(ofBuilt.daemon.output(), 'what could not be loaded would be told').not.toContain('"level":50');
});

it('answers a call, records it and keeps it, each on a thread of its own', async () => {
  const { daemon, dataDir, get } = await start(main(), { RECORDING: 'wav', RECORDING_CONSENT: 'operator' });
  expect(await placeCall(root, `${daemon.url}/incoming-call`, 'twilio')).toMatchObject({ ok: true });
  const ended = async () => {
    const { records } = await get('/records');
    return (records as ReadonlyArray<{ endedAt?: string | null }>).filter(({ endedAt }) => endedAt != null).length;
  };
  await expect.poll(ended).toBe(1);
  const recorded = () => readdirSync(join(dataDir, 'recordings'), { recursive: true, encoding: 'utf8' });
  await expect.poll(() => recorded().filter((name) => name.endsWith('.wav')).length).toBe(1);
  expect(existsSync(join(dataDir, 'people.db'))).toBe(true);
  await daemon.kill('SIGTERM');
  expect(await daemon.exit).toBe(0);
  expect(daemon.output()).not.toContain('"level":50');
});

it('has nothing but ASCII in it, of which V8 keeps a byte a character', () => {
  const files = readdirSync(form).filter((name) => name.endsWith('.js'));
  expect(files).toContain('main.js');
  expect(files.filter((name) => readFileSync(join(form, name)).some((byte) => byte > 0x7f))).toEqual([]);
});

it('loads nothing that Node has for the web alone: an import of its HTTP would', () => {
  const chunks = readdirSync(form)
    .filter((name) => name.endsWith('.js'))
    .map((name) => readFileSync(join(form, name), 'utf8'));
  expect(chunks.join('\n')).toContain('process.getBuiltinModule("node:http")');
  expect(chunks.filter((code) => /^\s*(import .*|const http2 = .*)"node:http2?"/m.test(code))).toEqual([]);
});

it('gives tools the zod that it has itself', () => {
  const hooks = readdirSync(form).filter((name) => readFileSync(join(form, name), 'utf8').includes('registerHooks('));
  expect(hooks).not.toEqual([]);
  expect(readdirSync(form)).toContain('zod.js');
});

it('keeps the form before it, from which a daemon may still load, and no more', async () => {
  const forms = join(root, `node_modules/.cache/built-forms-${process.pid}`);
  folders.push(forms);
  for (const [age, name] of ['older', 'old'].entries()) {
    mkdirSync(join(forms, name), { recursive: true });
    utimesSync(join(forms, name), age, age);
  }
  const made = await bundle(forms);
  expect(readdirSync(forms).sort()).toEqual([basename(made), 'old'].sort());
});

it('takes calls in processes of its own', async () => {
  const { daemon } = await start(main(), { WORKERS: '2' });
  expect(await placeCall(root, `${daemon.url}/incoming-call`, 'plivo')).toMatchObject({ ok: true });
  await daemon.kill('SIGTERM');
  expect(await daemon.exit).toBe(0);
});
