import type { KeyObject } from 'node:crypto';
import { isPrivateHost } from '../../addresses.ts';
import { Telnyx, type TelnyxOptions } from './server.ts';

/** The stand-in in the carrier's place, by the settings of the daemon that it calls. */

type Settings = Readonly<Record<string, unknown>>;

const text = (settings: Settings, name: string): string | undefined =>
  typeof settings[name] === 'string' ? settings[name] : undefined;

/** Starts it for a daemon that runs with these settings. Throws a RangeError that says what would have to be set. */
export function standInFor(settings: Settings, given: TelnyxOptions & { privateKey?: KeyObject }): Promise<Telnyx> {
  const keys = settings['TELNYX_PUBLIC_KEY'];
  // An unsigned request is not sent to whom a key proves them.
  if (given.privateKey === undefined && Array.isArray(keys) && keys.length > 0)
    throw new RangeError(
      'TELNYX_PUBLIC_KEY is set, so --secret has to name the private key behind it: a trial needs a pair of its own',
    );
  const apiKey = text(settings, 'TELNYX_API_KEY');
  const { hostname, port, protocol } = new URL(text(settings, 'TELNYX_API_URL') ?? 'https://api.telnyx.com');
  if (apiKey === undefined || protocol !== 'http:' || !isPrivateHost(hostname))
    throw new RangeError(
      'the daemon answers its calls over the API that its settings name. For a trial set TELNYX_API_URL to an address of this machine, such as http://127.0.0.1:8903, and any TELNYX_API_KEY, for the daemon and this command alike',
    );
  return Telnyx.start({ privateKey: null, ...given, apiKey, port: Number(port === '' ? 80 : port) });
}

/** Settings with which a daemon takes the stand-in for the carrier. */
export const settingsFor = ({ url, apiKey, publicKey }: Telnyx): Settings => ({
  TELNYX_APPLICATION: 'call-control',
  TELNYX_API_URL: url,
  TELNYX_API_KEY: apiKey,
  TELNYX_PUBLIC_KEY: publicKey === undefined ? [] : [publicKey],
});
