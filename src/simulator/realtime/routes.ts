import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { delay } from '../../call/clock.ts';
import { errorCode } from '../../errors.ts';
import { requestUrl } from '../../transport/request-url.ts';
import { answerHttpEndpoint, isHttpEndpoint } from '../openai-http/index.ts';
import { betaSession, updateFromBeta } from './beta.ts';
import { type CallAction, callActionOf, controlCall } from './call-control.ts';
import { keyOf, parseForm, parseJsonObject, readBody, sendJson, wantsBeta } from './http-body.ts';
import { newId } from './ids.ts';
import { type Credential, type EphemeralKey, KEY_TTL } from './keys.ts';
import type { Registry } from './registry.ts';
import { findFault } from './scenario.ts';
import { looksLikeOffer } from './sdp.ts';
import { invalidKey, ServiceError, statusError } from './service-error.ts';
import {
  DEFAULT_MODEL,
  defaultConfig,
  mergeConfig,
  parseUpdate,
  type SessionConfig,
  shownConfig,
} from './session-config.ts';
import { throwZodIssue } from './validation.ts';
import { WebRtcCall } from './webrtc-session.ts';

/** The HTTP side of the service. Source: OpenAI API reference, Realtime. */

const secretRequest = z.strictObject({
  expires_after: z
    .strictObject({
      anchor: z.literal('created_at').default('created_at'),
      seconds: z.int().min(KEY_TTL.min).max(KEY_TTL.max).default(KEY_TTL.default),
    })
    .optional(),
  session: z.unknown().optional(),
});

/** Everything of a session may be set while it is being made. */
const NO_LIMITS = { voiceFixed: false, modelFixed: false };

export function configFrom(session: unknown, model: string = DEFAULT_MODEL): SessionConfig {
  return session === undefined
    ? defaultConfig(model)
    : mergeConfig(defaultConfig(model), parseUpdate(session), NO_LIMITS);
}

export class Routes {
  readonly #registry: Registry;
  /** Running calls by id. */
  readonly calls = new Map<string, WebRtcCall>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Answers one request. Throws a ServiceError for what is refused. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = requestUrl(request);
    if (url === undefined) throw new ServiceError(`Invalid URL (${request.method} ${request.url})`, { status: 400 });
    const path = url.pathname.replace(/\/+$/, '');
    const control = callActionOf(path);
    const known = [
      '/v1/realtime',
      '/v1/realtime/client_secrets',
      '/v1/realtime/sessions',
      '/v1/realtime/calls',
    ].includes(path);
    const isHttp = isHttpEndpoint(path);
    if (!known && !isHttp && control === undefined)
      throw new ServiceError(`Invalid URL (${request.method} ${path})`, { status: 404 });
    if (request.method !== 'POST')
      throw new ServiceError(`Not allowed to ${request.method} on ${path}.`, { status: 405 });
    const credential = this.#registry.keys.check(keyOf(request));
    if (control !== undefined) return this.#control(credential, control, request, response);
    if (isHttp) {
      requireStandard(credential);
      return answerHttpEndpoint(this.#registry, path, request, response);
    }
    switch (path) {
      case '/v1/realtime/client_secrets':
        return this.#clientSecret(credential, request, response);
      case '/v1/realtime/sessions':
        return this.#betaSession(credential, request, response);
      default:
        return this.#call(credential, request, response, url);
    }
  }

  async #clientSecret(credential: Credential, request: IncomingMessage, response: ServerResponse): Promise<void> {
    requireStandard(credential);
    const body = parseJsonObject(await readBody(request));
    await this.#keyFaults();
    const parsed = secretRequest.safeParse(body);
    if (!parsed.success) throwZodIssue(parsed.error, body, '');
    const config = configFrom(parsed.data.session);
    const key = this.#registry.keys.mint(config, parsed.data.expires_after?.seconds ?? KEY_TTL.default, false);
    const session = { ...shownConfig(config), object: 'realtime.session', id: newId('sess'), expires_at: 0 };
    sendJson(response, 200, { value: key.value, expires_at: unixSeconds(key), session });
  }

  async #betaSession(credential: Credential, request: IncomingMessage, response: ServerResponse): Promise<void> {
    requireStandard(credential);
    const body = parseJsonObject(await readBody(request));
    await this.#keyFaults();
    const config = mergeConfig(defaultConfig(), updateFromBeta(body), NO_LIMITS);
    const key = this.#registry.keys.mint(config, KEY_TTL.beta, true);
    sendJson(response, 200, {
      id: newId('sess'),
      object: 'realtime.session',
      expires_at: 0,
      ...betaSession(config),
      client_secret: { value: key.value, expires_at: unixSeconds(key) },
    });
  }

  async #keyFaults(): Promise<void> {
    const faults = this.#registry.nextKey();
    const late = findFault(faults, 'delay_key');
    if (late !== undefined) await delay(this.#registry.clock, late.ms);
    const refused = findFault(faults, 'refuse_key');
    if (refused !== undefined) throw statusError(refused.status, refused.code, refused.retryAfterSeconds);
  }

  async #call(credential: Credential, request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { offer, config } = await this.#offerOf(credential, request, url);
    const { number, faults } = this.#registry.nextSession();
    const late = findFault(faults, 'delay_sdp');
    if (late !== undefined) await delay(this.#registry.clock, late.ms);
    const refused = findFault(faults, 'refuse_sdp');
    if (refused !== undefined) throw statusError(refused.status, refused.code, refused.retryAfterSeconds);
    if (!looksLikeOffer(offer)) throw invalidOffer();
    this.#registry.requireOpen();
    const beta = wantsBeta(request) || (credential.kind === 'ephemeral' && credential.key.beta);
    const call = new WebRtcCall(this.#registry, {
      number,
      faults,
      config,
      beta,
      ended: (ended) => this.calls.delete(ended.id),
    });
    this.calls.set(call.id, call);
    let answer: string;
    try {
      answer = await call.answer(offer);
    } catch (error) {
      call.end('offer refused');
      throw errorCode(error) === 'PEER_SDP_INVALID' ? invalidOffer() : error;
    }
    if (findFault(faults, 'garbled_sdp') !== undefined) answer = 'v=0\r\nthis is not an answer\r\n';
    response.writeHead(201, {
      'content-type': 'application/sdp',
      'content-length': Buffer.byteLength(answer),
      location: `/v1/realtime/calls/${call.id}`,
    });
    response.end(answer);
  }

  /** The offer and the session it is for: raw SDP with an ephemeral key's session or `?model=`, or a form with both parts. */
  async #offerOf(
    credential: Credential,
    request: IncomingMessage,
    url: URL,
  ): Promise<{ offer: string; config: SessionConfig }> {
    const contentType = request.headers['content-type'] ?? '';
    const body = await readBody(request);
    const base =
      credential.kind === 'ephemeral'
        ? credential.key.config
        : defaultConfig(url.searchParams.get('model') ?? undefined);
    if (/^application\/sdp\b/i.test(contentType)) return { offer: body.toString(), config: base };
    if (!/^multipart\/form-data\b/i.test(contentType)) {
      throw new ServiceError(
        `Unsupported content type: '${contentType}'. Use application/sdp or multipart/form-data.`,
        {
          status: 415,
          code: 'unsupported_content_type',
        },
      );
    }
    const form = await parseForm(body, contentType);
    const offer = form.get('sdp');
    if (offer === undefined)
      throw new ServiceError("Missing required parameter: 'sdp'.", {
        code: 'missing_required_parameter',
        param: 'sdp',
      });
    const session = form.get('session');
    if (session === undefined) return { offer, config: base };
    return { offer, config: mergeConfig(base, parseUpdate(parseJsonObject(session)), NO_LIMITS) };
  }

  async #control(
    credential: Credential,
    { id, action }: { id: string; action: CallAction },
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    requireStandard(credential);
    controlCall(this.calls, id, action, await readBody(request));
    response.writeHead(200, { 'content-length': 0 });
    response.end();
  }
}

function unixSeconds(key: EphemeralKey): number {
  return Math.floor(key.expiresAt / 1000);
}

function requireStandard(credential: Credential): void {
  if (credential.kind !== 'standard') throw invalidKey('An ephemeral key cannot be used here. Use a standard API key.');
}

function invalidOffer(): ServiceError {
  return new ServiceError('The SDP offer could not be parsed.', { code: 'invalid_offer', param: 'sdp' });
}
