import type { CarrierChecks } from '../checks.ts';
import { lamlAccount } from '../laml/account.ts';
import { lamlTrials } from '../laml/trials.ts';
import { signalwireCredentials } from './control.ts';
import { RELAY_PACKAGE } from './relay-sdk.ts';
import { signalwireBase } from './rest.ts';
import type { SignalWireSettings } from './settings.ts';

/** What the doctor asks of SignalWire. */
export function signalwireChecks(settings: SignalWireSettings): CarrierChecks {
  const { SIGNALWIRE_SIGNING_KEY: keys, SIGNALWIRE_TOKEN: token } = settings;
  return {
    secrets: [...(token === undefined ? [] : [token]), ...keys],
    optionalParts: [
      {
        name: 'relay',
        package: RELAY_PACKAGE,
        title: 'SignalWire’s relay',
        wanted: 'SIGNALWIRE_CONTROL=relay',
        isWanted: settings.SIGNALWIRE_CONTROL === 'relay',
        instead: 'SIGNALWIRE_CONTROL=rest',
      },
    ],
    signingSecret: keys[0],
    ...lamlTrials({ setting: 'SIGNALWIRE_SIGNING_KEY', header: 'X-SignalWire-Signature', secrets: keys }),
    account(via) {
      const credentials = signalwireCredentials(settings);
      if (credentials === undefined) return undefined;
      const { projectId, token: password } = credentials;
      return lamlAccount(
        {
          url: `${signalwireBase(credentials)}/api/laml/2010-04-01/Accounts/${encodeURIComponent(projectId)}/IncomingPhoneNumbers`,
          suffix: '',
          user: projectId,
          password,
          settings: 'SIGNALWIRE_PROJECT_ID, SIGNALWIRE_TOKEN and SIGNALWIRE_SPACE',
          // What the newer dashboard gives a number to (scripts, resources) is not in this API.
          unseenOwner: {
            seen: 'the number has no webhook; whether a script in SignalWire’s dashboard has its calls cannot be seen from here',
            advice: 'Set the webhook in the dashboard, where it shows what the number does now',
          },
        },
        via,
      );
    },
  };
}
