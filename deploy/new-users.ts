import { generateKeyPairSync } from 'node:crypto';
import {
  type CarrierCall,
  type CarrierServer,
  type CarrierServerOptions,
  startCarrier,
} from '../src/simulator/carrier/index.ts';
import type { AudioSource } from '../src/simulator/phone/index.ts';
import { Telnyx } from '../src/simulator/telnyx/index.ts';

/** What a new user has of each carrier and does there, before `deploy/new-user-timed.ts` starts the daemon; the carrier is a stand-in. */

export const NUMBER = '+15550001111';
const CALLER = '+15550002222';
const TOKEN = 'token-of-a-new-user';
const SIGNING_KEY = 'signing-key-of-a-new-user';

/** A carrier with the user's account, in which his number is as it comes from the shop. */
export interface StandIn {
  /** What he writes into `.env`. */
  readonly settings: Readonly<Record<string, string>>;
  /** He sets the number's webhook in the dashboard; where there is none, `--fix` does it. */
  readonly dashboard?: (webhookUrl: string) => void;
  /** Somebody calls the number, wherever that leads by now. */
  call(): Pick<CarrierCall, 'recordedChannels' | 'isOver' | 'status' | 'done'> & { hangUp(): void };
  close(): Promise<void>;
}

/** Starts the stand-in, whose callers sound so. */
export type NewUser = (source: AudioSource) => Promise<StandIn>;

interface Account extends Pick<StandIn, 'settings'> {
  /** Where calls go, where the number has no webhook of its own. */
  readonly calledAt?: () => { readonly webhookUrl: string; readonly statusUrl: string };
}

/** One of those whose stand-in is the common one. `voiceUrl`: where the number's calls go at first. */
const user =
  (
    options: Pick<CarrierServerOptions, 'carrier' | 'signingSecret' | 'apiUser' | 'publicKey'>,
    account: (carrier: CarrierServer) => Account,
    { voiceUrl = '', isFixed = true } = {},
  ): NewUser =>
  async (source) => {
    const numbers = [{ phoneNumber: NUMBER, voiceUrl }];
    const carrier = await startCarrier({ ...options, token: TOKEN, numbers, source, record: true });
    const [number] = carrier.numbers.matching(NUMBER);
    const { settings, calledAt = () => ({ webhookUrl: number!.voiceUrl }) } = account(carrier);
    const dashboard = (webhookUrl: string) => {
      number!.voiceUrl = webhookUrl;
    };
    return {
      settings,
      ...(isFixed ? {} : { dashboard }),
      call: () => carrier.callIn({ from: CALLER, to: NUMBER, ...calledAt() }),
      close: () => carrier.close(),
    };
  };

const API_KEY = 'abcd1234';
/** As Vonage makes it for an application: whoever made that downloads the private half. */
const APPLICATION_KEY = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** The number is given to an application whose webhook is still what the portal wanted something in the place of. */
const telnyxUser: NewUser = async (source) => {
  const telnyx = await Telnyx.start({ source, record: true });
  const { id } = telnyx.account.addApplication('https://example.com/');
  telnyx.account.addNumber(NUMBER, id);
  return {
    settings: {
      TELNYX_PUBLIC_KEY: telnyx.publicKey!,
      TELNYX_API_KEY: telnyx.apiKey,
      TELNYX_CONNECTION_ID: id,
      TELNYX_API_URL: telnyx.url,
    },
    call: () => telnyx.callIn({ from: CALLER, to: NUMBER, webhookUrl: telnyx.account.webhookOf(NUMBER)! }),
    close: () => telnyx.close(),
  };
};

/** By the carrier's name; the first is who comes when none is named. */
export const NEW_USERS: Readonly<Record<string, NewUser>> = {
  twilio: user(
    { carrier: 'twilio', signingSecret: TOKEN },
    ({ accountSid, url }) => ({
      settings: { TWILIO_AUTH_TOKEN: TOKEN, TWILIO_ACCOUNT_SID: accountSid, TWILIO_API_URL: url },
    }),
    { voiceUrl: 'https://demo.twilio.com/welcome/voice/' },
  ),
  signalwire: user(
    { carrier: 'signalwire', signingSecret: SIGNING_KEY },
    ({ accountSid, url }) => ({
      settings: {
        SIGNALWIRE_SIGNING_KEY: SIGNING_KEY,
        SIGNALWIRE_PROJECT_ID: accountSid,
        SIGNALWIRE_TOKEN: TOKEN,
        SIGNALWIRE_API_URL: url,
      },
    }),
    { isFixed: false },
  ),
  telnyx: telnyxUser,
  plivo: user({ carrier: 'plivo', signingSecret: TOKEN }, ({ accountSid, url }) => ({
    settings: { PLIVO_AUTH_TOKEN: TOKEN, PLIVO_AUTH_ID: accountSid, PLIVO_API_URL: url },
  })),
  vonage: user(
    { carrier: 'vonage', signingSecret: SIGNING_KEY, apiUser: API_KEY, publicKey: APPLICATION_KEY.publicKey },
    ({ accountSid, url, application }) => ({
      settings: {
        VONAGE_SIGNATURE_SECRET: SIGNING_KEY,
        VONAGE_APPLICATION_ID: accountSid,
        VONAGE_PRIVATE_KEY: Buffer.from(APPLICATION_KEY.privateKey).toString('base64'),
        VONAGE_API_KEY: API_KEY,
        VONAGE_API_SECRET: TOKEN,
        VONAGE_API_URL: url,
        VONAGE_ACCOUNT_URL: url,
      },
      calledAt: () => ({ webhookUrl: application.answerUrl, statusUrl: application.eventUrl }),
    }),
  ),
};
