import { createRequire } from 'node:module';
import { CONTROL_ERRORS } from '../callers/phone/control/index.ts';
import { checkAll } from '../cli/check.ts';
import { environment } from '../config.ts';
import { opusAvailable } from '../media/opus.ts';
import { webrtcAvailable } from '../transport/peer.ts';
import { type Check, type DoctorDeps, type Finding, fail, type Parts, pass, warn } from './check.ts';
import type { Machine } from './environment.ts';

/** What the daemon is made of: optional parts with native code, and the files that make the agent. */

/** Looks for the parts on this machine. */
export function installedParts(): Parts {
  const [webrtc, opus] = [webrtcAvailable(), opusAvailable()];
  return {
    webrtc: webrtc.ok ? undefined : webrtc.reason,
    opus: opus.ok ? undefined : opus.reason,
    relay: relayMissing(),
  };
}

function relayMissing(): string | undefined {
  try {
    createRequire(import.meta.url).resolve('@signalwire/realtime-api');
    return undefined;
  } catch {
    return '@signalwire/realtime-api is not installed';
  }
}

export function partChecks(deps: DoctorDeps, machine: Machine): Check[] {
  return [
    { name: 'optional parts', run: async () => optionalParts(deps, machine) },
    { name: 'agent files', run: () => agentFiles(deps) },
  ];
}

/** Optional to npm, which installs without them in silence; to what the settings ask for they may not be. */
function optionalParts({ config, parts }: DoctorDeps, machine: Machine): Finding {
  const { webrtc, opus, relay } = parts();
  machine.webrtc = webrtc === undefined;
  if (config.RECORDING === 'opus' && opus !== undefined)
    return fail(
      `RECORDING=opus, but ${opus}`,
      'Set RECORDING=wav, or run npm rebuild @discordjs/opus (needs python3, make, g++).',
    );
  if (config.SIGNALWIRE_CONTROL === 'relay' && relay !== undefined)
    return fail(
      `CONTROL_DEPENDENCY_MISSING: SIGNALWIRE_CONTROL=relay, but ${relay}`,
      `${CONTROL_ERRORS.CONTROL_DEPENDENCY_MISSING} Run npm ci, or set SIGNALWIRE_CONTROL=rest.`,
    );
  if (webrtc !== undefined) {
    const seen = `PEER_UNAVAILABLE: ${webrtc}`;
    const advice = 'Run npm ci on Linux with glibc, macOS or Windows; musl (Alpine) has no binary.';
    return config.USE_WEBRTC
      ? warn(seen, `${advice} Until then calls take the WebSocket, and pages cannot call.`)
      : warn(seen, `${advice} Until then pages cannot call; phone calls do not need it with USE_WEBRTC=false.`);
  }
  const missing = [opus === undefined ? '' : opus, relay ?? ''].filter((why) => why !== '');
  return pass(
    missing.length === 0
      ? 'WebRTC, Opus and SignalWire’s relay can be loaded'
      : `WebRTC can be loaded; not needed with these settings: ${missing.join('; ')}`,
  );
}

/** Tools, prompts, routes and knowledge, as `npm run check` reads them: with a wrong one the daemon does not start. */
async function agentFiles({ config }: DoctorDeps): Promise<Finding> {
  const { problems, warnings, seen } = await checkAll(config, environment);
  const [first, ...more] = problems;
  if (first === undefined) {
    return warnings.length === 0 ? pass(seen.join(', ')) : warn(seen.join(', '), warnings.join(' '));
  }
  return fail(`${first}${more.length === 0 ? '' : ` (and ${more.length} more)`}`, 'npm run check tells all of them.');
}
