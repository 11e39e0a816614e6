import { existsSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { AGENTS } from '../agents/index.ts';
import { systemClock } from '../call/clock.ts';
import { openCarriers } from '../callers/phone/carriers/index.ts';
import type { Config } from '../config.ts';
import { carrierChecks } from './carrier.ts';
import { type Check, type Result, runCheck, skip } from './check.ts';
import { type DoctorDeps, secretsOf } from './deps.ts';
import { environmentChecks, type Machine } from './environment.ts';
import { livekitChecks } from './livekit.ts';
import { mediaInChecks } from './media-in.ts';
import type { NumberOptions } from './number.ts';
import { operatorChecks } from './operators.ts';
import { installedParts, partChecks } from './parts.ts';
import { publicChecks } from './public.ts';
import { serviceChecks } from './services.ts';
import { clockCheck, SkewWatch } from './time.ts';
import { turnChecks } from './turn.ts';
import { whatsappChecks } from './whatsapp.ts';

/** All checks, one after the other: each may need what one before it found, and none disturbs another's time. */

export interface ExamineOptions extends NumberOptions {
  /** Told each result as it comes. */
  readonly tell?: (result: Result) => void;
  /** Names of checks that are left out: those that would take something from calls that run. */
  readonly without?: readonly string[];
}

const LEFT_OUT = 'not while the daemon serves calls: run npm run doctor beside it';

/** The machine's own time, network, disk and parts. `tables`: in place of the daemon's own. */
export function systemDeps(config: Config, tables: Partial<Pick<DoctorDeps, 'agents' | 'carriers'>> = {}): DoctorDeps {
  const { agents = AGENTS, carriers = openCarriers(config) } = tables;
  return {
    config,
    agents,
    carriers,
    fetch,
    clock: systemClock,
    freeBytes: async (folder) => {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
    limits: () => readFile('/proc/self/limits', 'utf8'),
    addresses: () => Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
    // Of Docker and of Podman.
    inContainer: () => existsSync('/.dockerenv') || existsSync('/run/.containerenv'),
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
      const left =
        options.without?.includes(check.name) === true ? { ...check, run: async () => skip(LEFT_OUT) } : check;
      const result = await runCheck(left, clock, secrets);
      results.push(result);
      options.tell?.(result);
    }
  };

  const machine: Machine = { mediaPorts: true, webrtc: true };
  await run(environmentChecks(given, machine));
  await run(partChecks(given, machine));

  const watched = { ...given, fetch: outside.watching(given.fetch) };
  for (const kind of given.agents) {
    const agent = await kind.checks?.(config, { clock, fetch: given.fetch, outside: watched.fetch, machine });
    try {
      await run(agent?.checks ?? []);
    } finally {
      await agent?.close();
    }
  }
  await run(turnChecks(given, machine));
  await run(mediaInChecks(given, machine));

  const way = publicChecks(given);
  try {
    await run(way.checks);
  } finally {
    await way.close();
  }
  await run(operatorChecks(given));
  await run(carrierChecks(watched, options));
  await run(whatsappChecks(watched));
  await run(livekitChecks(watched));
  await run(serviceChecks(given));
  await run([clockCheck(outside)]);
  return results;
}
