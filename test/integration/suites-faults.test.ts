import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { main } from '../../src/cli/agent-test.ts';
import { decodeWav } from '../../src/media/wav.ts';
import { caseReport, type RunReport, runReport } from '../../src/suites/report/types.ts';
import { askAsOperator, OPERATOR } from './operator.ts';
import { PROCESS_ENV } from './process-env.ts';
import { startRig, until } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { ended, post, suiteFolder, wholeRun } from './suite-runs.ts';
import { startAgentProcess } from './test-call.ts';

/** Runs of suites in which something is wrong: targets, orders, names, the process itself. */

describe('a target', () => {
  it('that never answers is not executed, with why, and costs no other case its call', async ({ own }) => {
    const silent = createServer((socket) => void socket.on('error', () => {}));
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
    own({ close: async () => void silent.close() });
    const { port } = silent.address() as { port: number };
    const agent = own(await startAgentProcess({ greeting: { delayMs: 200, tone: 1_020, toneMs: 500 } }));
    const caseOf = (name: string, url: string) =>
      `  - { name: ${name}, target: { kind: websocket, url: "${url}" }, steps: [{ wait_for: turn }, hang_up] }\n`;
    const text = `cases:\n${caseOf('nobody', `ws://127.0.0.1:${port}/`)}${caseOf('somebody', agent.url)}`;
    const rig = own(await startRig({ settings: { SUITES_DIR: suiteFolder(own, 'x.yaml', text) } }));
    const { run, cases } = await wholeRun(rig, { suite: 'x.yaml', concurrency: 2 });
    expect(run).toMatchObject({ state: 'not-executed', counts: { passed: 1, 'not-executed': 1 } });
    expect(cases[0]).toMatchObject({ state: 'not-executed', attempts: 1, tape: false });
    expect(cases[0]!.reasons.join()).toMatch(/the target did not answer: model-unavailable/);
  });

  it('that answers and never speaks has missed its turns, and was silent all the while', async ({ own }) => {
    const agent = own(await startAgentProcess({ greeting: false, turns: [{ missed: true }] }));
    const text = `target: { kind: websocket, url: "${agent.url}" }
cases:
  - name: mute
    steps: [{ wait_for: turn, within_ms: 3200 }, { say: "tone:440/600" }, { silence: 4 }, hang_up]
    gates: { missed_count: 0 }
`;
    const rig = own(await startRig({ settings: { SUITES_DIR: suiteFolder(own, 'x.yaml', text) } }));
    const { run, cases } = await wholeRun(rig, { suite: 'x.yaml' });
    expect(run.state).toBe('failed');
    const { reasons, measures } = cases[0]!;
    expect(reasons.join('\n')).toMatch(/step 1: wait_for turn: .*3200 ms[\s\S]*missed_count at most 0: 1/);
    expect(measures).toMatchObject({ greetingDelayMs: null, turns: [{ outcome: 'missed' }] });
    expect(measures!.deadAir).toHaveLength(2);
    expect(measures!.sound.agent.speechMs).toBe(0);
  });
});

describe('orders over HTTP', () => {
  it('ten at once: four runs go on, the others are told to come again, and each of the four keeps to its calls', async ({
    own,
  }) => {
    const agent = own(await startAgentProcess({ greeting: { delayMs: 100, tone: 1_020, toneMs: 400 } }));
    const text = `target: { kind: websocket, url: "${agent.url}" }
concurrency: 2
repeat: 3
cases: [{ name: a, steps: [{ wait_for: turn }, hang_up] }]
`;
    const rig = own(await startRig({ settings: { SUITES_DIR: suiteFolder(own, 'x.yaml', text) } }));
    const order = post({ suite: 'x.yaml' });
    const answers = await Promise.all(Array.from({ length: 10 }, () => askAsOperator(`${rig.url}/tests/runs`, order)));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(6);
    expect(refused[0]!.headers.get('retry-after')).toBe('60');
    expect(await refused[0]!.json()).toMatchObject({ error: { code: 'RUNS_TOO_MANY' } });
    const begun = (await Promise.all(answers.filter(({ ok }) => ok).map((one) => one.json()))) as RunReport[];
    expect(new Set(begun.map(({ id }) => id)).size).toBe(4);
    let most = 0;
    const looking = setInterval(() => {
      const open = rig.of('call_started').length - rig.of('call_ended').length;
      most = Math.max(most, open);
    }, 20);
    for (const { id } of begun) expect(await ended(rig, id)).toMatchObject({ state: 'passed', counts: { passed: 3 } });
    clearInterval(looking);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(8);
    // There is room again.
    expect((await wholeRun(rig, { suite: 'x.yaml', repeat: 1 })).run.state).toBe('passed');
  });

  it('whose names lead elsewhere find nothing, whatever they are written as', async ({ own }) => {
    const text = 'target: self\ncases: [{ name: a, steps: [hang_up] }]\n';
    const rig = own(await startRig({ settings: { SUITES_DIR: suiteFolder(own, 'x.yaml', text) } }));
    const suites = [
      '../x.yaml',
      '/etc/passwd',
      'a/../x.yaml',
      '..\\x.yaml',
      'x.yaml/',
      '.x.yaml',
      'x.yaml\u0000',
      '..',
    ];
    for (const suite of suites)
      expect((await askAsOperator(`${rig.url}/tests/runs`, post({ suite }))).status, suite).toBe(400);
    const { run } = await wholeRun(rig, { suite: 'x.yaml' });
    const tricks = [
      '..',
      '%2e%2e',
      '..%2f..',
      '%2e%2e%2fx',
      `${run.id}%2f..`,
      `..%2f${run.id}`,
      '..%5c..',
      '%00',
      'a%00b',
    ];
    for (const trick of tricks) {
      for (const path of [
        trick,
        `${run.id}/cases/${trick}`,
        `${run.id}/cases/${trick}/tape`,
        `${trick}/cases/a/tape`,
      ]) {
        const answer = await fetch(`${rig.url}/tests/runs/${path}`, { headers: OPERATOR });
        // The client itself goes up a folder for dots that stand alone: what it asks for then is the list, or the run.
        const isSelf = new URL(answer.url).pathname !== `/tests/runs/${path}`;
        if (!isSelf) expect([400, 404], path).toContain(answer.status);
      }
      for (const order of [{ resume: trick }, { rejudge: trick }])
        expect((await askAsOperator(`${rig.url}/tests/runs`, post(order))).status, trick).toBe(400);
      const gone = await fetch(`${rig.url}/tests/runs/${trick.replaceAll('..', '%2e%2e')}`, {
        method: 'DELETE',
        headers: OPERATOR,
      });
      expect(gone.ok, trick).toBe(false);
    }
    expect(existsSync(join(rig.dataDir, 'test-runs', run.id, 'run.json'))).toBe(true);
  });
});

/** Cases of a suite that is killed, and how many of them are called at a time. */
const CASES = 50;
const AT_ONCE = 10;

describe('the command', () => {
  const silent = () => {
    const told = { text: '' };
    const add = (text: string) => {
      told.text += text;
    };
    return { told, output: { out: add, err: add } };
  };

  it('refuses names that lead elsewhere, in words', async ({ own }) => {
    const { told, output } = silent();
    const folder = suiteFolder(
      own,
      'x.yaml',
      'target: self\ncases: [{ name: a, steps: [{ say: "wav:../../etc/passwd" }] }]\n',
    );
    const before = process.env['DATA_DIR'];
    process.env['DATA_DIR'] = folder;
    try {
      expect(await main(['--resume', '../../x'], output)).toBe(2);
      expect(await main(['--rejudge', '20300102-030405-abcdef/..'], output)).toBe(2);
      expect(await main(['/etc/passwd'], output)).toBe(2);
      expect(told.text).toMatch(
        /--resume: must be the id of a run\n--rejudge: must be the id of a run\nsuite: must be the name of a file/,
      );
      expect(await main([join(folder, 'x.yaml')], output)).toBe(2);
      expect(told.text).toMatch(
        /TEST_CALLER_INVALID: the file \.\.\/\.\.\/etc\/passwd is (in another folder|not there)/,
      );
    } finally {
      if (before === undefined) delete process.env['DATA_DIR'];
      else process.env['DATA_DIR'] = before;
    }
  });

  it('that is killed keeps what it had, tape and all, and what is missing is called when it is gone on with', async ({
    own,
  }) => {
    const agent = own(await startAgentProcess({ greeting: { delayMs: 200, tone: 1_020, toneMs: 500 } }));
    const text = `target: { kind: websocket, url: "${agent.url}" }
cases:
  - { name: short, steps: [{ wait_for: turn }, hang_up] }
  - { name: long, steps: [{ wait_for: turn }, { silence: 6 }, hang_up] }
`;
    const folder = suiteFolder(own, 'x.yaml', text);
    const child = spawn(process.execPath, ['src/cli/agent-test.ts', join(folder, 'x.yaml')], {
      env: { ...PROCESS_ENV, DATA_DIR: folder },
      stdio: 'ignore',
    });
    const gone = new Promise((done) => child.once('exit', done));
    own({ close: async () => void child.kill('SIGKILL') });
    const runs = join(folder, 'test-runs');
    const found = await until(
      () => {
        const [id] = existsSync(runs) ? readdirSync(runs) : [];
        const tape = id === undefined ? '' : join(runs, id, 'long', 'tape.wav');
        return existsSync(tape) && statSync(tape).size > 96_000 * 2.5 && { id: id!, tape };
      },
      'the second call has gone on for a while',
      60_000,
    );
    child.kill('SIGKILL');
    await gone;
    const report = runReport.parse(JSON.parse(readFileSync(join(runs, found.id, 'run.json'), 'utf8')));
    expect(report).toMatchObject({
      state: 'running',
      counts: { passed: 1 },
      cases: [{ id: 'short', state: 'passed' }],
    });
    expect(caseReport.parse(JSON.parse(readFileSync(join(runs, found.id, 'short', 'case.json'), 'utf8'))).tape).toBe(
      true,
    );
    // The tape of the call that was cut is whole as far as it goes.
    const { channels, sampleRate } = decodeWav(readFileSync(found.tape));
    expect(channels[0]!.length / sampleRate).toBeGreaterThan(2);
    expect(Math.max(...channels[1]!)).toBeGreaterThan(1_000);
    const { told, output } = silent();
    const before = process.env['DATA_DIR'];
    process.env['DATA_DIR'] = folder;
    try {
      expect(await main(['--resume', found.id], output)).toBe(0);
    } finally {
      if (before === undefined) delete process.env['DATA_DIR'];
      else process.env['DATA_DIR'] = before;
    }
    expect(told.text).toContain('x: PASSED');
    expect(told.text).not.toMatch(/ok {4}short/);
  });

  it('of fifty cases that is killed midway calls those that are left, and none that was over', async ({ own }) => {
    const agent = own(await startAgentProcess({ greeting: { delayMs: 200, tone: 1_020, toneMs: 500 } }));
    const each = Array.from({ length: CASES }, (_, i) => `{ n: ${i} }`).join(', ');
    const text = `target: { kind: websocket, url: "${agent.url}" }
concurrency: ${AT_ONCE}
cases: [{ name: asks, each: [${each}], steps: [{ wait_for: turn }, hang_up] }]
`;
    const folder = suiteFolder(own, 'x.yaml', text);
    const child = spawn(process.execPath, ['src/cli/agent-test.ts', join(folder, 'x.yaml')], {
      env: { ...PROCESS_ENV, DATA_DIR: folder },
      stdio: 'ignore',
    });
    const gone = new Promise((done) => child.once('exit', done));
    own({ close: async () => void child.kill('SIGKILL') });
    const runs = join(folder, 'test-runs');
    const reportOf = (id: string) => runReport.parse(JSON.parse(readFileSync(join(runs, id, 'run.json'), 'utf8')));
    const id = await until(
      () => {
        const [found] = existsSync(runs) ? readdirSync(runs) : [];
        const isThere = found !== undefined && existsSync(join(runs, found, 'run.json'));
        return isThere && reportOf(found).counts.passed >= CASES * 0.4 && found;
      },
      'some of the calls are over',
      60_000,
    );
    child.kill('SIGKILL');
    await gone;
    const { state, counts } = reportOf(id);
    expect(state).toBe('running');
    expect(counts.passed).toBeLessThan(CASES);
    const { told, output } = silent();
    vi.stubEnv('DATA_DIR', folder);
    own({ close: async () => void vi.unstubAllEnvs() });
    expect(await main(['--resume', id], output)).toBe(0);
    expect(reportOf(id)).toMatchObject({ state: 'passed', counts: { passed: CASES } });
    expect(told.text.match(/^ok {4}asks/gm)).toHaveLength(CASES - counts.passed);
    // Beside all of the cases, those that were on the line when it was killed were called twice.
    const called = (await agent.truths(CASES)).length;
    expect(called).toBeLessThanOrEqual(CASES + AT_ONCE);
  });
});
