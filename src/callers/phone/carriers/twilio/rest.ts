import { checkBase } from '../../control/control.ts';
import { ControlError } from '../../control/errors.ts';
import type { RestOptions } from '../../control/rest.ts';
import { LamlControl } from '../laml/control.ts';

export interface TwilioRestOptions extends Omit<RestOptions, 'user' | 'password'> {
  /** AC… */
  readonly accountSid: string;
  /** The auth token, or the secret of `keySid`. */
  readonly authToken: string;
  /** SK…: an API key in place of the account's own token. https://www.twilio.com/docs/iam/api-keys */
  readonly keySid?: string | undefined;
  /** https://api.twilio.com when left out; its regional names, or a stand-in. */
  readonly baseUrl?: string | undefined;
}

/**
 * Call control through Twilio's REST API. A transfer sends its instructions along, so nothing has to be fetched. Digits cannot be played
 * while the media stream runs: the only way, new instructions with `<Play digits>`, would end the stream. Throws CONTROL_INVALID.
 */
export function twilioRest(options: TwilioRestOptions): LamlControl {
  const { accountSid, authToken, keySid, baseUrl = 'https://api.twilio.com', ...rest } = options;
  if (!/^AC[0-9a-f]{32}$/i.test(accountSid))
    throw new ControlError('CONTROL_INVALID', "an account's id is AC and 32 hex digits");
  return new LamlControl(
    {
      name: 'twilio-rest',
      account: { carrier: 'twilio', accountId: accountSid },
      callsUrl: `${checkBase(baseUrl)}/2010-04-01/Accounts/${accountSid}/Calls`,
      suffix: '.json',
      redirect: (document) => ({ Twiml: document }),
      noDigits: 'Twilio plays digits only by new instructions, which would end the media stream',
    },
    { ...rest, user: keySid ?? accountSid, password: authToken },
  );
}
