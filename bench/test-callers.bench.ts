/**
 * Test callers of one process, all at once with one agent, as a suite has them: words made to speech, tapes written, what was said written down, measured and judged meanwhile. By
 * how much frames of theirs left late, and whose doing it was; and how far measured latencies are from what the agent did.
 * Run: node bench/test-callers.bench.ts [--callers 20]
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type { CaseReport } from '../src/suites/report/types.ts';
import { summarise } from './lib/stats.ts';
import { header, n, table, verdicts } from './lib/table.ts';

const LATENCY_MS = 600;
const ROOT = join(import.meta.dirname, '..');

const { values } = parseArgs({ options: { callers: { type: 'string', default: '20' } } });
const callers = Number(values.callers);

/** An agent whose every answer comes after so long, as a process of its own. */
async function startAgent(folder: string): Promise<{ url: string; close(): Promise<void> }> {
  const file = join(folder, 'scenario.json');
  const turns = ['yes of course', 'we are open until six', 'good day to you'].map((say) => ({
    latencyMs: LATENCY_MS,
    say,
  }));
  writeFileSync(file, JSON.stringify({ greeting: { delayMs: 300, say: 'hello' }, turns }));
  const child = spawn(process.execPath, ['src/cli/simulator.ts', 'agent', '--port', '0', '--scenario', file], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const address = /ws:\S+/.exec(line)?.[0];
      if (address !== undefined) resolve(address);
    });
    void gone.then(() => reject(new Error('the agent does not start')));
  });
  return {
    url,
    async close() {
      child.kill('SIGTERM');
      await gone;
    },
  };
}

function suiteOf(url: string): string {
  const each = Array.from({ length: callers }, (_, i) => `{ n: ${i} }`).join(', ');
  return `target: { kind: websocket, url: "${url}", events: [{ when: { type: transcript }, is: agent-said, text: text }] }
concurrency: ${callers}
cases:
  - name: asks
    each: [${each}]
    steps: [{ wait_for: turn }, { say: "this is caller {{n}}" }, { wait_for: turn }, { say: "when are you open, asks caller {{n}}" }, { wait_for: turn }, hang_up]
    checks: { says: until six }
    success: ['The agent says "until six".']
`;
}

/** Runs it as people do; the cases with all that is known of them. */
async function run(folder: string, url: string): Promise<CaseReport[]> {
  const suite = join(folder, 'callers.yaml');
  const json = join(folder, 'out.json');
  writeFileSync(suite, suiteOf(url));
  const child = spawn(process.execPath, ['src/cli/agent-test.ts', suite, '--json', json], {
    cwd: ROOT,
    env: { ...process.env, DATA_DIR: folder },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  const { cases } = JSON.parse(readFileSync(json, 'utf8')) as { cases: CaseReport[] };
  if (code !== 0) process.stdout.write(`the suite ended with ${code}: ${cases.flatMap(({ reasons }) => reasons)[0]}\n`);
  return cases;
}

header();
const folder = mkdtempSync(join(tmpdir(), 'voicebridge-bench-'));
const agent = await startAgent(folder);
try {
  const cases = await run(folder, agent.url);
  const paces = cases.flatMap(({ caller }) => (caller?.pace === undefined ? [] : [caller.pace]));
  const sum = (of: (pace: (typeof paces)[number]) => number) => paces.reduce((all, pace) => all + of(pace), 0);
  const most = (of: (pace: (typeof paces)[number]) => number) => Math.max(0, ...paces.map(of));
  const ownLate = sum(({ late, starved }) => late - starved);
  table(
    `${paces.length} callers of one process at once`,
    ['frames', 'late', 'of them starved', 'late by our doing', 'worst, ms', 'worst of our doing, ms'],
    [
      [
        String(sum(({ frames }) => frames)),
        String(sum(({ late }) => late)),
        String(sum(({ starved }) => starved)),
        String(ownLate),
        n(
          most(({ worstMs }) => worstMs),
          1,
        ),
        n(
          most(({ worstOwnMs }) => worstOwnMs),
          1,
        ),
      ],
    ],
  );
  const turns = cases.flatMap(({ measures }) => measures?.turns ?? []);
  const off = (which: typeof turns) =>
    summarise(which.map(({ latencyMs }) => Math.abs((latencyMs ?? Number.NaN) - LATENCY_MS)));
  const calm = turns.filter(({ ownLateMs }) => ownLateMs === undefined);
  table(
    'latencies, off from what the agent did, ms',
    ['turns', 'n', 'p50', 'max'],
    [
      ['all', String(turns.length), n(off(turns).p50, 0), n(off(turns).max, 0)],
      ['without a late frame of ours', String(calm.length), n(off(calm).p50, 0), n(off(calm).max, 0)],
    ],
  );
  verdicts([{ what: 'frames late by our doing', value: ownLate, target: 0, unit: '' }]);
} finally {
  await agent.close();
  rmSync(folder, { recursive: true, force: true });
}
