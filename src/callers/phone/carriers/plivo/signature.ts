import type { IncomingHttpHeaders } from 'node:http';
import { parse } from 'node:querystring';
import { hmac, type SignedParams, sameText } from '../laml/signature.ts';
import { headerText } from '../laml/webhook.ts';

/**
 * Plivo's signature, version 3, of webhooks and of the upgrades of media streams: base64 HMAC-SHA256 over the address without its query, the query
 * and the form, both sorted, and a nonce. https://docs.plivo.com/docs/voice/concepts/signature-validation
 */

/** What was asked for, as far as the signature covers it. */
export interface PlivoSigned {
  readonly method: string;
  /** As Plivo was given it, query included. */
  readonly url: string;
  /** Of a POST; none of a GET. */
  readonly params: SignedParams;
}

export const SIGNATURE_HEADER = 'X-Plivo-Signature-V3';
export const NONCE_HEADER = 'X-Plivo-Signature-V3-Nonce';
/** The same by the main account's token, where a subaccount's call is told of. */
const MAIN_ACCOUNT_HEADER = 'X-Plivo-Signature-Ma-V3';
/** Signatures that one header is read for: one for each token that is in use. */
const SIGNATURES_MOST = 8;

/** The values of each name, sorted; names sorted. */
function sorted(params: Readonly<Record<string, string | readonly string[] | undefined>>): Array<[string, string[]]> {
  return Object.keys(params)
    .sort()
    .map((name) => [name, [params[name] ?? ''].flat().sort()]);
}

/** The text under the signature, without the nonce. The query is signed as it reads once decoded. */
function signedText({ method, url, params }: PlivoSigned): string {
  const [, origin = '', path = '', query = ''] =
    /^([a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?[^/?#]*)([^?#]*)(?:\?([^#]*))?/i.exec(url) ?? [];
  const base = origin.replace(/\/\/[^@]*@/, '//') + path;
  const asked = sorted(parse(query)).flatMap(([name, values]) => values.map((value) => `${name}=${value}`));
  const form = method === 'GET' ? [] : sorted(params).flatMap(([name, values]) => values.map((one) => name + one));
  if (form.length === 0) return asked.length === 0 ? base : `${base}?${asked.join('&')}`;
  return `${base}?${asked.length === 0 ? '' : `${asked.join('&')}.`}${form.join('')}`;
}

/** The signature for exactly this request. */
export function plivoSignature(secret: string, request: PlivoSigned, nonce: string): string {
  return hmac('sha256', secret, `${signedText(request)}.${nonce}`, 'base64');
}

/** The headers with which Plivo would send this. */
export function plivoProof(secret: string, request: PlivoSigned, nonce: string): Record<string, string> {
  return { [SIGNATURE_HEADER]: plivoSignature(secret, request, nonce), [NONCE_HEADER]: nonce };
}

/** Whether the headers show any signature of the kind. */
export const isSigned = (headers: IncomingHttpHeaders): boolean =>
  headerText(headers, SIGNATURE_HEADER.toLowerCase()) !== '' ||
  headerText(headers, MAIN_ACCOUNT_HEADER.toLowerCase()) !== '';

/** Whether any of `secrets`, several while one is being rotated, made a signature in these headers. */
export function isPlivoSignature(
  secrets: readonly string[],
  headers: IncomingHttpHeaders,
  request: PlivoSigned,
): boolean {
  const nonce = headerText(headers, NONCE_HEADER.toLowerCase());
  const shown = [SIGNATURE_HEADER, MAIN_ACCOUNT_HEADER].flatMap((name) =>
    headerText(headers, name.toLowerCase()).split(',', SIGNATURES_MOST),
  );
  if (nonce === '' || shown.every((one) => one.trim() === '')) return false;
  return secrets.some((secret) => {
    const right = plivoSignature(secret, request, nonce);
    return shown.some((one) => sameText(one.trim(), right));
  });
}
