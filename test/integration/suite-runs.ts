import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { CaseReport, RunReport } from '../../src/suites/report/types.ts';
import { askAsOperator } from './operator.ts';
import type { Rig } from './rig.ts';
import type { Own } from './rig-test.ts';

/** Runs of suites by a whole daemon, as operators have them. */

export const json = async <T>(rig: Pick<Rig, 'url'>, path: string, init?: RequestInit): Promise<T> =>
  (await askAsOperator(`${rig.url}${path}`, init)).json() as Promise<T>;

export const post = (body: object): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});

/** A folder with one suite in it. */
export function suiteFolder(own: Own, name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'suites-'));
  own({ close: async () => rmSync(folder, { recursive: true, force: true }) });
  writeFileSync(join(folder, name), text);
  return folder;
}

/** The run when it is over. */
export const ended = (rig: Pick<Rig, 'url'>, id: string, ms = 80_000): Promise<RunReport> =>
  vi.waitFor(
    async () => {
      const report = await json<RunReport>(rig, `/tests/runs/${id}`);
      if (report.state === 'running') throw new Error('the run goes on');
      return report;
    },
    { timeout: ms, interval: 200 },
  );

/** How often frames of the callers waited because the process was not given the processor. */
export const starvedIn = (cases: readonly CaseReport[]) =>
  cases.reduce((sum, one) => sum + (one.caller?.pace?.starved ?? 0), 0);

/** A gate of a time in reasons, and what is said of a caller whose words broke because this process was not given the processor. */
const TIMES = /^\w+_ms (at |:)/;
const NO_PROCESSOR = /because this process was not given the processor$/;

/**
 * Whether all that is wrong with a run is of time, and a machine that is busy with others has a part in it: bounds of times that were not kept, and calls that do not
 * count because the caller's words broke. What was said, counted and judged in a call that counts is of no time.
 */
export function isOnlyLate({
  run,
  cases,
}: {
  readonly run: RunReport;
  readonly cases: readonly CaseReport[];
}): boolean {
  const isOfTime = ({ state, reasons }: CaseReport) =>
    state === 'passed' ||
    (state === 'failed' && reasons.every((reason) => TIMES.test(reason))) ||
    (state === 'invalid' && reasons.some((reason) => NO_PROCESSOR.test(reason)));
  const gates = run.gates.filter(({ state }) => state !== 'kept');
  // How many passed says again what their reasons say.
  const areOfTime = gates.every(({ figure }) => figure.endsWith('_ms') || figure === 'pass_rate');
  return starvedIn(cases) > 0 && cases.every(isOfTime) && areOfTime;
}

/** Runs a suite to its end; its cases with all that is known of them. */
export async function wholeRun(rig: Pick<Rig, 'url'>, order: object): Promise<{ run: RunReport; cases: CaseReport[] }> {
  const { id } = await json<RunReport>(rig, '/tests/runs', post(order));
  const run = await ended(rig, id);
  const cases = await Promise.all(run.cases.map((one) => json<CaseReport>(rig, `/tests/runs/${id}/cases/${one.id}`)));
  return { run, cases };
}
