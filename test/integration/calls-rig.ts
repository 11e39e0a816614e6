import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type CarrierServer, type CarrierServerOptions, startCarrier } from '../../src/simulator/carrier/index.ts';
import { newAccountSid } from '../../src/simulator/phone/carrier.ts';
import { scriptSource, toneSource } from '../../src/simulator/phone/index.ts';
import { PRIVATE_PEM, PUBLIC_PEM } from '../fixtures/vonage/key.ts';
import { type Rig, type RigOptions, startRig } from './rig.ts';

/** The whole daemon with the credentials of a carrier that places calls: a stand-in that speaks the real REST API and relay. */

export const ADMIN = 'admin-token-of-sixteen-and-more';
export const OURS = '+12025559999';
export const THEIRS = '+12025551111';
export const PUBLIC = 'https://voice.example.com';
export const SIGNING = 'signing-secret-of-the-carrier';
const REST = 'rest-token-of-the-account';
export const fixtures = join(import.meta.dirname, '../fixtures');

export interface CallsRigOptions extends RigOptions {
  readonly carrier: 'twilio' | 'signalwire' | 'plivo' | 'vonage';
  /** How SignalWire places calls. */
  readonly control?: 'rest' | 'relay';
  readonly far?: CarrierServerOptions['far'];
  /** What whoever is called says, in place of a tone behind a pause. */
  readonly source?: CarrierServerOptions['source'];
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the interface answers is looked at piece by piece.
  readonly body: any;
  readonly headers: Headers;
}

export interface CallsRig extends Rig {
  readonly carrier: CarrierServer;
  /** Callbacks of ordered calls that came, oldest first. */
  readonly callbacks: ReadonlyArray<{ readonly type: string; readonly call: Record<string, unknown> }>;
  readonly callbackUrl: string;
  api(method: 'GET' | 'POST', path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

const CREDENTIALS: Readonly<
  Record<
    CallsRigOptions['carrier'],
    (with_: { accountSid: string; carrier: CarrierServer; control: string }) => Record<string, string>
  >
> = {
  twilio: ({ accountSid, carrier }) => ({
    TWILIO_ACCOUNT_SID: accountSid,
    // The first asks the REST API; all verify webhooks, the one that is being rotated out too.
    TWILIO_AUTH_TOKEN: `${REST},${SIGNING}`,
    TWILIO_API_URL: carrier.url,
  }),
  signalwire: ({ accountSid, carrier, control }) => ({
    SIGNALWIRE_PROJECT_ID: accountSid,
    SIGNALWIRE_TOKEN: REST,
    SIGNALWIRE_SIGNING_KEY: SIGNING,
    SIGNALWIRE_API_URL: carrier.url,
    SIGNALWIRE_RELAY_URL: carrier.relayUrl,
    SIGNALWIRE_CONTROL: control,
  }),
  plivo: ({ accountSid, carrier }) => ({
    PLIVO_AUTH_ID: accountSid,
    PLIVO_AUTH_TOKEN: `${REST},${SIGNING}`,
    PLIVO_API_URL: carrier.url,
  }),
  vonage: ({ accountSid, carrier }) => ({
    VONAGE_SIGNATURE_SECRET: SIGNING,
    VONAGE_APPLICATION_ID: accountSid,
    VONAGE_PRIVATE_KEY: PRIVATE_PEM,
    VONAGE_API_URL: carrier.url,
  }),
};

export async function startCallsRig(options: CallsRigOptions): Promise<CallsRig> {
  const { carrier: name, far } = options;
  const received: Array<{ type: string; call: Record<string, unknown> }> = [];
  const receiver = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    received.push(JSON.parse(text));
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const receiverHost = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  // Where the bridge is known only when it listens, and the carrier looks it up only when it calls.
  const bridge = { local: '', public: PUBLIC };
  const accountSid = newAccountSid(name);
  const carrier = await startCarrier({
    carrier: name,
    accountSid,
    token: REST,
    signingSecret: SIGNING,
    bridge,
    // Whoever answers lets the agent greet first.
    source: options.source ?? scriptSource([{ pauseMs: 1_500 }, toneSource(440, { ms: 600 })]),
    record: true,
    ...(far === undefined ? {} : { far }),
    ...(name === 'vonage' ? { publicKey: PUBLIC_PEM } : {}),
  });
  const credentials = CREDENTIALS[name]({ accountSid, carrier, control: options.control ?? 'rest' });
  const rig = await startRig({
    ...options,
    settings: {
      ...credentials,
      PUBLIC_URL: PUBLIC,
      ADMIN_TOKEN: ADMIN,
      OUTBOUND_FROM: OURS,
      DIAL_ALLOW: '+1202',
      HTTP_TOOL_PRIVATE_HOSTS: receiverHost,
      CALLBACK_SECRET: 'callback-secret-of-the-tests',
      ROUTES_FILE: join(fixtures, 'routes.yaml'),
      PROMPTS_DIR: join(fixtures, 'prompts'),
      TOOLS_DIR: join(fixtures, 'keypad-tools'),
      ...options.settings,
    },
  });
  bridge.local = rig.url;
  return {
    ...rig,
    carrier,
    callbacks: received,
    callbackUrl: `http://${receiverHost}/done`,
    async api(method, path, body, headers = {}) {
      const answer = await fetch(rig.url + path, {
        method,
        headers: {
          authorization: `Bearer ${ADMIN}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, body: text === '' ? undefined : JSON.parse(text), headers: answer.headers };
    },
    async close() {
      await carrier.close();
      await rig.close();
      receiver.closeAllConnections();
      await new Promise((resolve) => receiver.close(resolve));
    },
  };
}
