import type { CarrierRequest } from '../webhook.ts';
import type { SignedParams } from './signature.ts';

/** What this family posts: forms, and JSON where a body is signed by its hash. */

/** A body, taken apart. */
export interface LamlBody {
  /** What the signature covers one by one; undefined for what is no form, which is covered by its hash. */
  readonly signed: SignedParams | undefined;
  /** The first value of each key; undefined for what is no form and no JSON object. Has no prototype. */
  readonly params: Readonly<Record<string, string>> | undefined;
}

/** Carriers send about thirty; sorting and hashing thousands would hold up the calls that are running. */
const PARAMS_MOST = 256;

export function parseForm(text: string): LamlBody {
  const signed: Record<string, string | string[]> = Object.create(null);
  const params: Record<string, string> = Object.create(null);
  if (text.split('&', PARAMS_MOST + 1).length > PARAMS_MOST) return { signed: undefined, params: undefined };
  for (const [key, value] of new URLSearchParams(text)) {
    const before = signed[key];
    if (before === undefined) {
      signed[key] = value;
      params[key] = value;
    } else if (typeof before === 'string') signed[key] = [before, value];
    else before.push(value);
  }
  return { signed, params };
}

function parseJson(text: string): LamlBody {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { signed: undefined, params: undefined };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { signed: undefined, params: undefined };
  const params: Record<string, string> = Object.create(null);
  for (const [key, one] of Object.entries(value)) {
    if (typeof one === 'string') params[key] = one;
    else if (typeof one === 'number' || typeof one === 'boolean') params[key] = String(one);
  }
  return { signed: undefined, params };
}

/** The body of a request. */
export function bodyOf({ contentType, rawBody }: CarrierRequest): LamlBody {
  return contentType === 'application/json' ? parseJson(rawBody) : parseForm(rawBody);
}
