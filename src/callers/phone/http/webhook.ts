import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { CarrierCall } from '../../../call/carrier-call.ts';
import { BridgeError } from '../../../errors.ts';
import { ApiError } from '../../../http/api-error.ts';
import type { CountHttp } from '../../../http/counters.ts';
import type { PublicUrls } from '../../../http/public-url.ts';
import type { Carrier } from '../carriers/laml/document.ts';
import {
  isSignalWireSignature,
  isTwilioSignature,
  type SignatureHeaders,
  type SignedParams,
} from '../carriers/laml/signature.ts';

/** What every webhook of a carrier goes through: its body is kept as it came, and proven before anything in it is used. */

/** Signing secrets by carrier; several of one while it is being rotated. */
export interface CarrierSecrets {
  /** Auth tokens. */
  readonly twilio: readonly string[];
  /** Signing keys of the project, which are not its API tokens. */
  readonly signalwire: readonly string[];
}

/** The secrets that are set. */
export function carrierSecrets(config: {
  readonly TWILIO_AUTH_TOKEN: readonly string[];
  readonly SIGNALWIRE_SIGNING_KEY: readonly string[];
}): CarrierSecrets {
  return { twilio: config.TWILIO_AUTH_TOKEN, signalwire: config.SIGNALWIRE_SIGNING_KEY };
}

/** Whether any carrier's signature can and therefore must be checked. */
export function isSigned(secrets: CarrierSecrets): boolean {
  return secrets.twilio.length > 0 || secrets.signalwire.length > 0;
}

/** A webhook that may be believed. */
export interface Webhook extends CarrierCall {
  readonly carrier: Carrier;
  /** Whether a carrier's secret proves it; without any secret set, nothing does. */
  readonly proven: boolean;
  /** The parameters, of a GET the query's; the first value where a key was repeated. Has no prototype. */
  readonly params: Readonly<Record<string, string>>;
  /** What stands in the query of the address, which whoever set the webhook at the carrier wrote; of a GET the same as `params`. */
  readonly query: Readonly<Record<string, string>>;
}

/** A body as the parsers below leave it. `params` is undefined when it is no form and no JSON object. */
interface WebhookBody {
  rawBody: string;
  /** What the signature covers one by one; undefined for JSON, which is covered by its hash. */
  signed: SignedParams | undefined;
  params: Record<string, string> | undefined;
}

/** Carriers send about thirty; sorting and hashing thousands would hold up the calls that are running. */
const PARAMS_MOST = 256;
const EMPTY: WebhookBody = { rawBody: '', signed: {}, params: {} };

function parseForm(rawBody: string): WebhookBody & Record<string, unknown> {
  const signed: Record<string, string | string[]> = Object.create(null);
  const params: Record<string, string> = Object.create(null);
  // Not thrown: an exception in a body parser reaches no error handler.
  if (rawBody.split('&', PARAMS_MOST + 1).length > PARAMS_MOST)
    return { rawBody, signed: undefined, params: undefined };
  for (const [key, value] of new URLSearchParams(rawBody)) {
    const before = signed[key];
    if (before === undefined) {
      signed[key] = value;
      params[key] = value;
    } else if (typeof before === 'string') signed[key] = [before, value];
    else before.push(value);
  }
  return { rawBody, signed, params };
}

function parseJson(rawBody: string): WebhookBody {
  let value: unknown;
  try {
    value = JSON.parse(rawBody);
  } catch {
    return { rawBody, signed: undefined, params: undefined };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { rawBody, signed: undefined, params: undefined };
  const params: Record<string, string> = Object.create(null);
  for (const [key, one] of Object.entries(value)) {
    if (typeof one === 'string') params[key] = one;
    else if (typeof one === 'number' || typeof one === 'boolean') params[key] = String(one);
  }
  return { rawBody, signed: undefined, params };
}

/** Makes a plugin's scope read forms and JSON, and nothing else (415), in the shape that `WebhookGuard` checks. */
export async function readWebhookBodies(scope: FastifyInstance): Promise<void> {
  // Counted by the guard, which knows who proved himself.
  scope.addHook('onRoute', (route) => {
    route.config = { ...route.config, limit: 'webhook' };
  });
  scope.removeAllContentTypeParsers();
  await scope.register(formbody, { parser: parseForm });
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, parseJson(String(body))),
  );
}

/** RFC 4122 text form: SignalWire's ids. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** What the carriers' ids are made of, with room for others of their kind; it becomes a map key and part of a token. */
const CALL_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/;

/** Which carrier speaks, where no secret proves it: by the form of its ids, then by its header. */
export function carrierByShape(params: Readonly<Record<string, string>>, headers: SignatureHeaders): Carrier {
  const { CallSid = '', AccountSid = '' } = params;
  if (headers.signalwire !== '' || headers.signalwireSha256 !== '') return 'signalwire';
  if (/^CA[0-9a-f]{32}$/i.test(CallSid)) return 'twilio';
  if (UUID.test(CallSid)) return 'signalwire';
  return UUID.test(AccountSid) ? 'signalwire' : 'twilio';
}

export interface WebhookGuardOptions {
  readonly secrets: CarrierSecrets;
  readonly urls: PublicUrls;
  readonly count: CountHttp;
}

export class WebhookGuard {
  readonly #options: WebhookGuardOptions;

  constructor(options: WebhookGuardOptions) {
    this.#options = options;
  }

  /**
   * The webhook, proven by a carrier's secret as soon as any is set. Throws WEBHOOK_SIGNATURE_INVALID (403), HOST_NOT_ALLOWED (no
   * configured address to check the signature against), WEBHOOK_INVALID (400) or RATE_LIMITED (429), which what a carrier signed never is;
   * where no secret is set, ORIGIN_REFUSED (403) to the pages of other sites.
   */
  check(request: FastifyRequest): Webhook {
    const { count, secrets, urls } = this.#options;
    count('webhook_received');
    const headers = signatureHeaders(request);
    const body = (request.body as WebhookBody | undefined) ?? EMPTY;
    const url = urls.http(request, request.url);
    let proven: Carrier | undefined;
    if (!isSigned(secrets)) {
      request.server.charge?.(request, 'webhook');
      if (isFromPage(request)) throw new ApiError(403, 'ORIGIN_REFUSED', 'a page of another site asks');
    }
    if (isSigned(secrets)) {
      const content = { url, params: body.signed, rawBody: body.rawBody };
      if (isTwilioSignature(secrets.twilio, headers.twilio, content)) proven = 'twilio';
      else if (isSignalWireSignature(secrets.signalwire, headers, content)) proven = 'signalwire';
      else {
        request.server.charge?.(request, 'webhook');
        count('webhook_signature_invalid');
        request.log.warn(
          { remoteAddress: request.server.addressOf?.(request) ?? request.ip, route: request.routeOptions.url },
          'webhook signature is invalid',
        );
        throw new BridgeError('WEBHOOK_SIGNATURE_INVALID', 'no carrier that is configured signed this request', {
          status: 403,
        });
      }
    }
    const query = queryOf(request.url);
    const params = request.method === 'GET' ? query : body.params;
    const carrierCallId = params?.['CallSid'] ?? '';
    if (params === undefined || !CALL_ID.test(carrierCallId)) {
      count('webhook_invalid');
      throw new BridgeError('WEBHOOK_INVALID', 'a webhook needs a CallSid of 1 to 100 letters, digits and .:_-', {
        status: 400,
      });
    }
    return {
      carrier: proven ?? carrierByShape(params, headers),
      accountId: params['AccountSid'] ?? '',
      carrierCallId,
      proven: proven !== undefined,
      params,
      query: query ?? {},
    };
  }
}

/**
 * Whether a page of another site sent it, in a browser on this machine or in its network: such a form needs nobody's leave, and reaches what no
 * stranger does. A browser says so itself (https://www.w3.org/TR/fetch-metadata/), to an address without TLS by the origin alone; carriers
 * are no browsers and send neither.
 */
function isFromPage({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  return headers.origin !== undefined || (site !== undefined && site !== 'none' && site !== 'same-origin');
}

function queryOf(url: string): Record<string, string> | undefined {
  const start = url.indexOf('?');
  return start === -1 ? {} : parseForm(url.slice(start + 1)).params;
}

function signatureHeaders(request: FastifyRequest): SignatureHeaders {
  const text = (name: string) => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : '';
  };
  return {
    twilio: text('x-twilio-signature'),
    signalwire: text('x-signalwire-signature'),
    signalwireSha256: text('x-signalwire-sha256-signature'),
  };
}
