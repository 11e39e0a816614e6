import { createRequire } from 'node:module';
import { checkAll } from '../agent-files/check.ts';
import type { OptionalPart } from '../callers/phone/carriers/checks.ts';
import type { Carriers } from '../callers/phone/carriers/index.ts';
import { CONTROL_ERRORS } from '../callers/phone/control/index.ts';
import { environment } from '../config.ts';
import { opusAvailable } from '../media/opus.ts';
import { webrtcAvailable } from '../transport/peer.ts';
import { type Check, type Finding, fail, pass, warn } from './check.ts';
import type { DoctorDeps, Parts } from './deps.ts';
import type { Machine } from './environment.ts';

/** What the daemon is made of: optional parts with native code, and the files that make the agent. */

/** Looks for the parts on this machine. */
export function installedParts(carriers: Carriers['all']): Parts {
  const [webrtc, opus] = [webrtcAvailable(), opusAvailable()];
  return {
    ...Object.fromEntries(carriersParts(carriers).map((part) => [part.name, missing(part.package)])),
    webrtc: webrtc.ok ? undefined : webrtc.reason,
    opus: opus.ok ? undefined : opus.reason,
  };
}

const carriersParts = (carriers: Carriers['all']): readonly OptionalPart[] =>
  carriers.flatMap(({ checks }) => checks.optionalParts ?? []);

function missing(name: string): string | undefined {
  try {
    createRequire(import.meta.url).resolve(name);
    return undefined;
  } catch {
    return `${name} is not installed`;
  }
}

export function partChecks(deps: DoctorDeps, machine: Machine): Check[] {
  return [
    { name: 'optional parts', run: async () => optionalParts(deps, machine) },
    { name: 'agent files', run: () => agentFiles(deps) },
  ];
}

/** Optional to npm, which installs without them in silence; to what the settings ask for they may not be. */
function optionalParts({ config, carriers, parts }: DoctorDeps, machine: Machine): Finding {
  const { webrtc, opus, ...others } = parts();
  const optional = carriersParts(carriers.all);
  machine.webrtc = webrtc === undefined;
  if (config.RECORDING === 'opus' && opus !== undefined)
    return fail(
      `RECORDING=opus, but ${opus}`,
      'Set RECORDING=wav, or run npm rebuild @discordjs/opus (needs python3, make, g++).',
    );
  const wanted = optional.find(({ name, isWanted }) => isWanted && others[name] !== undefined);
  if (wanted !== undefined)
    return fail(
      `CONTROL_DEPENDENCY_MISSING: ${wanted.wanted}, but ${others[wanted.name]}`,
      `${CONTROL_ERRORS.CONTROL_DEPENDENCY_MISSING} Run npm ci, or set ${wanted.instead}.`,
    );
  if (webrtc !== undefined) {
    const seen = `PEER_UNAVAILABLE: ${webrtc}`;
    const advice = 'Run npm ci on Linux with glibc, macOS or Windows; musl (Alpine) has no binary.';
    return config.USE_WEBRTC
      ? warn(seen, `${advice} Until then calls take the WebSocket, and pages cannot call.`)
      : warn(seen, `${advice} Until then pages cannot call; phone calls do not need it with USE_WEBRTC=false.`);
  }
  const absent = [opus, ...optional.map(({ name }) => others[name])].filter((why) => why !== undefined);
  if (absent.length > 0) return pass(`WebRTC can be loaded; not needed with these settings: ${absent.join('; ')}`);
  const titles = ['WebRTC', 'Opus', ...optional.map(({ title }) => title)];
  return pass(`${titles.slice(0, -1).join(', ')} and ${titles.at(-1)} can be loaded`);
}

/** Tools, prompts, routes and knowledge, as `npm run check` reads them: with a wrong one the daemon does not start. */
async function agentFiles({ config, agents }: DoctorDeps): Promise<Finding> {
  const { problems, warnings, seen } = await checkAll(config, environment, agents);
  const [first, ...more] = problems;
  if (first === undefined) {
    return warnings.length === 0 ? pass(seen.join(', ')) : warn(seen.join(', '), warnings.join(' '));
  }
  return fail(`${first}${more.length === 0 ? '' : ` (and ${more.length} more)`}`, 'npm run check tells all of them.');
}
