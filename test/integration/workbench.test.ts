import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scriptSource, silenceSource, toneSource } from '../../src/simulator/phone/index.ts';
import { OPERATOR_TOKEN } from './operator.ts';
import { type Rig, startRig, until } from './rig.ts';

/** What agents are made of, looked at, edited and tried over HTTP, in a whole daemon with files of its own. */

const ROOT = join(import.meta.dirname, '../..');
const DEFAULT = 'prompts/default.md';
const TEXT = '---\ngreeting: false\ntools: [book_appointment]\n---\nYou are a test.\n';
/** The calls of these tests dial another number: whatever the hour at which they run, the default prompt answers. */
const ROUTES = `timezone: Europe/Berlin
routes:
  - name: nights
    to: "+15005550002"
    when: { days: mon-sun, hours: "20:00-08:00" }
    prompt: night
  - name: our second number
    to: "+15005550002"
    prompt: default
  - name: all
    prompt: default
`;

let folder: string;
let rig: Rig;
const file = (name: string) => join(folder, name);

async function start(settings: Record<string, string> = {}): Promise<Rig> {
  folder = mkdtempSync(join(tmpdir(), 'voicebridge-workbench-'));
  cpSync(join(ROOT, 'tools'), file('tools'), { recursive: true });
  cpSync(join(ROOT, 'test/fixtures/prompts'), file('prompts'), { recursive: true });
  writeFileSync(file('prompts/default.md'), TEXT);
  writeFileSync(file('prompts/night.md'), TEXT.replace('a test', 'the night'));
  writeFileSync(file('routes.yaml'), ROUTES);
  return startRig({
    settings: {
      PROMPTS_DIR: file('prompts'),
      ROUTES_FILE: file('routes.yaml'),
      BROWSER_ACCESS: 'admin',
      ...settings,
    },
  });
}
beforeAll(async () => {
  rig = await start();
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: what is answered is looked at piece by piece.
async function ask(path: string, body?: object, at = rig): Promise<{ status: number; body: any }> {
  const answer = await fetch(`${at.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    body: answer.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text) : text,
  };
}
const textOf = async (name = DEFAULT) =>
  (await ask(`/agents/file?name=${name}`)).body as { text: string; hash: string };

describe('what agents are made of', () => {
  it('is shown as it is now, with what is wrong in it', async () => {
    const { body } = await ask('/agents');
    expect(body.prompts.map(({ name }: { name: string }) => name)).toContain('night');
    expect(body.routes.map(({ name, timed, to }: Record<string, unknown>) => [name, timed, to])).toEqual([
      ['nights', true, ['+15005550002']],
      ['our second number', false, ['+15005550002']],
      ['all', false, null],
    ]);
    expect(body.tools.find(({ name }: { name: string }) => name === 'book_appointment')).toMatchObject({
      source: 'file',
      enabled: true,
      parameters: { type: 'object' },
    });
    expect([body.problems, body.readOnly]).toEqual([[], null]);
    writeFileSync(file('prompts/wrong.md'), '---\ngreting: false\n---\nHello.\n');
    const wrong = await ask('/agents');
    expect(wrong.body.problems).toEqual([expect.stringMatching(/wrong\.md:2: .*greeting/)]);
    rmSync(file('prompts/wrong.md'));
  });

  it.each([
    ['2026-11-29T23:00:00+01:00', '+1 500 555 0002', 'night', [['nights', true]]],
    [
      '2026-11-29T12:00:00+01:00',
      '+1 500 555 0002',
      'default',
      [
        ['nights', false],
        ['our second number', true],
      ],
    ],
    [
      '2026-11-29T12:00:00+01:00',
      '+15005550003',
      'default',
      [
        ['nights', false],
        ['our second number', false],
        ['all', true],
      ],
    ],
  ])('says who answers at %s for %s, and which routes did not fit', async (at, to, prompt, considered) => {
    const { body } = await ask('/agents/answer', { to, from: '+12025550143', at });
    expect(body).toMatchObject({ prompt, agent: 'openai', tools: ['book_appointment'] });
    const fits = body.considered.map((one: Record<string, unknown>) => [
      one['route'],
      one['to'] === true && one['from'] === true && one['when'] === true,
    ]);
    expect(fits).toEqual(considered);
  });
});

describe('a file of agents', () => {
  it('is checked before it is saved, counts for the next call, and can be had back', async () => {
    const before = await textOf();
    const wrong = TEXT.replace('book_appointment', 'bok_appointment');
    const checked = await ask('/agents/file/check', { name: DEFAULT, text: wrong });
    expect(checked.body.problems).toEqual([expect.stringContaining('there is no tool "bok_appointment"')]);
    expect(await ask('/agents/file', { name: DEFAULT, text: wrong, expect: before.hash })).toMatchObject({
      status: 422,
      body: { error: { code: 'FILE_WRONG', problems: [expect.stringContaining('bok_appointment')] } },
    });
    expect(readFileSync(file('prompts/default.md'), 'utf8')).toBe(TEXT);

    const text = TEXT.replace('a test', 'a better test');
    const saved = await ask('/agents/file', { name: DEFAULT, text, expect: before.hash });
    expect(saved.status).toBe(200);
    const { report, phone } = rig.call({ source: scriptSource([toneSource(440, { ms: 500 }), { pauseMs: 60_000 }]) });
    await until(
      () => JSON.stringify(rig.model.sessions.at(-1)?.received ?? []).includes('a better test'),
      'the new words',
    );
    phone.hangUp();
    await report;

    // Somebody else, who still has the text before, is told so.
    const late = await ask('/agents/file', { name: DEFAULT, text: TEXT, expect: before.hash });
    expect(late).toMatchObject({ status: 409, body: { error: { code: 'FILE_CHANGED' } } });
    const { versions } = (await ask(`/agents/file/versions?name=${DEFAULT}`)).body;
    expect(versions).toMatchObject([
      { hash: saved.body.hash, by: 'admin', characters: text.length },
      { hash: before.hash, by: null },
    ]);
    const old = await ask(`/agents/file?name=${DEFAULT}&version=${before.hash}`);
    expect(old.body.text).toBe(TEXT);
    const undone = await ask('/agents/file', { name: DEFAULT, text: old.body.text, expect: saved.body.hash });
    expect(undone.status).toBe(200);
    expect(readFileSync(file('prompts/default.md'), 'utf8')).toBe(TEXT);
    // Nothing half written; the lock stays (docs/decisions/0065).
    expect(readdirSync(file('prompts')).filter((name) => name.startsWith('.'))).toEqual(['.saving.lock']);
  });

  it('can be new, and one that mends another’s fault is not refused for it', async () => {
    writeFileSync(file('prompts/broken.md'), '---\nvoice: 7\n---\nHello.\n');
    const made = await ask('/agents/file', { name: 'prompts/sales.md', text: TEXT });
    expect(made.status).toBe(200);
    expect(existsSync(file('prompts/sales.md'))).toBe(true);
    const again = await ask('/agents/file', { name: 'prompts/sales.md', text: TEXT });
    expect(again.body.error.code).toBe('FILE_CHANGED');
    const { hash } = await textOf('prompts/broken.md');
    expect((await ask('/agents/file', { name: 'prompts/broken.md', text: TEXT, expect: hash })).status).toBe(200);
    expect((await ask('/agents')).body.problems).toEqual([]);
    // Routes that would name what is not there are refused; the daemon goes on.
    const routes = await textOf('routes');
    const lost = await ask('/agents/file', {
      name: 'routes',
      text: ROUTES.replace('night\n', 'nigth\n'),
      expect: routes.hash,
    });
    expect(lost.body.error).toMatchObject({ code: 'FILE_WRONG', problems: [expect.stringContaining('nigth')] });
  });

  it('of the routes counts for the next call as well, as a whole', async () => {
    const { hash } = await textOf('routes');
    const answer = async () => (await ask('/agents/answer', { to: '+15005550009', from: '+12025550143' })).body;
    expect(await answer()).toMatchObject({ prompt: 'default' });
    const own = `  - { name: of nine, to: "+15005550009", prompt: ninth }\n`;
    const text = ROUTES.replace('routes:\n', `routes:\n${own}`);
    expect(
      (await ask('/agents/file', { name: 'prompts/ninth.md', text: TEXT.replace('a test', 'the ninth test') })).status,
    ).toBe(200);
    const saved = await ask('/agents/file', { name: 'routes', text, expect: hash });
    expect(saved.status).toBe(200);
    expect(await answer()).toMatchObject({ prompt: 'ninth' });
    expect((await ask('/agents')).body.routes[0]).toMatchObject({ name: 'of nine' });
    const { report, phone } = rig.call({ source: silenceSource(), to: '+15005550009' });
    await until(
      () => JSON.stringify(rig.model.sessions.at(-1)?.received ?? []).includes('the ninth test'),
      'the words of the prompt of the new route',
    );
    expect(rig.of('call_started').at(-1)?.info.route).toBe('of nine');
    phone.hangUp();
    await report;
    // What another program leaves there and is wrong changes nothing, and is said.
    writeFileSync(file('routes.yaml'), text.replace('ninth }', 'tenth }'));
    expect(await answer()).toMatchObject({ prompt: 'ninth' });
    expect((await ask('/agents')).body.problems).toEqual([expect.stringContaining('there is no prompt "tenth"')]);
    writeFileSync(file('routes.yaml'), ROUTES);
    expect(await answer()).toMatchObject({ prompt: 'default' });
    rmSync(file('prompts/ninth.md'));
  });

  it.each([
    'prompts/../../etc/passwd',
    'prompts/x/y.md',
    '/etc/passwd',
    'prompts/.hidden.md',
    'routes.yaml',
    'prompts/README.md',
  ])('is never outside of its folder: %s', async (name) => {
    const before = readdirSync(file('prompts'));
    expect([400, 404]).toContain((await ask(`/agents/file?name=${encodeURIComponent(name)}`)).status);
    expect([400, 404]).toContain((await ask('/agents/file', { name, text: TEXT })).status);
    expect(readdirSync(file('prompts'))).toEqual(before);
  });

  it('is left alone where AGENT_FILES says so', async () => {
    const [kept, keptFolder] = [rig, folder];
    const other = await start({ AGENT_FILES: 'read-only' });
    try {
      expect((await ask('/agents', undefined, other)).body.readOnly).toContain('AGENT_FILES');
      const { hash } = (await ask(`/agents/file?name=${DEFAULT}`, undefined, other)).body;
      const refused = await ask('/agents/file', { name: DEFAULT, text: `${TEXT}More.`, expect: hash }, other);
      expect(refused).toMatchObject({ status: 403, body: { error: { code: 'FILES_READ_ONLY' } } });
      expect(readFileSync(file('prompts/default.md'), 'utf8')).toBe(TEXT);
    } finally {
      await other.close();
      rmSync(folder, { recursive: true, force: true });
      [rig, folder] = [kept, keptFolder];
    }
  });
});

describe('what is tried', () => {
  it('a prompt that is in no file can be asked for by name, and is gone when nobody keeps it', async () => {
    const refused = await ask('/agents/drafts', { text: '---\ngreting: no\n---\nx\n' });
    expect(refused).toMatchObject({ status: 422, body: { error: { code: 'FILE_WRONG' } } });
    const { prompt } = (await ask('/agents/drafts', { text: TEXT.replace('a test', 'a draft') })).body;
    expect(prompt).toMatch(/^draft-[0-9a-f]{16}$/);
    expect((await ask('/agents')).body.prompts.map(({ name }: { name: string }) => name)).not.toContain(prompt);
  });

  it('a tool runs on a copy of the data, and what it asks of the line is told and not done', async () => {
    const found = await ask('/agents/tools/check_availability/try', {
      arguments: { service: 'haircut', from: '2026-12-07', days: 5 },
    });
    const rows = () => {
      const db = new DatabaseSync(join(rig.dataDir, 'voicebridge.db'), { readOnly: true });
      const { n } = db.prepare('SELECT count(*) AS n FROM messages').get() as { n: number };
      db.close();
      return n;
    };
    expect(found.status).toBe(200);
    const before = rows();
    const left = await ask('/agents/tools/take_message/try', {
      arguments: { message: 'Please call me back.', name: 'Ada' },
      from: '+12025550143',
    });
    expect(left.body, JSON.stringify(left.body)).toMatchObject({ outcome: 'ok', asked: [] });
    expect(rows()).toBe(before);
    const ended = await ask('/agents/tools/end_call/try', { arguments: { reason: 'done' } });
    expect(ended.body.asked).toEqual([{ what: 'hang up', with: null }]);
    expect((await ask('/agents/tools/take_message/try', { arguments: {} })).body.outcome).toBe('invalid');
    expect((await ask('/agents/tools/no_such/try', { arguments: {} })).body.error.code).toBe('TOOL_UNKNOWN');
  });
});

describe('what would be too much', () => {
  it('is refused: arguments without a floor, and more tools at once than calls would leave room for', async () => {
    const deep = `${'['.repeat(9_000)}${']'.repeat(9_000)}`;
    const answer = await fetch(`${rig.url}/agents/tools/end_call/try`, {
      method: 'POST',
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'application/json' },
      body: `{"arguments":{"reason":${deep}}}`,
    });
    expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([
      ...[400, 'REQUEST_INVALID'],
    ]);
    const many = await Promise.all(
      Array.from({ length: 12 }, () => ask('/agents/tools/end_call/try', { arguments: { reason: 'done' } })),
    );
    const statuses = new Set(many.map(({ status }) => status));
    expect(statuses).toEqual(new Set([200, 503]));
    expect(many.find(({ status }) => status === 503)?.body.error.code).toBe('TRIALS_TOO_MANY');
    expect((await ask('/agents/tools/end_call/try', { arguments: { reason: 'done' } })).status).toBe(200);
  });

  it('is not the longest text that a file may have, whatever it is written with', async () => {
    const words = '\u0001'.repeat(99_000);
    const long = await ask('/agents/file/check', { name: 'prompts/long.md', text: `${TEXT}${words}` });
    expect(long.status).toBe(200);
    const over = await ask('/agents/file/check', { name: 'prompts/long.md', text: 'x'.repeat(100_001) });
    expect(over).toMatchObject({ status: 400, body: { error: { code: 'REQUEST_INVALID' } } });
  });
});

describe('setup', () => {
  it('says what a first call needs, and has the doctor look, one line a check, one look at a time', async () => {
    const { body } = await ask('/setup');
    expect(body).toMatchObject({ webhook: { url: null }, model: { simulated: false } });
    expect(body.todo.map(({ what }: { what: string }) => what)).toContain('Carriers cannot reach this daemon.');
    const looking = ask('/setup/doctor', {});
    const second = await ask('/setup/doctor', {});
    expect(second).toMatchObject({ status: 409, body: { error: { code: 'DOCTOR_RUNNING' } } });
    const { status, body: lines } = await looking;
    const results = String(lines)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; status: string });
    expect(status).toBe(200);
    // It is this daemon that it finds, and nothing is taken from calls.
    expect(results).toContainEqual(expect.objectContaining({ name: 'port', status: 'pass' }));
    expect(results).toContainEqual(expect.objectContaining({ name: 'port range', status: 'skip' }));
    expect(results.length).toBeGreaterThan(10);
    expect(String(lines)).not.toContain('sk-test-canary');
  }, 90_000);
});
