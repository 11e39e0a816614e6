import { type Clock, systemClock } from '../../../call/clock.ts';
import type { Log } from '../../../call/leg.ts';
import { scrub } from '../../../log.ts';
import { ExchangeError, exchange, type HttpAnswer, jsonObject, retryAfterMs } from '../../../transport/http.ts';
import { backoffMs, withRetry } from '../../../transport/retry.ts';
import { integerOf, objectOf } from '../reading.ts';
import { GraphError, type GraphErrorCode, graphCodeFor } from './errors.ts';
import { type Permission, permissionOf } from './permission.ts';

/**
 * Meta's Graph API, as far as calls need it, for one of our phone numbers: bounded in time and size, repeated where that is safe, and with nothing
 * secret in any error. https://developers.facebook.com/documentation/business-messaging/whatsapp/calling/reference
 */

export interface GraphOptions {
  /** Where the Graph API is, without its version: https://graph.facebook.com */
  readonly url: string;
  /** What is told beside the error where nobody is there: why this address was asked. */
  readonly whenUnreachable?: string | undefined;
  /** Of the API: v25.0. Calls need v17.0 or newer. */
  readonly version: string;
  readonly token: string;
  /** The id of our number, not the number. */
  readonly phoneNumberId: string;
  /** Limit of one try, the answer's body included, ms. */
  readonly timeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
  /** 0 to 1: spreads the repetitions of many calls that failed together. */
  readonly random?: (() => number) | undefined;
  readonly log?: Pick<Log, 'warn'> | undefined;
  /** Told of each try: what was asked, how it went, and how long it took, ms. */
  readonly asked?: ((action: GraphAction, outcome: 'ok' | GraphErrorCode, ms: number) => void) | undefined;
  readonly fetch?: typeof fetch | undefined;
}

/** Whom a call or a message goes to: `to` is a telephone number's digits (a `wa_id`), `recipient` Meta's id of a user for this business (`user_id`). */
export type Addressee = { readonly to: string } | { readonly recipient: string };

/** How one request may be gone about. */
export interface GraphCall {
  readonly signal?: AbortSignal | undefined;
  /** How often it is tried in all; whoever repeats it himself gives 1. */
  readonly tries?: number | undefined;
}

const TIMEOUT_MS = 5_000;
const TRIES = 3;
/** Wait before the second try, doubled for each further one, and the longest: the caller's phone rings meanwhile, ms. */
const BASE_MS = 200;
const MOST_MS = 3_000;
const BODY_MOST = 256 * 1024;
const MESSAGE_MOST = 200;

/** Everything that Meta is asked: a metric label. */
export const GRAPH_ACTIONS = [
  'pre_accept',
  'accept',
  'reject',
  'terminate',
  'connect',
  'call_permissions',
  'messages',
] as const;
export type GraphAction = (typeof GRAPH_ACTIONS)[number];

interface GraphRequest {
  readonly action: GraphAction;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
  /** Whether doing it twice does no harm. */
  readonly repeatable: boolean;
}

/** All of it rejects with a `GraphError`. */
export class GraphClient {
  /** The id of our number. */
  readonly phoneNumberId: string;
  readonly #o: GraphOptions;
  readonly #clock: Clock;

  constructor(options: GraphOptions) {
    this.#o = options;
    this.#clock = options.clock ?? systemClock;
    this.phoneNumberId = options.phoneNumberId;
  }

  /** Tells Meta our answer before the call is accepted, so that media comes up meanwhile. `sdp`: with CRLF, the same that `accept` gets. */
  async preAccept(callId: string, sdp: string, call?: GraphCall): Promise<void> {
    await this.#call({ call_id: callId, action: 'pre_accept', session: { sdp_type: 'answer', sdp } }, true, call);
  }

  /** Takes the call. Media may flow when it resolves, and not before: the first packet is the acceptance to the user's phone. */
  async accept(callId: string, sdp: string, call?: GraphCall): Promise<void> {
    await this.#call({ call_id: callId, action: 'accept', session: { sdp_type: 'answer', sdp } }, true, call);
  }

  /** Declines a call that was not accepted. */
  async reject(callId: string, call?: GraphCall): Promise<void> {
    await this.#call({ call_id: callId, action: 'reject' }, true, call);
  }

  /** Ends a call that was accepted, or one that we place. */
  async terminate(callId: string, call?: GraphCall): Promise<void> {
    await this.#call({ call_id: callId, action: 'terminate' }, true, call);
  }

  /**
   * Calls a user who allowed it; what becomes of it is told by webhooks. `opaque`: comes back in them, 512 characters at most. It is repeated only
   * where Meta certainly did not place the call.
   */
  async connect(
    addressee: Addressee,
    sdp: string,
    opaque?: string,
    call?: GraphCall,
  ): Promise<{ readonly callId: string }> {
    const session = { sdp_type: 'offer', sdp };
    const about = opaque === undefined ? {} : { biz_opaque_callback_data: opaque };
    const answer = await this.#call({ ...addressee, action: 'connect', session, ...about }, false, call);
    const [placed] = Array.isArray(answer['calls']) ? answer['calls'] : [];
    const callId: unknown = placed?.['id'];
    if (typeof callId === 'string' && callId !== '') return { callId };
    throw new GraphError('GRAPH_PROTOCOL', 'Meta took the call and did not say its id', { uncertain: true });
  }

  /** What we may do with a user now. Meta allows few such questions: 613 says so. */
  async permissions(addressee: Addressee, call?: GraphCall): Promise<Permission> {
    const query = new URLSearchParams(
      'to' in addressee ? { user_wa_id: addressee.to } : { recipient: addressee.recipient },
    );
    const path = `call_permissions?${query}`;
    return permissionOf(await this.#send({ action: 'call_permissions', method: 'GET', path, repeatable: true }, call));
  }

  /** Asks a user whether we may call, with a message of `text`; his answer comes by webhook. Resolves with the message's id, where Meta tells it. */
  async askPermission(
    addressee: Addressee,
    text: string,
    call?: GraphCall,
  ): Promise<{ readonly messageId: string | undefined }> {
    const body = {
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      ...addressee,
      type: 'interactive',
      interactive: {
        type: 'call_permission_request',
        action: { name: 'call_permission_request' },
        body: { text },
      },
    };
    const request = { action: 'messages', method: 'POST', path: 'messages', body, repeatable: false } as const;
    const answer = await this.#send(request, call);
    const [sent] = Array.isArray(answer['messages']) ? answer['messages'] : [];
    const messageId: unknown = sent?.['id'];
    return { messageId: typeof messageId === 'string' ? messageId : undefined };
  }

  #call(
    body: { readonly action: GraphAction; readonly [field: string]: unknown },
    repeatable: boolean,
    call?: GraphCall,
  ) {
    return this.#send(
      {
        action: body.action,
        method: 'POST',
        path: 'calls',
        body: { messaging_product: 'whatsapp', ...body },
        repeatable,
      },
      call,
    );
  }

  async #send(request: GraphRequest, { tries = TRIES, signal }: GraphCall = {}): Promise<Record<string, unknown>> {
    const { random = Math.random, log } = this.#o;
    // Whatever Meta answers to a repetition: it may be because it did it the first time.
    let uncertain = false;
    const waitMs = (error: unknown, made: number) => {
      if (!(error instanceof GraphError)) return undefined;
      uncertain ||= error.uncertain;
      if (made >= tries || !error.retryable || (error.uncertain && !request.repeatable)) return undefined;
      // Meta's word counts.
      const wait = error.retryAfterMs ?? backoffMs(BASE_MS, made, random);
      if (wait > MOST_MS) return undefined;
      const { action } = request;
      const { code, status, graphCode } = error;
      log?.warn({ action, code, status, graphCode, try: made, waitMs: Math.round(wait) }, 'Meta failed; trying again');
      return wait;
    };
    return withRetry(() => this.#timed(request, signal), { clock: this.#clock, signal, waitMs }).catch(
      (error: unknown) => {
        if (error instanceof GraphError) throw uncertain && !error.uncertain ? error.asUncertain() : error;
        throw signal?.aborted ? aborted(uncertain) : error;
      },
    );
  }

  async #timed(request: GraphRequest, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const { asked } = this.#o;
    const since = this.#clock.now();
    try {
      const answer = await this.#once(request, signal);
      asked?.(request.action, 'ok', this.#clock.now() - since);
      return answer;
    } catch (error) {
      if (error instanceof GraphError) asked?.(request.action, error.code, this.#clock.now() - since);
      throw error;
    }
  }

  async #once({ method, path, body }: GraphRequest, signal?: AbortSignal): Promise<Record<string, unknown>> {
    const { url, version, token, phoneNumberId, timeoutMs = TIMEOUT_MS } = this.#o;
    const answer = await exchange({
      url: `${url}/${version}/${encodeURIComponent(phoneNumberId)}/${path}`,
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMs,
      mostBytes: BODY_MOST,
      clock: this.#clock,
      signal,
      fetch: this.#o.fetch,
    }).catch((error: unknown) => {
      throw this.#unanswered(error, timeoutMs);
    });
    if (answer.status < 200 || answer.status > 299) throw this.#failure(answer);
    const value = jsonObject(answer.body);
    // What Meta did is told by the status; a body that says otherwise is not what it documents.
    if (value === undefined || value['success'] === false)
      throw new GraphError('GRAPH_PROTOCOL', 'Meta answered without saying that it did it', {
        status: answer.status,
        uncertain: true,
      });
    return { ...value };
  }

  /** What it means here that there was no answer. */
  #unanswered(error: unknown, timeoutMs: number): unknown {
    if (!(error instanceof ExchangeError)) return error;
    const { failure, status, systemCode, mayBeSent: uncertain } = error;
    switch (failure) {
      case 'aborted':
        return aborted(uncertain);
      case 'timeout':
        return new GraphError('GRAPH_TIMEOUT', `no answer from Meta within ${timeoutMs} ms`, { uncertain });
      case 'too-large':
        return new GraphError('GRAPH_PROTOCOL', `Meta answered more than ${BODY_MOST} bytes`, { status, uncertain });
      case 'unreachable':
        return new GraphError(
          'GRAPH_UNAVAILABLE',
          `Meta could not be reached: ${this.#clean(systemCode ?? error.message)}${this.#o.whenUnreachable ?? ''}`,
          { uncertain },
        );
      default:
        return failure satisfies never;
    }
  }

  /** The error behind an answer that is not 2xx. */
  #failure({ status, headers, body }: HttpAnswer): GraphError {
    const told = objectOf(jsonObject(body)?.['error']);
    const graphCode = integerOf(told['code']);
    const code = graphCodeFor(status, graphCode, integerOf(told['error_subcode']));
    const words = [told['message'], objectOf(told['error_data'])['details']].filter((one) => typeof one === 'string');
    const number = graphCode === undefined ? '' : ` (${graphCode})`;
    const detail = words.length === 0 ? '' : `: ${this.#clean(words.join(' '))}`;
    const trace = told['fbtrace_id'];
    return new GraphError(code, `Meta answered HTTP ${status}${number}${detail}`, {
      status,
      graphCode,
      traceId: typeof trace === 'string' ? trace.slice(0, 64) : undefined,
      retryAfterMs: retryAfterMs(headers, this.#clock.wall()),
      // A gateway in front of Meta says nothing of what lies behind it.
      uncertain: status >= 500 && status !== 503 && graphCode === undefined,
    });
  }

  /** Without secrets and phone numbers, and cut to a line. */
  #clean(text: string): string {
    const clean = scrub(text.replaceAll(this.#o.token, '[secret]'))
      .replace(/\bEA[A-Za-z0-9]{20,}/g, '[secret]')
      .replace(/\+?\d[\d\s().-]{7,}\d/g, '[number]')
      .replace(/\s+/g, ' ')
      .trim();
    return clean.length > MESSAGE_MOST ? `${clean.slice(0, MESSAGE_MOST)}...` : clean;
  }
}

function aborted(uncertain: boolean): GraphError {
  return new GraphError('GRAPH_ABORTED', 'the request was given up', { uncertain });
}
