import { describe, expect, it, vi } from 'vitest';
import type { TestModule } from 'vitest/node';
import Totals from '../reporter.ts';

/** A file of the suite whose tests took these milliseconds. */
function file(name: string, ms: readonly number[]): TestModule {
  const tests = ms.map((duration, i) => ({
    fullName: `test ${i}`,
    diagnostic: () => ({ duration }),
    result: () => ({ state: 'passed' }),
  }));
  const duration = ms.reduce((sum, one) => sum + one, 0);
  return {
    moduleId: `${process.cwd()}/test/${name}.test.ts`,
    diagnostic: () => ({ collectDuration: 500, duration }),
    state: () => 'passed',
    children: { allTests: () => tests },
  } as unknown as TestModule;
}

function printed(modules: TestModule[]): string[] {
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  // What CI could not look at is told of the run that this test is part of.
  vi.stubEnv('NOT_AUDITED', '');
  new Totals().onTestRunEnd(modules, []);
  vi.unstubAllEnvs();
  write.mockRestore();
  return written.join('').trim().split('\n');
}

describe('the end of a run', () => {
  it('names the ten slowest files and tests, the slowest first', () => {
    const lines = printed(Array.from({ length: 12 }, (_, i) => file(`f${i}`, [i * 1_000, 100])));
    const files = lines.slice(1, 11);
    expect(lines[0]).toBe('Slowest files:');
    expect(files[0]).toBe('   11.6 s  test/f11.test.ts');
    expect(files.at(-1)).toBe('    2.6 s  test/f2.test.ts');
    expect(lines[12]).toBe('Slowest tests:');
    expect(lines[13]).toBe('   11.0 s  test/f11.test.ts: test 0');
    expect(lines.slice(13, 23).every((line) => line.includes(' s  test/f'))).toBe(true);
    expect(lines.at(-1)).toBe('24 passed, 0 failed, 0 skipped');
  });

  it('names none where they would be all of them', () => {
    expect(printed([file('f', [1, 2])])).toEqual(['2 passed, 0 failed, 0 skipped']);
  });
});
