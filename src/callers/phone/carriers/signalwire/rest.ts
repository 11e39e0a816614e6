import { checkBase } from '../../control/control.ts';
import { ControlError } from '../../control/errors.ts';
import type { RestOptions } from '../../control/rest.ts';
import { LamlControl } from '../laml/control.ts';

export interface SignalWireRestOptions extends Omit<RestOptions, 'user' | 'password'> {
  /** "example" or "example.signalwire.com"; not needed with `baseUrl`. */
  readonly space?: string | undefined;
  readonly projectId: string;
  readonly token: string;
  /** https://{space}.signalwire.com when left out. */
  readonly baseUrl?: string | undefined;
  /** Puts a document where the carrier can fetch it and gives its address: instructions cannot be sent along. */
  readonly host: (document: string) => string;
}

/** Address of the REST API. `space`: as the settings have it. */
export const signalwireBase = (at: { readonly space?: string | undefined; readonly baseUrl?: string | undefined }) =>
  at.baseUrl ?? `https://${at.space?.replace(/\.signalwire\.com$/i, '')}.signalwire.com`;

/**
 * Call control through SignalWire's Compatibility API. Digits go by the media stream (`dtmf`), which the caller's leg sends; this API has
 * no way to play them without ending the stream. Throws CONTROL_INVALID.
 */
export function signalWireRest(options: SignalWireRestOptions): LamlControl {
  const { space = '', projectId, token, baseUrl, host, ...rest } = options;
  const name = space.replace(/\.signalwire\.com$/i, '');
  if (baseUrl === undefined && !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(name))
    throw new ControlError('CONTROL_INVALID', 'a space is a host label, as "example" of example.signalwire.com');
  if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/.test(projectId))
    throw new ControlError('CONTROL_INVALID', "a project's id is a UUID");
  const base = checkBase(signalwireBase(options));
  return new LamlControl(
    {
      name: 'signalwire-rest',
      account: { carrier: 'signalwire', accountId: projectId },
      callsUrl: `${base}/api/laml/2010-04-01/Accounts/${projectId}/Calls`,
      suffix: '',
      redirect: (document) => ({ Url: host(document), Method: 'POST' }),
      noDigits: "SignalWire takes digits over the call's media stream, not by this API",
    },
    { ...rest, user: projectId, password: token },
  );
}
