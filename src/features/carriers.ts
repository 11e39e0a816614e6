import { type CarrierCall, isSameAccount } from '../call/carrier-call.ts';
import type { Clock } from '../call/clock.ts';
import type { Log } from '../call/leg.ts';
import {
  type CallControl,
  type CallStatus,
  ControlError,
  SignalWireRelay,
  signalWireRest,
  twilioRest,
} from '../callers/phone/control/index.ts';
import type { Config } from '../config.ts';
import { BridgeError } from '../errors.ts';

/** Which carriers the daemon can ask for something, by the credentials that are set. */
export interface Carriers {
  /** Who places calls that are ordered; undefined: nobody can. */
  readonly forOrders: CallControl | undefined;
  /** Who controls calls of this carrier and account; undefined without their credentials. An account that is not told is the one that is set. */
  of(call: { readonly carrier?: string; readonly accountId?: string }): CallControl | undefined;
  /** Never rejects. */
  close(): Promise<void>;
}

export interface CarriersOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  /** Puts a document where a carrier can fetch it, and gives its address. */
  readonly host: (document: string) => string;
  /** News of calls that were placed over a connection instead of webhooks. Must not throw. */
  readonly onStatus: (call: CarrierCall, status: CallStatus) => void;
}

/** Makes the control of each carrier whose credentials are set. Throws CONFIG_INVALID. */
export function openCarriers(options: CarriersOptions): Carriers {
  const twilio = checked('TWILIO_ACCOUNT_SID or TWILIO_API_URL', () => twilioControl(options));
  const signalwire = checked('SIGNALWIRE_SPACE, SIGNALWIRE_PROJECT_ID or SIGNALWIRE_API_URL', () =>
    signalWireControl(options),
  );
  const all = new Map<string, CallControl>();
  if (twilio !== undefined) all.set('twilio', twilio);
  if (signalwire !== undefined) all.set('signalwire', signalwire);
  const { OUTBOUND_CARRIER } = options.config;
  return {
    forOrders: OUTBOUND_CARRIER === undefined ? (twilio ?? signalwire) : all.get(OUTBOUND_CARRIER),
    of({ carrier = '', accountId = '' }) {
      const control = all.get(carrier);
      if (control === undefined || accountId === '') return control;
      // Another account's call is none of ours there: what we asked for it would come to nothing, or be done to another.
      return isSameAccount(control.account, { carrier, accountId }) ? control : undefined;
    },
    async close() {
      await Promise.allSettled([...all.values()].map((control) => control.close()));
    },
  };
}

function twilioControl({ config, clock, log }: CarriersOptions): CallControl | undefined {
  const accountSid = config.TWILIO_ACCOUNT_SID;
  const keySid = config.TWILIO_API_KEY_SID;
  // While the auth token is being rotated the first one is the one in use.
  const authToken = keySid === undefined ? config.TWILIO_AUTH_TOKEN[0] : config.TWILIO_API_KEY_SECRET;
  if (accountSid === undefined || authToken === undefined) return undefined;
  return twilioRest({ accountSid, authToken, keySid, baseUrl: config.TWILIO_API_URL, clock, log });
}

function signalWireControl({ config, clock, log, host, onStatus }: CarriersOptions): CallControl | undefined {
  const { SIGNALWIRE_PROJECT_ID: projectId, SIGNALWIRE_TOKEN: token, SIGNALWIRE_SPACE: space } = config;
  const baseUrl = config.SIGNALWIRE_API_URL;
  if (projectId === undefined || token === undefined || (space === undefined && baseUrl === undefined))
    return undefined;
  const rest = signalWireRest({ projectId, token, space, baseUrl, host, clock, log });
  if (config.SIGNALWIRE_CONTROL === 'rest') return rest;
  return new SignalWireRelay({
    projectId,
    token,
    host: config.SIGNALWIRE_RELAY_URL,
    rest,
    onStatus: (carrierCallId, status) => onStatus({ ...rest.account, carrierCallId }, status),
    clock,
    log,
  });
}

/** An adapter refuses what cannot be an account's: at the start, by the settings it is made of. */
function checked<T>(settings: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof ControlError)) throw cause;
    throw new BridgeError('CONFIG_INVALID', `wrong settings:\n  ${settings}: ${cause.message}`, { cause });
  }
}
