import { type CheckedSettings, checkAll } from '../agent-files/check.ts';
import { comfortSounds } from '../comfort-sound.ts';
import * as config from '../config.ts';
import { errorMessage } from '../errors.ts';
import type { EnvLookup } from '../tools/http-tool.ts';
import { defaultToolSettings } from '../tools/settings.ts';

/** `npm run check`: settings, tools, prompts, routes and knowledge, checked together, all problems at once. */

/** The settings of tools as the environment has them; throws CONFIG_INVALID. */
export function settingsFromEnvironment(): { settings: CheckedSettings; env: EnvLookup; stray: readonly string[] } {
  config.loadEnvFile();
  const loaded = config.loadConfig();
  comfortSounds(loaded.ANSWER_FILLER);
  return { settings: { ...defaultToolSettings(), ...loaded }, env: config.environment, stray: config.strayNames() };
}

if (import.meta.main) {
  try {
    const { settings, env, stray } = settingsFromEnvironment();
    const { problems, warnings, seen } = await checkAll(settings, env);
    for (const warning of [...stray, ...warnings]) process.stderr.write(`warning: ${warning}\n`);
    for (const problem of problems) process.stderr.write(`${problem}\n`);
    process.stdout.write(
      `${seen.join(', ')}: ${problems.length === 0 ? 'all is well' : `${problems.length} problems`}\n`,
    );
    process.exitCode = problems.length === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${errorMessage(error)}\n`);
    process.exitCode = 1;
  }
}
