import type { Own } from './rig-test.ts';

/** `skip` of a test's context. */
export type Skip = (condition: boolean, note?: string) => void;

/** How often something is measured where the machine had no time for it: the next minute may be a quieter one. */
export const TRIES = 3;

class Unmeasured extends Error {}

/**
 * Measures, and again where the machine had no time for it, when all of the try before is closed. `measure` is given an `own` and a `skip` of its own: by `skip` it says that there was no
 * time, which ends a try, and only the last one's skips the test. All else that it throws fails the test at once.
 */
export async function measuredAgain(
  { own, skip }: { readonly own: Own; readonly skip: Skip },
  measure: (own: Own, skip: Skip) => Promise<void>,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const its: Array<{ close(): Promise<void> }> = [];
    const closeAll = async () => {
      await Promise.all(its.splice(0).map((one) => one.close()));
    };
    own({ close: closeAll });
    const mine: Own = (one) => {
      its.push(one);
      return one;
    };
    try {
      return await measure(mine, (condition, note = 'the machine had no time for it') => {
        if (!condition) return;
        if (tries < TRIES) throw new Unmeasured(note);
        skip(true, `${TRIES} times: ${note}`);
      });
    } catch (error) {
      if (!(error instanceof Unmeasured)) throw error;
      process.stdout.write(`measured again: ${error.message}\n`);
      await closeAll();
    }
  }
}
