import { createHmac } from 'node:crypto';

/** Who we are at Meta: what calls by WhatsApp need of the settings. */
export interface MetaAccount {
  readonly phoneNumberIds: readonly string[];
  readonly token: string;
  /** One of them has signed each webhook. */
  readonly secrets: readonly string[];
  readonly verifyToken: string;
  /** Of the Graph API. */
  readonly url: string;
  /** Whether it is one for trials alone, which Meta knows nothing of. */
  readonly isTrial: boolean;
}

interface Settings {
  readonly WHATSAPP_PHONE_NUMBER_ID: readonly string[];
  readonly WHATSAPP_ACCESS_TOKEN?: string | undefined;
  readonly WHATSAPP_APP_SECRET: readonly string[];
  readonly WHATSAPP_VERIFY_TOKEN?: string | undefined;
  readonly GRAPH_API_URL: string;
}

export const META_GRAPH_URL = 'https://graph.facebook.com';
/** Where a trial's stand-in for the Graph API listens, unless GRAPH_API_URL names another place. */
const TRIAL_GRAPH_URL = 'http://127.0.0.1:8902';
/** The number of a trial: Meta gives out none like it. */
const TRIAL_NUMBER_ID = '100000000000000';

/**
 * The account of these settings. Where they have none it is one for trials with the simulated far end, whose secrets are made of the operators'
 * token: who may operate the daemon may call it so, and nobody else, wherever its webhook can be reached from.
 */
export function accountOf(settings: Settings, operatorToken: () => string): MetaAccount {
  const { WHATSAPP_PHONE_NUMBER_ID: phoneNumberIds, GRAPH_API_URL: url } = settings;
  if (phoneNumberIds.length > 0) {
    return {
      phoneNumberIds,
      token: settings.WHATSAPP_ACCESS_TOKEN ?? '',
      secrets: settings.WHATSAPP_APP_SECRET,
      verifyToken: settings.WHATSAPP_VERIFY_TOKEN ?? '',
      url,
      isTrial: false,
    };
  }
  const key = operatorToken();
  const secret = (what: string) => createHmac('sha256', key).update(`whatsapp trial: ${what}`).digest('base64url');
  return {
    phoneNumberIds: [TRIAL_NUMBER_ID],
    token: secret('access token'),
    secrets: [secret('app secret')],
    verifyToken: secret('verify token'),
    url: url === META_GRAPH_URL ? TRIAL_GRAPH_URL : url,
    isTrial: true,
  };
}
