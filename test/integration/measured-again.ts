import type { Own } from './rig-test.ts';

/** `skip` of a test's context. */
export type Skip = (condition: boolean, note?: string) => void;

/** How often something is measured where the machine had no time for it: the next minute may be a quieter one. */
export const TRIES = 3;

class Unmeasured extends Error {}

interface Context {
  readonly own: Own;
  readonly skip: Skip;
}
type Measure = (own: Own, skip: Skip) => Promise<void>;

/**
 * Measures, and again where the machine had no time for it, when all of the try before is closed. `measure` is given an `own` and a `skip` of its own: by `skip` it says that there was no
 * time, which ends a try, and only the last one's skips the test. All else that it throws fails the test at once.
 */
export function measuredAgain(context: Context, measure: Measure): Promise<void> {
  return again(context, measure, (note) => context.skip(true, `${TRIES} times: ${note}`));
}

/** As `measuredAgain`, but the last try is judged by what it measured, whatever the machine had time for: where what is shown of it may be so on a quiet machine, too, what is wrong each time is a fault. */
export function judgedAtLast(context: Context, measure: Measure): Promise<void> {
  return again(context, measure, () => {});
}

async function again({ own }: Context, measure: Measure, atLast: (note: string) => void): Promise<void> {
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
        atLast(note);
      });
    } catch (error) {
      if (!(error instanceof Unmeasured)) throw error;
      process.stdout.write(`measured again: ${error.message}\n`);
      await closeAll();
    }
  }
}
