import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with what was skipped and why, what CI could not look at (NOT_AUDITED), and one line of totals. */
export default class Totals implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<unknown>): void {
    let passed = 0;
    let failed = errors.length;
    let skipped = 0;
    for (const module of modules) {
      if (module.state() === 'failed' && [...module.children.allTests()].length === 0) failed++;
      for (const test of module.children.allTests()) {
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
      `\n${missing === '' ? '' : `${missing}\n`}${passed} passed, ${failed} failed, ${skipped} skipped\n`,
    );
  }
}
