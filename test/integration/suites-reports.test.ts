import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect } from 'vitest';
import { casesOf, outlinesOf } from '../../src/suites/http/tests-api.ts';
import { htmlPage } from '../../src/suites/report/html.ts';
import { junitXml } from '../../src/suites/report/junit.ts';
import { type CaseReport, caseReport, type RunReport, runReport } from '../../src/suites/report/types.ts';
import { RunStore } from '../../src/suites/store.ts';
import { junitProblems } from '../junit-schema.ts';
import { noChromium, openChromium, shoot } from './browser-chromium.ts';
import { measuredAgain } from './measured-again.ts';
import { startRig } from './rig.ts';
import { rigTest as it } from './rig-test.ts';
import { starvedIn, suiteFolder, wholeRun } from './suite-runs.ts';
import { startAgentProcess } from './test-call.ts';

/** Reports of a real run, with words in them that want to be more than words. */

const HOSTILE = [
  '<script>document.title = "taken"</script>',
  '<img src="http://203.0.113.1/x.png" onerror="document.title = \'taken\'">',
  '"><svg onload="document.title = \'taken\'">',
  "' onmouseover='x",
  '</title></style></details>&lt;b&gt; &amp; ]]> \u0000 \u0007 \ud800 \uffff',
  '<link rel=stylesheet href=//203.0.113.1/x.css>',
].join(' ');

/** The report with hostile words wherever somebody's words are. */
function spoilt(run: RunReport, cases: readonly CaseReport[]): { run: RunReport; cases: CaseReport[] } {
  const line = { who: 'agent', text: HOSTILE, fromMs: 0 } as const;
  const criterion = {
    id: HOSTILE,
    criterion: HOSTILE,
    verdict: 'fail',
    agreement: 1,
    votes: [{ verdict: 'fail', quote: HOSTILE, reason: HOSTILE }],
  } as const;
  const words = { name: HOSTILE, reasons: [HOSTILE, HOSTILE] };
  return {
    run: runReport.parse({
      ...run,
      ...{ suite: HOSTILE, suiteFile: HOSTILE, notes: [HOSTILE] },
      cases: run.cases.map((one) => ({ ...one, ...words })),
    }),
    cases: cases.map((one) =>
      caseReport.parse({
        ...one,
        ...words,
        state: 'failed',
        transcript: [line],
        tools: [{ name: HOSTILE, arguments: { [HOSTILE]: HOSTILE }, by: 'webhook' }],
        checks: [{ what: HOSTILE, ok: false, why: HOSTILE }],
        judged: { model: HOSTILE, hash: HOSTILE, criteria: [criterion] },
      }),
    ),
  };
}

/** What its page marks in the first call. */
const MARKS = ['answered after n ms', 'answered after n ms', 'missed', 'nothing is heard for n ms'];

/** What a browser makes of a page: run in it, so it is text here. */
const LOOK = `({
  cases: document.querySelectorAll('details').length,
  waves: [...document.querySelectorAll('svg path')].map((path) => {
    const { width, height } = path.getBoundingClientRect();
    return width > 300 && height > 4;
  }),
  marks: [...document.querySelectorAll('svg line')].map((line) => line.textContent),
  foreign: document.querySelectorAll('script, img, link, iframe, object, embed, details svg svg').length,
  handlers: [...document.querySelectorAll('*')].filter((one) => one.getAttributeNames().some((name) => name.startsWith('on'))).length,
  text: document.body.textContent,
})`;
interface Seen {
  readonly cases: number;
  /** Of each side of each tape: whether its course is there to be seen. */
  readonly waves: readonly boolean[];
  readonly marks: readonly string[];
  readonly foreign: number;
  readonly handlers: number;
  readonly text: string;
}

describe('the reports of a run', () => {
  it('are a page that is whole and asks nobody, and XML as its schema has it, whatever was said', ({ own, skip }) => {
    skip(noChromium !== undefined, noChromium);
    return measuredAgain({ own, skip }, async (own, skip) => {
      const tone = { tone: 1_020, toneMs: 600 };
      const turns = [{ latencyMs: 400, ...tone }, { latencyMs: 2_000, ...tone }, { missed: true }];
      const agent = own(await startAgentProcess({ greeting: { delayMs: 200, ...tone }, turns }));
      const say = '{ say: "tone:440/500" }';
      const text = `target: { kind: websocket, url: "${agent.url}" }
cases:
  - { name: talks, steps: [{ wait_for: turn }, ${say}, { wait_for: turn }, ${say}, { wait_for: turn }, ${say}, { silence: 4 }, hang_up] }
  - { name: greets, steps: [{ wait_for: turn }, hang_up], checks: { says: hello } }
gates: { missed_count: 0, pass_rate: 1 }
`;
      const rig = own(await startRig({ settings: { SUITES_DIR: suiteFolder(own, 'x.yaml', text) } }));
      const { run, cases: called } = await wholeRun(rig, { suite: 'x.yaml' });
      // What a stall makes of the caller's words is marked, too.
      const starved = starvedIn(called);
      const unlessStarved = (isWrong: boolean) =>
        skip(isWrong && starved > 0, `${starved} frames waited for the processor`);
      unlessStarved(run.counts.invalid > 0);
      expect(run.counts).toMatchObject({ passed: 1, failed: 1 });
      const store = new RunStore(join(rig.dataDir, 'test-runs'));
      const stored = await casesOf(run, store);
      const outlines = await outlinesOf(run.id, stored, store);
      const bad = spoilt(run, stored);
      for (const report of [run, bad.run]) expect(junitProblems(junitXml(report))).toEqual([]);

      const opened = own(await openChromium({ viewport: { width: 1_000, height: 1_400 } }));
      const { page, faults } = opened;
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      for (const [name, report, cases] of [
        ['report', run, stored],
        ['report-hostile', bad.run, bad.cases],
      ] as const) {
        const file = join(rig.dataDir, `${name}.html`);
        writeFileSync(
          file,
          htmlPage(report, cases, (id) => outlines.get(id)),
        );
        asked.length = 0;
        const address = pathToFileURL(file).href;
        await page.goto(address);
        await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
        await page.waitForTimeout(200);
        await shoot(page, name);
        expect(asked).toEqual([address]);
        expect(faults).toEqual([]);
        expect(await page.title()).not.toBe('taken');
        const seen = await page.evaluate<Seen>(LOOK);
        // Two calls, each with both sides' course, of which the second caller's is flat: he says nothing. Three turns of the first are marked with what came of them, and the silence behind the last.
        expect(seen).toMatchObject({ cases: 2, waves: [true, true, false, true], foreign: 0, handlers: 0 });
        const marks = seen.marks.map((mark) => mark.replace(/\d+ ms$/, 'n ms'));
        unlessStarved(marks.join() !== MARKS.join());
        expect(marks).toEqual(MARKS);
        if (report === bad.run) expect(seen.text).toContain('<script>document.title = "taken"</script>');
      }
    });
  }, 240_000);
});
