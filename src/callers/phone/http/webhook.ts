import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { CarrierCall } from '../../../call/carrier-call.ts';
import { BridgeError } from '../../../errors.ts';
import { ApiError } from '../../../http/api-error.ts';
import type { CountHttp } from '../../../http/counters.ts';
import type { PublicUrls } from '../../../http/public-url.ts';
import type { Carrier } from '../carriers/carrier.ts';
import type { Carriers } from '../carriers/index.ts';
import type { CarrierRequest, WebhookFacts } from '../carriers/webhook.ts';

/** What every webhook of a carrier goes through: its body is kept as it came, and proven before anything in it is used. */

/** A webhook that may be believed. */
export interface Webhook extends CarrierCall, WebhookFacts {
  /** Whether a carrier's secret proves it; without any secret set, nothing does. */
  readonly proven: boolean;
}

/** A body as the parsers below leave it: carriers read it, and their signatures cover it. */
type WebhookBody = Pick<CarrierRequest, 'contentType' | 'rawBody'>;

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';
const EMPTY: WebhookBody = { contentType: '', rawBody: '' };

/** Makes a plugin's scope take forms and JSON, and nothing else (415), in the shape that `WebhookGuard` checks. */
export async function readWebhookBodies(scope: FastifyInstance): Promise<void> {
  // Counted by the guard, which knows who proved himself.
  scope.addHook('onRoute', (route) => {
    route.config = { ...route.config, limit: 'webhook' };
  });
  scope.removeAllContentTypeParsers();
  // Nothing is read here: an exception in a body parser reaches no error handler.
  await scope.register(formbody, { parser: (rawBody) => ({ contentType: FORM, rawBody }) });
  scope.addContentTypeParser(JSON_TYPE, { parseAs: 'string' }, (_request, body, done) =>
    done(null, { contentType: JSON_TYPE, rawBody: String(body) }),
  );
}

/** What the carriers' ids are made of, with room for others of their kind; it becomes a map key and part of a token. */
const CALL_ID = /^[A-Za-z0-9][A-Za-z0-9._:=-]{0,99}$/;

export interface WebhookGuardOptions {
  readonly carriers: Carriers;
  readonly urls: PublicUrls;
  readonly count: CountHttp;
}

export class WebhookGuard {
  readonly #options: WebhookGuardOptions;

  constructor(options: WebhookGuardOptions) {
    this.#options = options;
  }

  /**
   * The webhook, proven by a carrier's secret as soon as any is set. `candidates`: whose address it came to, where not all have it. Throws
   * WEBHOOK_SIGNATURE_INVALID (403), HOST_NOT_ALLOWED (no configured address to check the signature against), WEBHOOK_INVALID (400) or
   * RATE_LIMITED (429), which what a carrier signed never is; where no secret is set, ORIGIN_REFUSED (403) to the pages of other sites.
   */
  check(request: FastifyRequest, candidates: readonly Carrier[] = this.#options.carriers.all): Webhook {
    const { count, carriers, urls } = this.#options;
    count('webhook_received');
    const asked = carrierRequest(request, urls);
    let carrier: Carrier | undefined;
    if (carriers.isSigned) {
      carrier = candidates.find(({ webhook }) => webhook.proves(asked));
      if (carrier === undefined) this.#refuse(request);
    } else {
      request.server.charge?.(request, 'webhook');
      if (isFromPage(request)) throw new ApiError(403, 'ORIGIN_REFUSED', 'a page of another site asks');
      carrier = likeliest(candidates, asked);
    }
    const facts = carrier.webhook.read(asked);
    if (facts === undefined || !CALL_ID.test(facts.carrierCallId)) {
      count('webhook_invalid');
      throw new BridgeError(
        'WEBHOOK_INVALID',
        `a webhook needs ${carrier.webhook.callIdName} of 1 to 100 letters, digits and .:_=-`,
        { status: 400 },
      );
    }
    return { ...facts, carrier: carrier.name, proven: carriers.isSigned };
  }

  #refuse(request: FastifyRequest): never {
    request.server.charge?.(request, 'webhook');
    this.#options.count('webhook_signature_invalid');
    request.log.warn(
      { remoteAddress: request.server.addressOf?.(request) ?? request.ip, route: request.routeOptions.url },
      'webhook signature is invalid',
    );
    throw new BridgeError('WEBHOOK_SIGNATURE_INVALID', 'no carrier that is configured signed this request', {
      status: 403,
    });
  }
}

function carrierRequest(request: FastifyRequest, urls: PublicUrls): CarrierRequest {
  const { method, headers, url } = request;
  const start = url.indexOf('?');
  return {
    method,
    headers,
    url: urls.http(request, url),
    query: start === -1 ? '' : url.slice(start + 1),
    ...((request.body as WebhookBody | undefined) ?? EMPTY),
  };
}

/** Which carrier speaks, where no secret proves it. Of equals it is the first. */
function likeliest(carriers: readonly Carrier[], request: CarrierRequest): Carrier {
  const [first, ...others] = carriers;
  if (first === undefined) throw new BridgeError('WEBHOOK_INVALID', 'no carrier is known here', { status: 400 });
  let best = { carrier: first, likeness: first.webhook.likeness(request) };
  for (const carrier of others) {
    const likeness = carrier.webhook.likeness(request);
    if (likeness > best.likeness) best = { carrier, likeness };
  }
  return best.carrier;
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
