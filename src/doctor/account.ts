import type { DoctorDeps } from './check.ts';

/** Accounts at carriers, as the settings have them, and asking their REST APIs about numbers. */

export interface Account {
  readonly carrier: 'twilio' | 'signalwire';
  /** Of the IncomingPhoneNumbers resource, without what ends it. */
  readonly url: string;
  /** Twilio answers in XML without it. */
  readonly suffix: '' | '.json';
  readonly authorization: string;
  readonly settings: string;
}

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Those whose credentials are set. */
export function accountsOf({ config }: DoctorDeps): Account[] {
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

export interface Question {
  readonly query?: string;
  /** One number; the list without it. */
  readonly sid?: string;
  /** What to set; a GET without it. */
  readonly form?: Readonly<Record<string, string>>;
}

/** Asks a carrier's REST API. */
export function ask(
  deps: DoctorDeps,
  account: Account,
  { query = '', sid, form }: Question,
  signal: AbortSignal,
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
