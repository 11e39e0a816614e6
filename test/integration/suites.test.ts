import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { main } from '../../src/cli/agent-test.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { type CaseReport, type RunReport, runReport } from '../../src/suites/report/types.ts';
import { noChromium, shoot } from './browser-chromium.ts';
import { openConsole } from './console-rig.ts';
import { readBySocket } from './events-reader.ts';
import { askAsOperator } from './operator.ts';
import { type Rig, startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';

/** Suites against a whole daemon, whose model says words that can be heard again; by HTTP, in a browser, by the command. */

const SUITE = `name: Shop
target: { kind: self, prompt: default }
cases:
  - name: gives the number
    steps:
      - wait_for: turn
      - say: What is your number?
      - wait_for: turn
      - hang_up
    checks:
      says: my number is
      facts: [{ number: "5550143" }]
      max_word_error_rate: 0
      ended_by: caller
    success: The agent says "good day".
  - name: sells ice
    steps:
      - wait_for: turn
      - hang_up
    checks: { says: ice cream }
`;
const words = (text: string) => ({ say: { text, words: true as const } });
const SCENARIO = {
  greeting: { text: 'good day', words: true as const },
  turns: [words('my number is 555 0143'), words('goodbye')],
};

function folderWith(own: <T extends { close(): Promise<void> }>(what: T) => T, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'suites-'));
  own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
  writeFileSync(join(folder, 'shop.yaml'), text);
  return folder;
}

const json = async <T>(rig: Rig, path: string, init?: RequestInit): Promise<T> =>
  (await askAsOperator(`${rig.url}${path}`, init)).json() as Promise<T>;
const post = (body: object): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});

async function whole(rig: Rig, order: object): Promise<RunReport> {
  const { id } = await json<RunReport>(rig, '/tests/runs', post(order));
  return vi.waitFor(
    async () => {
      const report = await json<RunReport>(rig, `/tests/runs/${id}`);
      if (report.state === 'running') throw new Error('the run goes on');
      return report;
    },
    { timeout: 60_000, interval: 100 },
  );
}

describe('a suite over HTTP', () => {
  it('calls, hears, checks and judges; tells of it; gives tapes and reports; is shown by a page', async ({ own }) => {
    const folder = folderWith(own, SUITE);
    const rig = own(await startRig({ scenario: SCENARIO, settings: { SUITES_DIR: folder } }));
    const reader = await readBySocket(rig.url);
    const report = await whole(rig, { suite: 'shop.yaml' });
    expect(runReport.parse(report)).toMatchObject({
      state: 'failed',
      counts: { passed: 1, failed: 1, invalid: 0, 'not-executed': 0 },
    });
    const [good, bad] = report.cases;
    expect(bad?.reasons).toEqual(['says "ice cream": the agent did not say it']);
    const one = await json<CaseReport>(rig, `/tests/runs/${report.id}/cases/${good?.id}`);
    expect(one.transcript.map(({ who, text }) => [who, text])).toEqual([
      ['agent', 'good day'],
      ['caller', 'what is your number?'],
      ['agent', 'my number is 555 0143'],
    ]);
    expect(one.words).toMatchObject({
      callerWordErrorRate: 0,
      agentWordErrorRate: 0,
      channelWordErrorRate: 0,
      channelWords: 4,
    });
    expect(one.judged).toMatchObject({ criteria: [{ verdict: 'pass', agreement: 1 }] });
    expect(one.providerCallId).toMatch(/^sess_/);
    // The call is one as any other, with its record.
    const { record } = await json<{ record: { id: string } }>(rig, `/records/${one.callId}`);
    expect(record.id).toBe(one.callId);
    await until(() => reader.messages.some(({ type }) => type === 'tests.run_ended'), 'the end is told');
    const told = reader.messages.filter(({ kind }) => kind === 'notice').map(({ type }) => type);
    // Whose own words broke, since this process stood still, is called again.
    const calls = report.cases.map(({ attempts }) => attempts);
    expect(told).toEqual([
      'tests.run_started',
      ...calls.flatMap((n) => [...Array.from({ length: n }, () => 'tests.case_started'), 'tests.case_ended']),
      'tests.run_ended',
    ]);
    reader.close();
    // What was said is in no line of the log.
    expect(JSON.stringify(rig.lines)).not.toMatch(/your number|555/);

    const tape = await askAsOperator(`${rig.url}/tests/runs/${report.id}/cases/${one.id}/tape`);
    const { sampleRate, channels } = decodeWav(new Uint8Array(await tape.arrayBuffer()));
    expect([sampleRate, channels.length]).toEqual([24_000, 2]);
    expect(channels[0]!.length / 24).toBeCloseTo(one.durationMs, -2);
    const outline = await json<{ caller: number[]; agent: number[] }>(
      rig,
      `/tests/runs/${report.id}/cases/${one.id}/tape/peaks?buckets=50`,
    );
    expect(Math.max(...outline.caller)).toBeGreaterThan(0.1);
    const html = await askAsOperator(`${rig.url}/tests/runs/${report.id}/report?format=html`);
    expect(html.headers.get('content-security-policy')).toContain('sandbox');
    expect(await html.text()).toContain('my number is 555 0143');

    const again = await whole(rig, { rejudge: report.id });
    expect(again).toMatchObject({ id: report.id, counts: { passed: 1, failed: 1 } });
    expect(rig.of('call_started')).toHaveLength(calls.reduce((sum, n) => sum + n, 0));
    const gone = await askAsOperator(`${rig.url}/tests/runs/${report.id}`, { method: 'DELETE' });
    expect(gone.status).toBe(204);
    expect((await askAsOperator(`${rig.url}/tests/runs/${report.id}`)).status).toBe(404);
  });

  it('is for operators alone, and refuses with a code what cannot be', async ({ own }) => {
    const rig = own(await startRig({ settings: { SUITES_DIR: folderWith(own, 'cases: []\n') } }));
    expect((await fetch(`${rig.url}/tests/runs`)).status).toBe(401);
    const codeOf = async (order: object) =>
      (await json<{ error: { code: string } }>(rig, '/tests/runs', post(order))).error.code;
    expect(await codeOf({ suite: 'none.yaml' })).toBe('SUITE_UNKNOWN');
    expect(await codeOf({ suite: 'shop.yaml' })).toBe('SUITE_INVALID');
    expect(await codeOf({ suite: '../shop.yaml' })).toBe('REQUEST_INVALID');
    expect(await codeOf({ resume: '20300101-000000-abcdef' })).toBe('RUN_UNKNOWN');
    expect((await fetch(`${rig.url}/tests/tools/guess/book`, post({}))).status).toBe(404);
  });

  it('answers for the tools of its target, and counts what they were asked', async ({ own }) => {
    const folder = folderWith(
      own,
      `target: self
tools: { book: { result: { ok: true } } }
cases:
  - name: books
    steps: [{ wait_for: turn }, { silence: 1 }, hang_up]
    checks: { tools: [{ name: book, arguments: { people: 2 }, times: 1 }], never_calls: [cancel] }
`,
    );
    const token = 'token-of-the-tools-0001';
    const rig = own(await startRig({ scenario: SCENARIO, settings: { SUITES_DIR: folder, TESTS_TOOLS_TOKEN: token } }));
    const run = whole(rig, { suite: 'shop.yaml' });
    await until(() => rig.of('connected').length > 0, 'the call is up');
    // Of another call than the one that runs: it is answered, and counts for no case.
    for (const more of [{}, { call: { call_id: 'x' } }]) {
      const order = { name: 'book', args: { people: 2, name: 'Ann' }, ...more };
      const asked = await fetch(`${rig.url}/tests/tools/${token}/book`, post(order));
      expect([asked.status, await asked.json()]).toEqual([200, { ok: true }]);
    }
    expect((await fetch(`${rig.url}/tests/tools/${token}/cancel`, post({}))).status).toBe(404);
    // What there is no tool for was asked for all the same.
    expect(await run).toMatchObject({
      state: 'failed',
      cases: [{ reasons: ['never calls cancel: the agent called it'] }],
    });
  });
});

describe('the page of tests', () => {
  it('shows runs, a case with its conversation, and plays its tape with what was measured', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(await startRig({ scenario: SCENARIO, settings: { SUITES_DIR: folderWith(own, SUITE) } }));
    const { page } = await openConsole(own, rig, undefined, '/console/tests.html');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByText('1 passed, 1 failed', { exact: false }).first().waitFor({ timeout: 60_000 });
    // Who has the page read out is told how the run goes, in a sentence, and not the whole of it with each case.
    expect(await page.getByRole('status').allTextContents()).toEqual([
      expect.stringMatching(/: failed, 1 of 2 cases passed\.$/),
    ]);
    expect(await page.locator('[aria-live]').count()).toBe(0);
    await page
      .getByRole('list', { name: 'Cases' })
      .getByRole('button', { name: /gives the number/ })
      .click();
    await page.getByText('my number is 555 0143').waitFor();
    await page
      .getByRole('button', { name: /answers after \d+ ms/ })
      .first()
      .waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Play' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await expect
      .poll(async () => Number(await page.getByRole('slider').getAttribute('aria-valuenow')), { timeout: 10_000 })
      .toBeGreaterThan(3);
    await shoot(page, 'tests');
    await page
      .getByRole('list', { name: 'Cases' })
      .getByRole('button', { name: /sells ice/ })
      .click();
    await page.getByText('says "ice cream": the agent did not say it').waitFor();

    // Who reads only sees the same, and is offered no run.
    const made = await askAsOperator(`${rig.url}/people`, post({ name: 'Vera', role: 'viewer' }));
    const { token } = (await made.json()) as { token: string };
    const viewer = await openConsole(own, rig, { token }, '/console/tests.html');
    await viewer.page.getByRole('button', { name: /1 of 2 passed/ }).waitFor();
    await viewer.page.getByText('2 cases').waitFor();
    expect(await viewer.page.getByRole('button', { name: 'Run', exact: true }).count()).toBe(0);
    expect(viewer.faults).toEqual([]);
  });
});

describe('the page of tests while a run goes on', () => {
  // For five seconds nothing happens in its first case.
  const SLOW = SUITE.replace(
    '- wait_for: turn\n      - say',
    '- wait_for: turn\n      - expect: { silence_ms: 5000 }\n        within_ms: 60000\n      - say',
  );

  it('is told how far it is, and asks only then; by itself where the stream is away', async ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    const rig = own(
      await startRig({ scenario: SCENARIO, settings: { SUITES_DIR: folderWith(own, SLOW), RATE_LIMIT_API: '0' } }),
    );
    const { page } = await openConsole(own, rig, undefined, '/console/tests.html');
    page.setDefaultTimeout(30_000);
    let asked = 0;
    page.on('request', (request) => {
      if (request.method() === 'GET' && /\/tests\/runs\/[^/]+$/.test(request.url())) asked++;
    });
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('progressbar', { name: 'Cases that are over' }).waitFor();
    // A case goes on for longer than this, and nothing happens in it that the page is told of.
    await page.waitForTimeout(1_500);
    const before = asked;
    await page.waitForTimeout(3_000);
    expect(asked).toBe(before);
    await page.getByText('1 passed, 1 failed', { exact: false }).first().waitFor({ timeout: 60_000 });

    await page.routeWebSocket(/\/events/, (socket) => void socket.close());
    await page.reload();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('progressbar', { name: 'Cases that are over' }).waitFor();
    const alone = asked;
    await until(() => asked > alone + 1, 'it to ask by itself');
  });
});

describe('the command', () => {
  it('runs a suite without key and account, writes its reports, and tells by its status how it went', async ({
    own,
  }) => {
    const folder = folderWith(
      own,
      `target: { kind: self, prompt: default }
cases:
  - name: says it back
    steps: [{ wait_for: turn }, { say: two green apples }, { wait_for: turn }, hang_up]
    checks: { says: two green apples }
`,
    );
    const told = { out: '', err: '' };
    const output = {
      out(text: string) {
        told.out += text;
      },
      err(text: string) {
        told.err += text;
      },
    };
    const before = process.env['DATA_DIR'];
    process.env['DATA_DIR'] = folder;
    try {
      const at = (name: string) => join(folder, name);
      expect(
        await main(
          [at('shop.yaml'), '--json', at('out.json'), '--junit', at('out.xml'), '--html', at('out.html')],
          output,
        ),
      ).toBe(0);
      expect(told.out).toMatch(/ok {4}says-it-back/);
      expect(told.out).toContain('shop: PASSED');
      expect(await main([at('shop.yaml'), '--only', 'nothing'], output)).toBe(2);
      expect(await main(['--repeat', 'x'], output)).toBe(2);
    } finally {
      if (before === undefined) delete process.env['DATA_DIR'];
      else process.env['DATA_DIR'] = before;
    }
  });
});
