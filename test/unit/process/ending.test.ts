import { describe, expect, it } from 'vitest';
import { type Ended, endingOf } from '../../../src/process/ending.ts';
import { Tail } from '../../../src/process/tail.ts';
import { readUsage, usageOf } from '../../../src/process/usage.ts';

const ended = (what: Partial<Ended>) =>
  endingOf({ code: null, signal: null, failure: undefined, stderr: '', reason: undefined, ...what });

describe('why a process ended', () => {
  it.each<[string, Partial<Ended>, string]>([
    ['an exit with 0 is an end of its own', { code: 0 }, 'finished'],
    ['another status is a failure', { code: 1 }, 'failed'],
    ['an abort is told from a failure', { signal: 'SIGABRT' }, 'aborted'],
    ['so is a fault of memory', { signal: 'SIGSEGV' }, 'aborted'],
    ['and an abort behind a shell', { code: 134 }, 'aborted'],
    [
      "an abort after the engine's own word is a full heap",
      {
        signal: 'SIGABRT',
        stderr: 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
      },
      'out-of-memory',
    ],
    ['a SIGKILL that is not ours comes from outside', { signal: 'SIGKILL' }, 'signalled'],
    ['ours has its reason', { signal: 'SIGKILL', reason: 'did not end in time' }, 'killed'],
    ['what never ran was not started', { failure: new Error('spawn EAGAIN') }, 'not-started'],
  ])('%s', (_, what, kind) => {
    expect(ended(what).kind).toBe(kind);
  });

  it('never quotes what the process wrote, which may be a caller', () => {
    expect(ended({ signal: 'SIGABRT', stderr: 'my number is +12025550143' }).detail).not.toContain('555');
  });
});

describe('what a process holds', () => {
  it('is read from what Linux says of it', () => {
    expect(readUsage('Name:\tnode\nVmPeak:\t  900 kB\nVmRSS:\t   1024 kB\nThreads:\t11\n')).toEqual({
      rss: 1_048_576,
      threads: 11,
    });
  });

  it('is unknown of one that has ended', async () => {
    expect(readUsage('Name:\tnode\nState:\tZ (zombie)\nThreads:\t1\n')).toBeUndefined();
    expect(await usageOf(2 ** 22 + 1)).toBeUndefined();
  });
});

describe('the last words of a process', () => {
  it('are kept, and what came long before is not', () => {
    const tail = new Tail();
    for (let n = 0; n < 1_000; n++) tail.add(Buffer.from(`line ${n} ${'x'.repeat(200)}\n`));
    expect(tail.text).toContain('line 999');
    expect(tail.text).not.toContain('line 900 ');
    expect(tail.text.length).toBeLessThan(9_000);
  });
});
