import { hmac, isLamlSignature, type SignedContent, sameText, withoutCredentials } from '../laml/signature.ts';

/** The signature headers that it may have sent, '' where absent. HTTP knows no case, so both of its own forms share one name. */
export interface SignatureHeaders {
  /** X-Twilio-Signature: its own signature comes under this name too. */
  readonly twilio: string;
  /** X-SignalWire-Signature: base64 in the family's algorithm (cXML), or hex over URL and raw body (JSON webhooks). */
  readonly signalwire: string;
  /** X-Signalwire-SHA256-Signature: hex HMAC-SHA256 over URL and raw body. */
  readonly signalwireSha256: string;
}

/** Whether any of the project's signing `keys` (not the API token) made one of these headers. */
export function isSignalWireSignature(
  keys: readonly string[],
  headers: SignatureHeaders,
  content: SignedContent,
): boolean {
  const bare = withoutCredentials(content.url);
  const text = bare + content.rawBody;
  for (const key of keys) {
    if (headers.signalwireSha256 !== '' && sameText(headers.signalwireSha256, hmac('sha256', key, text, 'hex')))
      return true;
    if (headers.signalwire !== '' && sameText(headers.signalwire, hmac('sha1', key, text, 'hex'))) return true;
  }
  const forms = bare === content.url ? [content] : [content, { ...content, url: bare }];
  return [headers.signalwire, headers.twilio].some((signature) =>
    forms.some((form) => isLamlSignature(keys, signature, form)),
  );
}
