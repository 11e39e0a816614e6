import { readFile, statfs } from 'node:fs/promises';
import { systemClock } from '../call/clock.ts';
import { openCarriers } from '../callers/phone/carriers/index.ts';
import type { Config } from '../config.ts';
import { startRealtimeServer } from '../simulator/realtime/index.ts';
import { carrierChecks } from './carrier.ts';
import { type Check, type DoctorDeps, type Result, runCheck, secretsOf } from './check.ts';
import { environmentChecks, type Machine } from './environment.ts';
import { mediaChecks } from './media.ts';
import { type Model, modelChecks, modelFailure, modelOf } from './model.ts';
import type { NumberOptions } from './number.ts';
import { operatorChecks } from './operators.ts';
import { installedParts, partChecks } from './parts.ts';
import { publicChecks } from './public.ts';
import { serviceChecks } from './services.ts';
import { clockCheck, SkewWatch } from './time.ts';

/** All checks, one after the other: each may need what one before it found, and none disturbs another's time. */

export interface ExamineOptions extends NumberOptions {
  /** Told each result as it comes. */
  readonly tell?: (result: Result) => void;
}

/** The machine's own time, network, disk and parts. */
export function systemDeps(config: Config): DoctorDeps {
  const carriers = openCarriers(config);
  return {
    config,
    carriers,
    fetch,
    clock: systemClock,
    freeBytes: async (folder) => {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
    limits: () => readFile('/proc/self/limits', 'utf8'),
    parts: () => installedParts(carriers.all),
  };
}

/** Examines a daemon's settings and surroundings. Never rejects for what is wrong with them; frees all that it opened. */
export async function examine(given: DoctorDeps, options: ExamineOptions): Promise<Result[]> {
  const { config, clock } = given;
  const secrets = secretsOf(given);
  const outside = new SkewWatch(clock);
  const results: Result[] = [];
  const run = async (checks: readonly Check[]) => {
    for (const check of checks) {
      const result = await runCheck(check, clock, secrets);
      results.push(result);
      options.tell?.(result);
    }
  };

  const machine: Machine = { mediaPorts: true, webrtc: true };
  await run(environmentChecks(given, machine));
  await run(partChecks(given, machine));

  const isEmbedded = config.OPENAI_API_KEY === undefined && config.OPENAI_BASE_URL === undefined;
  const embedded = isEmbedded ? await startRealtimeServer({ port: 0 }) : undefined;
  // The embedded model's time is this machine's own and proves nothing.
  const watched = { ...given, fetch: outside.watching(given.fetch) };
  const models = isEmbedded ? given : watched;
  try {
    await examineModel(models, embedded?.url, machine, run);
  } finally {
    await embedded?.close();
  }

  const way = publicChecks(given);
  try {
    await run(way.checks);
  } finally {
    await way.close();
  }
  await run(operatorChecks(given));
  await run(carrierChecks(watched, options));
  await run(serviceChecks(given));
  await run([clockCheck(outside)]);
  return results;
}

async function examineModel(
  deps: DoctorDeps,
  embeddedUrl: string | undefined,
  machine: Machine,
  run: (checks: readonly Check[]) => Promise<void>,
): Promise<void> {
  let model: Model;
  try {
    model = modelOf(deps, embeddedUrl);
  } catch (error) {
    const finding = modelFailure(error);
    return run([{ name: 'model key', run: async () => finding }]);
  }
  await run(modelChecks(deps, model));
  const media = mediaChecks(deps, model, machine);
  try {
    await run(media.checks);
  } finally {
    await media.close();
  }
}
