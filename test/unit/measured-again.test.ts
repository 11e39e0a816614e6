import { describe, expect, it } from 'vitest';
import { judgedAtLast, measuredAgain, TRIES } from '../integration/measured-again.ts';
import type { Own } from '../integration/rig-test.ts';

describe('what is measured on a machine that had no time for it', () => {
  /** Tries, whose machine has time from the `quietFrom`th on, and what became of them in order. */
  async function tries(quietFrom: number, fails = false, how = measuredAgain) {
    const did: string[] = [];
    const owned: Array<{ close(): Promise<void> }> = [];
    const own: Own = (one) => {
      owned.push(one);
      return one;
    };
    const skip = (condition: boolean, note?: string) => {
      if (condition) throw new Error(`skipped: ${note}`);
    };
    let n = 0;
    const outcome = await how({ own, skip }, async (own, skip) => {
      const mine = ++n;
      did.push(`try ${mine}`);
      own({ close: async () => void did.push(`close ${mine}`) });
      skip(mine < quietFrom, 'busy');
      if (fails) throw new Error('it is wrong');
    }).then(
      () => 'passed',
      (error: Error) => error.message,
    );
    await Promise.all(owned.map((one) => one.close()));
    return { outcome, did };
  }

  it('is measured again when all of the try before is closed', async () => {
    expect(await tries(2)).toEqual({ outcome: 'passed', did: ['try 1', 'close 1', 'try 2', 'close 2'] });
  });

  it('is skipped, with why, when it never had', async () => {
    const { outcome, did } = await tries(TRIES + 1);
    expect(outcome).toBe(`skipped: ${TRIES} times: busy`);
    expect(did.filter((one) => one.startsWith('try'))).toHaveLength(TRIES);
    expect(did.at(-1)).toBe(`close ${TRIES}`);
  });

  it('fails at once where the machine had time', async () => {
    expect(await tries(1, true)).toEqual({ outcome: 'it is wrong', did: ['try 1', 'close 1'] });
  });

  it('is judged by the last try where that is asked for, whatever there was time for', async () => {
    expect((await tries(TRIES + 1, true, judgedAtLast)).outcome).toBe('it is wrong');
    expect((await tries(TRIES + 1, false, judgedAtLast)).outcome).toBe('passed');
    expect((await tries(2, true, judgedAtLast)).did).toEqual(['try 1', 'close 1', 'try 2', 'close 2']);
  });
});
