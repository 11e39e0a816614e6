import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, vi } from 'vitest';
import { main } from '../../src/cli/agent-test.ts';
import type { CaseReport, RunReport } from '../../src/suites/report/types.ts';
import { exitCodeOf } from '../../src/suites/run.ts';
import { measuredAgain } from './measured-again.ts';
import { rigTest as it, type Own } from './rig-test.ts';
import { isOnlyLate } from './suite-runs.ts';
import { startAgentProcess } from './test-call.ts';

/** The suites that come with the sources and need neither key nor account, run by the command as whoever has just cloned them runs it. */

// Reading all of the daemon's sources takes a busy machine long, and is none of what is tried.
beforeAll(() => import('../../src/app.ts').then(() => undefined), 120_000);

interface Ran {
  readonly status: number;
  readonly told: string;
  readonly run: RunReport;
  readonly cases: readonly CaseReport[];
}

async function runs(own: Own, suite: string): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), 'shipped-'));
  own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
  vi.stubEnv('DATA_DIR', folder);
  // A fresh clone has no key.
  vi.stubEnv('OPENAI_API_KEY', undefined);
  own({ close: async () => void vi.unstubAllEnvs() });
  let told = '';
  const output = {
    out(text: string) {
      told += text;
    },
    err(text: string) {
      told += text;
    },
  };
  const json = join(folder, 'out.json');
  const status = await main([suite, '--json', json], output);
  return { status, told, ...(JSON.parse(readFileSync(json, 'utf8')) as Pick<Ran, 'run' | 'cases'>) };
}

/** A call that counts: what was said in it depends on no machine. */
const counts = ({ state }: CaseReport) => state !== 'invalid';

describe('a suite that comes with the sources', () => {
  it(
    'self.yaml passes against the embedded agent: words, latencies, a judge',
    ({ own, skip }) =>
      measuredAgain({ own, skip }, async (own, skip) => {
        const { status, told, run, cases } = await runs(own, 'suites/self.yaml');
        expect(status, told).toBe(exitCodeOf(run));
        expect(cases.map(({ id }) => id)).toEqual([
          'greets-and-answers',
          'yields-when-spoken-over',
          'is-heard-by-a-judge.1',
          'is-heard-by-a-judge.2',
        ]);
        for (const { checks } of cases.filter(counts)) expect(checks.filter(({ ok }) => !ok)).toEqual([]);
        for (const { words } of cases.slice(0, 1).filter(counts))
          expect(words).toMatchObject({ callerWordErrorRate: 0, channelWordErrorRate: 0 });
        for (const { judged } of cases.slice(2).filter(counts))
          expect(judged!.criteria.map(({ verdict }) => verdict)).toEqual(['pass', 'pass']);
        skip(run.state !== 'passed' && isOnlyLate({ run, cases }), `the machine had no time for it: ${told}`);
        expect([status, run.state], told).toEqual([0, 'passed']);
        expect(run.counts).toEqual({ passed: 4, failed: 0, invalid: 0, 'not-executed': 0 });
        for (const gate of run.gates) expect(gate, told).toMatchObject({ state: 'kept' });
      }),
    240_000,
  );

  it(
    'websocket.yaml passes against the agent with a set truth that it names',
    ({ own, skip }) =>
      measuredAgain({ own, skip }, async (own, skip) => {
        const agent = own(await startAgentProcess({}));
        // Its port may be somebody's on this machine: nothing else of it is another.
        const shipped = readFileSync('suites/websocket.yaml', 'utf8');
        expect(shipped.split('ws://127.0.0.1:8910/agent')).toHaveLength(2);
        const folder = mkdtempSync(join(tmpdir(), 'shipped-'));
        own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
        writeFileSync(join(folder, 'websocket.yaml'), shipped.replace('ws://127.0.0.1:8910/agent', agent.url));
        const { status, told, run, cases } = await runs(own, join(folder, 'websocket.yaml'));
        expect(status, told).toBe(exitCodeOf(run));
        expect(cases.map(({ id }) => id)).toEqual([
          'answers-on-a-telephone-line.1',
          'answers-on-a-telephone-line.2',
          'goes-on-when-somebody-only-listens',
        ]);
        expect(cases[2]!.measures!.distractions).toMatchObject([{ kind: 'backchannel' }]);
        skip(run.state !== 'passed' && isOnlyLate({ run, cases }), `the machine had no time for it: ${told}`);
        expect([status, run.state], told).toEqual([0, 'passed']);
        // Two of one kind are called at once, in either order.
        const turns = (of: ReadonlyArray<{ readonly turns: readonly unknown[] }>) =>
          of.map((one) => one.turns.length).toSorted();
        const measured = turns(cases.map(({ measures }) => measures!));
        // Such an agent takes the word of who only listens for a turn, too: what is measured knows it for none.
        expect([measured, turns(await agent.truths(3))]).toEqual([
          [0, 1, 1],
          [1, 1, 1],
        ]);
      }),
    240_000,
  );
});
