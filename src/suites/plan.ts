import { createHash } from 'node:crypto';
import type { Suite, SuiteCase } from './load.ts';

/** Which calls a run consists of. Pure. */

export interface PlannedCase extends SuiteCase {
  /** Unique in the run: the case's id, and which of its repeats it is. */
  readonly id: string;
  readonly repetition: number;
  readonly seed: number;
}

export interface PlanOptions {
  /** Cases whose name or id has one of these texts in it. */
  readonly only?: readonly string[] | undefined;
  /** In place of the suite's and the cases' own. */
  readonly repeat?: number | undefined;
}

/** The calls in their order: all cases once, then all again, so that a run that is cut short has seen each. */
export function planOf(suite: Suite, { only, repeat }: PlanOptions = {}): PlannedCase[] {
  const wanted = suite.cases.filter(
    ({ id, name }) => only === undefined || only.some((text) => isMeant(text, id, name)),
  );
  const most = Math.max(0, ...wanted.map((one) => repeat ?? one.repeat));
  return Array.from({ length: most }, (_, i) => i + 1).flatMap((repetition) =>
    wanted
      .filter((one) => repetition <= (repeat ?? one.repeat))
      .map((one) => {
        // No name of a case has a dot: "call" for the first time is no "call r1".
        const id = (repeat ?? one.repeat) === 1 ? one.id : `${one.id}.r${repetition}`;
        return { ...one, id, repetition, seed: seedOf(suite.seed, id) };
      }),
  );
}

const isMeant = (text: string, id: string, name: string) =>
  id === text || name.toLowerCase().includes(text.toLowerCase()) || id.includes(text.toLowerCase());

/** Another one for each call, the same each time. */
function seedOf(seed: number, id: string): number {
  return createHash('sha256').update(`${seed}\n${id}`).digest().readUInt32BE(0) >>> 1;
}
