import { describe, expect, it } from 'vitest';
import type { Change } from '../../../src/suites/report/compare.ts';
import { markdownReport, plainMarkdown } from '../../../src/suites/report/markdown.ts';
import { repeatsOf } from '../../../src/suites/report/repeats.ts';
import type { CaseSummary, RunReport } from '../../../src/suites/report/types.ts';

const caseOf = (id: string, state: CaseSummary['state'], reasons: string[] = []): CaseSummary => ({
  id,
  name: `Case ${id}`,
  state,
  reasons,
  repetition: 1,
  attempts: 1,
  durationMs: 9_000,
});

function runOf(cases: readonly CaseSummary[], more: Partial<RunReport> = {}): RunReport {
  const counts = { passed: 0, failed: 0, invalid: 0, 'not-executed': 0 };
  for (const { state } of cases) counts[state]++;
  return {
    format: 1,
    id: '20300102-030405-abc123',
    suite: 'Bookings',
    suiteFile: 'bookings.yaml',
    suiteHash: 'ab'.repeat(32),
    state: 'failed',
    startedAt: '2030-01-02T03:04:05.000Z',
    process: { pid: 1, host: 'x' },
    options: { concurrency: 1, mask: 'off' },
    planned: cases.length,
    counts,
    spent: { minutes: 1.25, money: 0.5 },
    cases: [...cases],
    gates: [],
    notes: [],
    ...more,
  };
}

describe('words in Markdown', () => {
  it('stay words: no markup, no link, nobody and nothing that is called by name', () => {
    const said = plainMarkdown(
      '**a** [b](http://c) `d` <img src=x> ~e~ | @somebody #12 f_g_h & www.example.com\n- $x$',
    );
    expect(said.replaceAll('\u2060', '·')).toBe(
      '\\*\\*a\\*\\* \\[b\\](http:·//c) \\`d\\` &lt;img src=x&gt; \\~e\\~ \\| @·somebody \\#·12 f\\_g\\_h &amp; www·.example.com - \\$x\\$',
    );
    expect(['- a', '1. b', '# c', '+ d', '= e'].map(plainMarkdown)).toEqual([
      '\\- a',
      '1\\. b',
      '\\#\u2060 c',
      '\\+ d',
      '\\= e',
    ]);
  });
});

describe('a run in Markdown', () => {
  const changes: Change[] = [
    { name: 'response latency p50', unit: 'ms', before: 700, now: 812, low: 40, high: 180 },
    { name: 'cases that pass', unit: 'share', before: 1, now: 0.5, low: null, high: null },
  ];

  it('says in what it failed, what changed for certain, and how far cases can be relied on', () => {
    const cases = [
      caseOf('a.r1', 'passed'),
      caseOf('a.r2', 'failed', ['says "friday": the agent did not say it']),
      caseOf('b.r1', 'passed'),
      caseOf('b.r2', 'passed'),
    ];
    const repeats = repeatsOf(cases)!;
    const gates: RunReport['gates'] = [
      { figure: 'missed_count', unit: 'times', max: 0, value: 1, n: 12, state: 'broken' },
    ];
    expect(markdownReport(runOf(cases, { repeats, gates, notes: ['one note'] }), changes)).toBe(`## ❌ Bookings: failed

**3 passed**, 1 failed, 0 invalid, 0 not executed, of 4; 1.3 minutes of calls, 0.50 in money.

| gate |  |
| --- | --- |
| **broken** | missed\\_count at most 0: 1 (n 12) |

| since the earlier run |  |
| --- | --- |
| response latency p50 | **700 ms -&gt; 812 ms, +112 ms (95 %: +40 ms to +180 ms)** |
| cases that pass | 100 % -&gt; 50 %, -50 % (too few calls to tell) |

| repeats |  |
| --- | --- |
| pass^1 | 0.75 (2 cases) |
| pass^2 | 0.50 (2 cases) |
| flaky: Case a.r1 | passed 1 of 2 |

<details open><summary>Cases that did not pass</summary>

- ❌ **Case a.r2** (a.r2): failed
  - says "friday": the agent did not say it

</details>

Note: one note

<sub>Run 20300102-030405-abc123, suite bookings.yaml (SHA-256 abababababab), 2030-01-02T03:04:05.000Z.</sub>
`);
  });

  it('fits into a comment, however much went wrong, and says how much is left out', () => {
    const reasons = Array.from({ length: 20 }, () => '*'.repeat(2_000));
    const cases = Array.from({ length: 400 }, (_, i) => caseOf(`c${i}`, 'failed', reasons));
    const text = markdownReport(runOf(cases));
    expect(text.length).toBeLessThan(65_536);
    const told = text.match(/^- ❌/gm)!.length;
    expect(told).toBeGreaterThan(5);
    expect(text).toContain(`- and ${400 - told} more`);
    expect(text).toContain('  - and 15 more');
    expect(text.trimEnd().endsWith('</sub>')).toBe(true);
  });

  it('is short where nothing is wrong', () => {
    const text = markdownReport(runOf([caseOf('a', 'passed')], { state: 'passed' }));
    expect(text).toMatch(/^## ✅ Bookings: passed/);
    expect(text).not.toMatch(/details|gate|repeats/);
  });
});
