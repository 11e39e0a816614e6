/**
 * `npm run doctor`: looks at the settings, the machine, the model, the way in and the carrier, and says what is wrong and what to do.
 * Exit status: 0 without a failure, 1 with one, 2 for wrong flags.
 */

import { parseArgs } from 'node:util';
import { type Config, loadConfig, loadEnvFile, strayNames } from '../config.ts';
import { formatResult, type Result } from '../doctor/check.ts';
import { examine, systemDeps } from '../doctor/doctor.ts';
import { errorMessage } from '../errors.ts';
import { parseNumber } from '../numbering/number.ts';
import { type Output, runCommand } from './command.ts';

const USAGE = `Usage: npm run doctor -- [flags]

Checks what a call needs, one line each: pass, warn, fail or skip, what was seen and what to do.

  --number NUMBER   your number at the carrier, E.164 (default: OUTBOUND_FROM)
  --fix             set the number's voice webhook when it leads elsewhere; nothing else is changed
  --take-over       with --fix: also take the number from the SIP trunk or the application that has its calls now
  --json            print the results as JSON
  --help            this text
`;

/** Runs the command. Resolves with the exit status. */
export async function main(
  argv: readonly string[],
  output: Output,
  env?: Record<string, string | undefined>,
): Promise<number> {
  let flags: { number?: string; fix?: boolean; 'take-over'?: boolean; json?: boolean; help?: boolean };
  try {
    const [text, flag] = [{ type: 'string' }, { type: 'boolean' }] as const;
    const options = { number: text, fix: flag, 'take-over': flag, json: flag, help: flag };
    flags = parseArgs({ args: [...argv], options }).values;
    if (flags['take-over'] === true && flags.fix !== true)
      throw new Error('--take-over: goes with --fix, which makes the change');
    if (flags.number !== undefined) {
      const number = parseNumber(flags.number);
      if (number === undefined)
        throw new Error('--number: a number with its country code is expected, e.g. +15551234567');
      flags.number = number;
    }
  } catch (error) {
    output.err(`${errorMessage(error)}\nRun with --help to see all flags.\n`);
    return 2;
  }
  if (flags.help === true) {
    output.out(USAGE);
    return 0;
  }
  const isJson = flags.json === true;
  const tell = (result: Result) => {
    if (!isJson) output.out(formatResult(result));
  };
  const results: Result[] = [];
  const config = configuration(env, results);
  for (const result of results) tell(result);
  if (config !== undefined)
    results.push(
      ...(await examine(systemDeps(config), {
        number: flags.number,
        fix: flags.fix === true,
        takeOver: flags['take-over'] === true,
        tell,
      })),
    );
  const count = (status: Result['status']) => results.filter((result) => result.status === status).length;
  if (isJson) output.out(`${JSON.stringify(results, undefined, 2)}\n`);
  else output.out(`\n${count('pass')} pass, ${count('warn')} warn, ${count('fail')} fail, ${count('skip')} skip\n`);
  return count('fail') === 0 ? 0 : 1;
}

/** Reads the settings; each wrong one becomes a line, and nothing else can be checked then. */
function configuration(env: Record<string, string | undefined> | undefined, results: Result[]): Config | undefined {
  const name = 'configuration';
  try {
    if (env === undefined) loadEnvFile();
    const config = env === undefined ? loadConfig() : loadConfig(env);
    const stray = strayNames(env);
    for (const detail of stray)
      results.push({ name, status: 'warn', detail, advice: 'Correct the name, or take it out of the environment.' });
    if (stray.length === 0) results.push({ name, status: 'pass', detail: 'every setting can be read' });
    return config;
  } catch (error) {
    const [, ...wrong] = errorMessage(error).split('\n');
    for (const line of wrong)
      results.push({
        name,
        status: 'fail',
        detail: line.trim(),
        advice: 'Correct it in .env; .env.example tells all.',
      });
    if (wrong.length === 0)
      results.push({ name, status: 'fail', detail: errorMessage(error), advice: 'See docs/settings.md.' });
    return undefined;
  }
}

if (import.meta.main) await runCommand((argv, output) => main(argv, output));
