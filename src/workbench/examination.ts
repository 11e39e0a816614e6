import type { Config } from '../config.ts';
import type { Result } from '../doctor/check.ts';
import type { DoctorDeps } from '../doctor/deps.ts';

/** Checks of the doctor that would take ports from calls that run. */
const NOT_BESIDE_CALLS = ['port range', 'udp from outside'];

/**
 * Has the doctor look at a daemon that serves: at its settings, with the port that it has, and at the kinds that it knows. The doctor's parts are many, and are loaded when it is
 * asked for. `tell` must not throw. Never rejects for what is wrong.
 */
export async function examineLive(
  config: Config,
  kinds: Pick<DoctorDeps, 'agents' | 'carriers'>,
  port: number,
  tell: (result: Result) => void,
): Promise<void> {
  const { examine, systemDeps } = await import('../doctor/doctor.ts');
  await examine(systemDeps({ ...config, PORT: port }, kinds), { fix: false, tell, without: NOT_BESIDE_CALLS });
}
