/** `skip` of a test's context. */
export type Skip = (condition: boolean, note?: string) => void;

/** How often something is measured where the machine had no time for it: the next minute may be a quieter one. */
const TRIES = 3;

class Unmeasured extends Error {}

/**
 * Measures, and again where the machine had no time for it. `measure` is given a `skip` of its own, by which it says so: that ends a try, and only the last one's skips the test. All else that
 * it throws fails the test at once.
 */
export async function measuredAgain(skip: Skip, measure: (skip: Skip) => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await measure((condition, note = 'the machine had no time for it') => {
        if (!condition) return;
        if (tries < TRIES) throw new Unmeasured(note);
        skip(true, `${TRIES} times: ${note}`);
      });
    } catch (error) {
      if (!(error instanceof Unmeasured)) throw error;
      process.stdout.write(`measured again: ${error.message}\n`);
    }
  }
}
