import { z } from 'zod';
import { PATHS } from '../http/answers.ts';
import { type Check, type DoctorDeps, type Finding, fail, pass, skip, warn } from './check.ts';

/**
 * The carrier's account, and what it does with calls to the number.
 * https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource; SignalWire's Compatibility API has the same under its path.
 */

interface Account {
  readonly carrier: 'twilio' | 'signalwire';
  /** Of the IncomingPhoneNumbers resource, without what ends it. */
  readonly url: string;
  /** Twilio answers in XML without it. */
  readonly suffix: '' | '.json';
  readonly authorization: string;
  readonly settings: string;
}

export interface CarrierOptions {
  /** Number to look at, E.164; OUTBOUND_FROM without it. */
  readonly number?: string | undefined;
  /** Whether a wrong setting of the number is set right. */
  readonly fix: boolean;
}

const phoneNumbers = z.object({
  incoming_phone_numbers: z.array(
    z.object({
      sid: z.string().regex(/^[A-Za-z0-9-]{1,100}$/),
      voice_url: z.string().nullish(),
      voice_method: z.string().nullish(),
      voice_application_sid: z.string().nullish(),
      trunk_sid: z.string().nullish(),
    }),
  ),
});

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

function accountsOf({ config }: DoctorDeps): Account[] {
  const accounts: Account[] = [];
  const { TWILIO_ACCOUNT_SID: sid, TWILIO_API_KEY_SID: keySid, TWILIO_API_KEY_SECRET: keySecret } = config;
  const password = keySecret ?? config.TWILIO_AUTH_TOKEN[0];
  if (sid !== undefined && password !== undefined)
    accounts.push({
      carrier: 'twilio',
      url: `${config.TWILIO_API_URL ?? 'https://api.twilio.com'}/2010-04-01/Accounts/${sid}/IncomingPhoneNumbers`,
      suffix: '.json',
      authorization: basic(keySid ?? sid, password),
      settings: keySid === undefined ? 'TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN' : 'TWILIO_API_KEY_SID and its secret',
    });
  const { SIGNALWIRE_PROJECT_ID: project, SIGNALWIRE_TOKEN: token, SIGNALWIRE_SPACE: space } = config;
  const base =
    config.SIGNALWIRE_API_URL ??
    (space === undefined ? undefined : `https://${space.replace(/\.signalwire\.com$/i, '')}.signalwire.com`);
  if (project !== undefined && token !== undefined && base !== undefined)
    accounts.push({
      carrier: 'signalwire',
      url: `${base}/api/laml/2010-04-01/Accounts/${encodeURIComponent(project)}/IncomingPhoneNumbers`,
      suffix: '',
      authorization: basic(project, token),
      settings: 'SIGNALWIRE_PROJECT_ID, SIGNALWIRE_TOKEN and SIGNALWIRE_SPACE',
    });
  return accounts;
}

export function carrierChecks(deps: DoctorDeps, options: CarrierOptions): Check[] {
  const accounts = accountsOf(deps);
  const good = new Set<Account>();
  const chosen = accounts.find(({ carrier }) => carrier === deps.config.OUTBOUND_CARRIER) ?? accounts[0];
  const credentials: Check[] = accounts.map((account) => ({
    name: `${account.carrier} account`,
    async run(signal) {
      const response = await ask(deps, account, '?PageSize=1', signal);
      if (response.ok) {
        good.add(account);
        return pass(`${new URL(account.url).host} takes the credentials`);
      }
      return fail(`${new URL(account.url).host} answers HTTP ${response.status}`, `Check ${account.settings}.`);
    },
  }));
  if (credentials.length === 0)
    credentials.push({
      name: 'carrier account',
      run: async () => skip('no credentials of a carrier’s REST API are set'),
    });
  return [
    ...credentials,
    {
      name: 'number',
      run: async (signal) =>
        chosen === undefined || !good.has(chosen)
          ? skip('needs the account of the carrier')
          : numberSetting(deps, chosen, options, signal),
    },
  ];
}

async function numberSetting(
  deps: DoctorDeps,
  account: Account,
  options: CarrierOptions,
  signal: AbortSignal,
): Promise<Finding> {
  const { PUBLIC_URL, OUTBOUND_FROM } = deps.config;
  const number = options.number ?? OUTBOUND_FROM;
  if (number === undefined) return skip('name the number with --number or OUTBOUND_FROM');
  if (PUBLIC_URL === undefined) return skip('needs PUBLIC_URL');
  const wanted = PUBLIC_URL + PATHS.incomingCall;
  const response = await ask(deps, account, `?${new URLSearchParams({ PhoneNumber: number })}`, signal);
  const parsed = phoneNumbers.safeParse(await response.json().catch(() => undefined));
  if (!response.ok || !parsed.success)
    return fail(`the carrier answers HTTP ${response.status} without a list of numbers`, 'Try again later.');
  const found = parsed.data.incoming_phone_numbers[0];
  if (found === undefined)
    return fail(
      `${account.carrier} does not have this number in the account`,
      'Check the number and the account it was bought in.',
    );
  const application = found.voice_application_sid ?? '';
  const trunk = found.trunk_sid ?? '';
  const isRight = found.voice_url === wanted && application === '' && trunk === '';
  const method = found.voice_method ?? 'POST';
  if (isRight && /^(POST|GET)$/i.test(method)) return pass(`calls to the number go to ${wanted}`);
  const seen =
    trunk !== ''
      ? 'calls to the number go to a SIP trunk'
      : application !== ''
        ? 'calls to the number go to an application, not to its webhook'
        : `calls to the number go to ${originOf(found.voice_url)}`;
  if (!options.fix) return fail(seen, `Set the number’s voice webhook to ${wanted} (POST), or run again with --fix.`);
  const set = await ask(deps, account, '', signal, found.sid, {
    VoiceUrl: wanted,
    VoiceMethod: 'POST',
    ...(application === '' ? {} : { VoiceApplicationSid: '' }),
    ...(trunk === '' ? {} : { TrunkSid: '' }),
  });
  if (!set.ok) return fail(`${seen}; setting it was answered with HTTP ${set.status}`, `Set it to ${wanted} by hand.`);
  return warn(`${seen}; it was set to ${wanted}`, 'Nothing more is to be done: call the number.');
}

/** Another's webhook may hold a token in its query: only where it is, is told. */
function originOf(url: string | null | undefined): string {
  if (url === null || url === undefined || url === '') return 'no webhook at all';
  return URL.canParse(url) ? new URL(url).origin + new URL(url).pathname : 'something that is no URL';
}

function ask(
  deps: DoctorDeps,
  account: Account,
  query: string,
  signal: AbortSignal,
  sid?: string,
  form?: Record<string, string>,
): Promise<Response> {
  return deps.fetch(`${account.url}${sid === undefined ? '' : `/${sid}`}${account.suffix}${query}`, {
    method: form === undefined ? 'GET' : 'POST',
    headers: {
      Authorization: account.authorization,
      Accept: 'application/json',
      ...(form === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
    },
    ...(form === undefined ? {} : { body: new URLSearchParams(form).toString() }),
    // Credentials go to no other host.
    redirect: 'manual',
    signal,
  });
}
