import type { IncomingHttpHeaders } from 'node:http';
import { isUpgradeSignature } from '../laml/signature.ts';
import { headerText, lamlWebhook, UUID } from '../laml/webhook.ts';
import type { CarrierWebhook } from '../webhook.ts';
import { isSignalWireSignature, type SignatureHeaders } from './signature.ts';

export interface SignalWireWebhookOptions {
  /** Signing keys of the project, which are not its API tokens; several while one is being rotated. */
  readonly keys: readonly string[];
  /** Codec asked of its streams: PCMU@8000h, L16@16000h or L16@24000h. */
  readonly codec: string;
  /** Whether it may trim delay and bursts, or plays all that it was sent; `auto`: by each call, where the agent's audio is live. */
  readonly realtime: 'auto' | 'true' | 'false';
}

const signatures = (headers: IncomingHttpHeaders): SignatureHeaders => ({
  twilio: headerText(headers, 'x-twilio-signature'),
  signalwire: headerText(headers, 'x-signalwire-signature'),
  signalwireSha256: headerText(headers, 'x-signalwire-sha256-signature'),
});

/** SignalWire's webhooks. https://developer.signalwire.com/platform/dashboard/guides/webhook-security */
export function signalwireWebhook({ keys, codec, realtime }: SignalWireWebhookOptions): CarrierWebhook {
  return lamlWebhook({
    proves: (content, headers) => isSignalWireSignature(keys, signatures(headers), content),
    likeness({ CallSid = '', AccountSid = '' }, headers) {
      const { signalwire, signalwireSha256 } = signatures(headers);
      if (signalwire !== '' || signalwireSha256 !== '') return 3;
      return UUID.test(CallSid) ? 2 : UUID.test(AccountSid) ? 1 : 0;
    },
    // It documents no signature of the upgrade, where it brings the bearer token it was told; should it send one, it is made with its own key.
    upgrade(request) {
      const { twilio } = signatures(request.headers);
      const isOurs = twilio !== '' && keys.length > 0 && isUpgradeSignature(keys, twilio, request.url());
      return isOurs ? { signed: true } : undefined;
    },
    streamAttributes: ({ token, pace }) => ({
      authBearerToken: token,
      codec,
      realtime: realtime === 'auto' ? String(pace === 'live') : realtime,
    }),
    // Of voices that both carriers of the family have, Google's are named differently.
    voice: (name) => name.replace(/^google\./i, 'gcloud.'),
  });
}
