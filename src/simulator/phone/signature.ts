/**
 * How carriers sign what they send. Twilio and SignalWire's Compatibility API share the rule: base64 of HMAC-SHA1 over the URL followed by
 * every POST parameter, sorted by name, as name and value with nothing between. SignalWire's key is the project's signing key.
 *
 * https://www.twilio.com/docs/usage/security#validating-requests
 * https://developer.signalwire.com/compatibility-api/cxml/guides/webhook-security
 *
 * A GET request and a WebSocket upgrade have no parameters beside those in the URL. The upgrade's URL is the one in the TwiML, with its
 * `wss://`.
 */

import { createHmac } from 'node:crypto';

/** The signature of a request to `url` with these form parameters, by this secret. */
export function sign(secret: string, url: string, params: Readonly<Record<string, string>> = {}): string {
  let text = url;
  for (const name of Object.keys(params).sort()) text += name + params[name];
  return createHmac('sha1', secret).update(text, 'utf8').digest('base64');
}
