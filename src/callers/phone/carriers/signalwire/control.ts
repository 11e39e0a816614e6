import { configured } from '../../control/configured.ts';
import type { CallControl } from '../../control/control.ts';
import type { ControlDeps } from '../carrier.ts';
import { SignalWireRelay } from './relay.ts';
import { signalWireRest } from './rest.ts';
import type { SignalWireSettings } from './settings.ts';

/** Who asks the REST API, and where; undefined where that is not set whole. */
export function signalwireCredentials({
  SIGNALWIRE_PROJECT_ID: projectId,
  SIGNALWIRE_TOKEN: token,
  SIGNALWIRE_SPACE: space,
  SIGNALWIRE_API_URL: baseUrl,
}: SignalWireSettings) {
  if (projectId === undefined || token === undefined) return undefined;
  return space === undefined && baseUrl === undefined ? undefined : { projectId, token, space, baseUrl };
}

/** SignalWire's control of calls, as the settings have it; undefined without credentials. Throws CONFIG_INVALID. */
export function signalwireControl(
  settings: SignalWireSettings,
  { clock, log, host, onStatus }: ControlDeps,
): CallControl | undefined {
  const credentials = signalwireCredentials(settings);
  if (credentials === undefined) return undefined;
  return configured('SIGNALWIRE_SPACE, SIGNALWIRE_PROJECT_ID or SIGNALWIRE_API_URL', () => {
    const rest = signalWireRest({ ...credentials, host, clock, log });
    if (settings.SIGNALWIRE_CONTROL === 'rest') return rest;
    return new SignalWireRelay({
      projectId: credentials.projectId,
      token: credentials.token,
      host: settings.SIGNALWIRE_RELAY_URL,
      rest,
      onStatus: (carrierCallId, status) => onStatus({ ...rest.account, carrierCallId }, status),
      clock,
      log,
    });
  });
}
