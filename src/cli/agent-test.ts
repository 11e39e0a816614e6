import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { errorMessage } from '../errors.ts';
import { readJson, readOperatorFile } from '../operator-file.ts';
import { casesOf, outlinesOf } from '../suites/http/tests-api.ts';
import { MASKS } from '../suites/mask.ts';
import { type Change, changesOf, type WholeRun } from '../suites/report/compare.ts';
import { htmlPage, type Outline } from '../suites/report/html.ts';
import { junitXml } from '../suites/report/junit.ts';
import { markdownReport } from '../suites/report/markdown.ts';
import { caseLines, summaryLines } from '../suites/report/text.ts';
import { caseReport, type RunReport, runReport } from '../suites/report/types.ts';
import { exitCodeOf } from '../suites/run.ts';
import type { RunOrder } from '../suites/runs.ts';
import { RunStore } from '../suites/store.ts';
import { type Ask, type OwnDaemon, openOwnDaemon } from './agent-test-daemon.ts';
import { UsageError } from './call-flags.ts';
import { type Output, runCommand } from './command.ts';

/**
 * `npm run agent-test`: runs a suite with a daemon of its own, in this process, by the interface that operators have. Exit status: 0 when all cases passed
 * and all gates were kept, 1 when not, 2 when something was not executed or invalid, or the command was wrong.
 */

const DEFAULT_SUITE = 'suites/self.yaml';
/** How often it is looked how far the run is, ms. */
const LOOK_MS = 500;

const USAGE = `Usage: npm run agent-test -- [suite.yaml] [options]

  suite.yaml         the suite (default ${DEFAULT_SUITE})
  --only TEXT        only cases with this in their name or id; may be given several times
  --repeat N         each case so often, whatever the suite says
  --concurrency N    calls at once
  --baseline FILE    an earlier --json, to show what changed
  --junit FILE       JUnit's XML
  --json FILE        the run and all its cases: docs/agent-tests.md says what each field is
  --html FILE        one page to look at
  --markdown FILE    a summary for a pull request's comment or a build's step
  --mask WHAT        what is left out of what is kept: ${MASKS.join(', ')}
  --resume RUN       go on with a run that was cut short
  --rejudge RUN      decide a run's cases anew, without a call; by the suite's file as it is now where one is named
  --listen           be reached at HOST and PORT, as the daemon is, whatever the suite needs: where a number or a
                     tool is behind this daemon's own routes. Suites with a target of the kind phone, or with
                     tools, do so by themselves
  --help             this text
`;

/** What the command line says. */
export interface TestFlags {
  /** Path of the suite's file; undefined: that of the run that is named. */
  readonly suite: string | undefined;
  readonly order: Omit<RunOrder, 'suite'>;
  /** Whether it is reached where the settings say, whatever the suite needs. */
  readonly listens: boolean;
  readonly baseline?: string | undefined;
  readonly junit?: string | undefined;
  readonly json?: string | undefined;
  readonly html?: string | undefined;
  readonly markdown?: string | undefined;
}

/** Throws a UsageError that says what is wrong. */
export function parseTestFlags(args: readonly string[]): TestFlags | 'help' {
  let parsed: ReturnType<typeof read>;
  try {
    parsed = read(args);
  } catch (error) {
    throw new UsageError(errorMessage(error));
  }
  const { values, positionals } = parsed;
  if (values.help) return 'help';
  if (positionals.length > 1) throw new UsageError('one suite at a time');
  const { resume, rejudge, mask, only, baseline, junit, json, html, markdown } = values;
  if (resume !== undefined && rejudge !== undefined) throw new UsageError('--resume or --rejudge, not both');
  const [named] = positionals;
  if (resume !== undefined && named !== undefined)
    throw new UsageError('--resume goes on with the suite as it was: name no file');
  const known = MASKS.find((one) => one === mask);
  if (mask !== undefined && known === undefined) throw new UsageError(`--mask takes ${MASKS.join(', ')}`);
  const isNew = resume === undefined && rejudge === undefined;
  return {
    suite: named ?? (isNew ? DEFAULT_SUITE : undefined),
    order: {
      only,
      repeat: numberIn('--repeat', values.repeat, 1_000),
      concurrency: numberIn('--concurrency', values.concurrency, 100),
      mask: known,
      resume,
      rejudge,
    },
    listens: values.listen,
    baseline,
    junit,
    json,
    html,
    markdown,
  };
}

const read = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: 'string', multiple: true },
      repeat: { type: 'string' },
      concurrency: { type: 'string' },
      baseline: { type: 'string' },
      junit: { type: 'string' },
      json: { type: 'string' },
      html: { type: 'string' },
      markdown: { type: 'string' },
      mask: { type: 'string' },
      resume: { type: 'string' },
      rejudge: { type: 'string' },
      listen: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });

function numberIn(name: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > most)
    throw new UsageError(`${name} takes a whole number from 1 to ${most}, not "${text}"`);
  return value;
}

/** Runs the command. Resolves with the exit status. `interrupted` aborts when the person at the keyboard wants it over. */
export async function main(args: readonly string[], output: Output, interrupted?: AbortSignal): Promise<number> {
  let flags: TestFlags | 'help';
  let before: WholeRun | undefined;
  try {
    flags = parseTestFlags(args);
    if (flags === 'help') {
      output.out(USAGE);
      return 0;
    }
    before = flags.baseline === undefined ? undefined : await baselineOf(flags.baseline);
  } catch (error) {
    output.err(`${errorMessage(error)}\nRun with --help to see all flags.\n`);
    return 2;
  }
  let daemon: OwnDaemon | undefined;
  try {
    daemon = await openOwnDaemon(flags);
    const { ask } = daemon;
    const suite = flags.suite === undefined ? undefined : basename(flags.suite);
    const begun = await ask('POST', '/tests/runs', { ...flags.order, suite });
    for (const line of daemon.about) output.out(`${line}\n`);
    output.out(`run ${begun.id}: ${begun.planned} cases of ${begun.suite}, ${begun.options.concurrency} at once\n`);
    const stop = () => void ask('POST', `/tests/runs/${begun.id}/stop`).catch(() => undefined);
    interrupted?.addEventListener('abort', stop);
    if (interrupted?.aborted) stop();
    const report = await follow(begun, ask, output);
    const store = new RunStore(daemon.folder);
    const { json, html } = flags;
    const isWhole = [json, html, before].some((wanted) => wanted !== undefined);
    const cases = isWhole ? await casesOf(report, store) : [];
    const outlines = html === undefined ? new Map<string, Outline>() : await outlinesOf(report.id, cases, store);
    const changes = before === undefined ? [] : changesOf(before, { run: report, cases });
    await writeReports(flags, { run: report, cases }, outlines, changes);
    output.out(`\n${summaryLines(report, before?.run, changes).join('\n')}\n\nkept in ${daemon.folder}/${report.id}\n`);
    return exitCodeOf(report);
  } catch (error) {
    output.err(`${errorMessage(error)}\n`);
    return 2;
  } finally {
    await daemon?.close();
  }
}

/** Tells each case as it ends, and whom the run waits for, until it is over. */
async function follow(begun: RunReport, ask: Ask, output: Output): Promise<RunReport> {
  const waits = new Set<string>();
  const told = new Set(begun.cases.map(({ id }) => id));
  const isJudged = begun.cases.length === begun.planned;
  for (;;) {
    const report = await ask('GET', `/tests/runs/${begun.id}`);
    const cases = isJudged && report.state === 'running' ? [] : report.cases;
    for (const one of cases) {
      if (told.has(one.id) && !isJudged) continue;
      told.add(one.id);
      output.out(`${caseLines(one).join('\n')}\n`);
    }
    for (const { kind, untilAt } of report.waiting ?? []) {
      const line = `no agent of the kind ${kind} is called before ${untilAt}: there was no place for a call\n`;
      if (!waits.has(line)) output.out(line);
      waits.add(line);
    }
    if (report.state !== 'running') return report;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function writeReports(
  { junit, json, html, markdown }: TestFlags,
  { run, cases }: WholeRun,
  outlines: ReadonlyMap<string, Outline>,
  changes: readonly Change[],
): Promise<void> {
  const files = [
    [junit, () => junitXml(run)],
    [json, () => `${JSON.stringify({ run, cases }, undefined, 1)}\n`],
    [html, () => htmlPage(run, cases, (id) => outlines.get(id))],
    [markdown, () => markdownReport(run, changes)],
  ] as const;
  for (const [file, text] of files) if (file !== undefined) await writeFile(file, text());
}

const baseline = z.object({ run: runReport, cases: z.array(caseReport).default([]) });

async function baselineOf(path: string): Promise<WholeRun> {
  const { value } = readJson(await readOperatorFile(path));
  const read = baseline.safeParse(value);
  if (!read.success) throw new UsageError(`--baseline ${path}: is not what --json writes`);
  return read.data;
}

if (import.meta.main) await runCommand(main, 2);
