import { relative } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

const SLOWEST = 10;

/**
 * Ends a run of many files with the slowest of them and of their tests, what was skipped and why, what CI could not look at (NOT_AUDITED), and one line of totals. Durations:
 * of a file from its import to its last hook; of a test its own, though others may have run beside it.
 */
export default class Totals implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<unknown>): void {
    let passed = 0;
    let failed = errors.length;
    let skipped = 0;
    const files: Array<[ms: number, name: string]> = [];
    const tests: Array<[ms: number, name: string]> = [];
    for (const module of modules) {
      const file = relative(process.cwd(), module.moduleId);
      const { collectDuration, duration } = module.diagnostic();
      files.push([collectDuration + duration, file]);
      if (module.state() === 'failed' && [...module.children.allTests()].length === 0) failed++;
      for (const test of module.children.allTests()) {
        tests.push([test.diagnostic()?.duration ?? 0, `${file}: ${test.fullName}`]);
        const result = test.result();
        if (result.state === 'passed') passed++;
        else if (result.state === 'failed') failed++;
        else {
          skipped++;
          const why = result.state === 'skipped' ? (result.note ?? 'no reason given') : 'did not run';
          process.stdout.write(`SKIPPED ${module.moduleId}: ${test.fullName}: ${why}\n`);
        }
      }
    }
    const { NOT_AUDITED: missing = '' } = process.env;
    process.stdout.write(
      `${files.length > SLOWEST ? slowest('files', files) + slowest('tests', tests) : ''}\n${missing === '' ? '' : `${missing}\n`}${passed} passed, ${failed} failed, ${skipped} skipped\n`,
    );
  }
}

/** A list of the slowest, in seconds. */
function slowest(what: string, durations: Array<[ms: number, name: string]>): string {
  const lines = durations
    .sort(([a], [b]) => b - a)
    .slice(0, SLOWEST)
    .map(([ms, name]) => `${(ms / 1_000).toFixed(1).padStart(7)} s  ${name}\n`);
  return `\nSlowest ${what}:\n${lines.join('')}`;
}
