import { isLamlSignature, isUpgradeSignature } from '../laml/signature.ts';
import { headerText, lamlWebhook } from '../laml/webhook.ts';
import type { CarrierWebhook } from '../webhook.ts';

const SIGNATURE = 'x-twilio-signature';

/**
 * Twilio's webhooks, and its signature of the media socket's upgrade. `secrets`: auth tokens, several while one is being rotated.
 * https://www.twilio.com/docs/usage/security#validating-requests
 */
export function twilioWebhook(secrets: readonly string[]): CarrierWebhook {
  return lamlWebhook({
    proves: (content, headers) => isLamlSignature(secrets, headerText(headers, SIGNATURE), content),
    likeness: ({ CallSid = '' }) => (/^CA[0-9a-f]{32}$/i.test(CallSid) ? 2 : 0),
    upgrade(request) {
      const signature = headerText(request.headers, SIGNATURE);
      if (signature === '' || secrets.length === 0) return undefined;
      return { signed: isUpgradeSignature(secrets, signature, request.url()) };
    },
    // Of voices that both carriers of the family have, Google's are named differently.
    voice: (name) => name.replace(/^gcloud\./i, 'Google.'),
  });
}
