import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { CaseReport, RunReport } from '../../src/suites/report/types.ts';
import { PROCESS_ENV } from './process-env.ts';
import { rigTest as it } from './rig-test.ts';
import { suiteFolder } from './suite-runs.ts';
import { startAgentProcess } from './test-call.ts';

/**
 * Twenty callers of one process with one agent, with all that goes on beside: their words become speech, tapes are written, what was said is written down, measured and
 * judged while others are on the line. No frame of theirs may be late by that. (`node bench/test-callers.bench.ts` prints by how much they are.) By the command, as people
 * run it: a process of tests holds so much more that tidying its memory takes longer than a frame.
 */

const CALLERS = 20;
const ANSWERS = ['yes of course', 'we are open until six', 'that will be ten dollars', 'good day to you'];

describe('twenty callers at once', () => {
  it('are called by one process without a frame that is late by its own doing, and each is measured, written down and judged', async ({
    own,
    skip,
  }) => {
    const turns = ANSWERS.map((say) => ({ latencyMs: 600, say }));
    const agent = own(await startAgentProcess({ greeting: { delayMs: 300, say: 'hello' }, turns }));
    const each = Array.from({ length: CALLERS }, (_, i) => `{ n: ${i} }`).join(', ');
    const text = `target:
  kind: websocket
  url: "${agent.url}"
  events: [{ when: { type: transcript }, is: agent-said, text: text }]
concurrency: ${CALLERS}
retries: 3
cases:
  - name: asks
    each: [${each}]
    steps:
      - wait_for: turn
      - say: this is caller {{n}}
      - wait_for: turn
      - say: when are you open tomorrow, asks caller {{n}}
      - wait_for: turn
      - hang_up
    checks: { says: [yes of course, open until six] }
    success: ['The agent says "until six".']
`;
    const folder = suiteFolder(own, 'x.yaml', text);
    const json = join(folder, 'out.json');
    const child = spawn(process.execPath, ['src/cli/agent-test.ts', join(folder, 'x.yaml'), '--json', json], {
      env: { ...PROCESS_ENV, DATA_DIR: folder },
      stdio: 'ignore',
    });
    own({ close: async () => void child.kill('SIGKILL') });
    const [status] = await once(child, 'exit');
    const { run, cases } = JSON.parse(readFileSync(json, 'utf8')) as { run: RunReport; cases: CaseReport[] };
    const paces = cases.map(({ caller }) => caller!.pace!);
    const sum = (of: (pace: (typeof paces)[number]) => number) => paces.reduce((all, pace) => all + of(pace), 0);
    const starved = sum((pace) => pace.starved);
    const frames = sum((pace) => pace.frames);
    const worst = Math.max(...paces.map(({ worstOwnMs }) => worstOwnMs));
    process.stdout.write(
      `${frames} frames, late by our doing ${sum((pace) => pace.late) - starved}, starved ${starved}; of our doing ${worst} ms at most\n`,
    );
    for (const pace of paces) {
      expect(pace.frames).toBeGreaterThan(100);
      expect(pace.late - pace.starved).toBe(0);
    }
    // Whose words a busy machine broke was called again; where it broke those, too, nothing is said about an agent.
    skip(run.state === 'invalid' && starved > frames / 20, `${starved} of ${frames} frames waited for the processor`);
    expect(run, JSON.stringify(run.cases)).toMatchObject({ state: 'passed', counts: { passed: CALLERS } });
    expect(status).toBe(0);
    expect(Math.max(...cases.map(({ measures }) => measures!.turns.length))).toBe(2);
  });
});
