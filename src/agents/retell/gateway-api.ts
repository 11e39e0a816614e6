import { z } from 'zod';
import type { Clock } from '../../call/clock.ts';
import { BridgeError } from '../../errors.ts';
import type { Candidate } from '../../transport/peer.ts';
import { modelFetch, modelHttpError } from '../common/http.ts';
import type { RetellAccount, RetellCall } from './api.ts';

/**
 * The requests of a call over the gateway: an offer is answered, candidates are told, the end is said. It is what WHIP is, in JSON (RFC 9725), as the
 * provider's own client asks it: https://github.com/RetellAI/retell-client-js-sdk/blob/main/src/gateway-transport.ts
 */

/** Whom a call's token is for. */
const IDENTITY = 'client';
/** How long the gateway may take with an offer, and with what is said on the side, ms. */
const OFFER_MS = 5_000;
const ASIDE_MS = 2_000;

const answered = z.object({
  session_id: z.string().regex(/^[\w.-]{1,128}$/),
  sdp: z.string().min(1),
});

export interface GatewaySession {
  readonly sessionId: string;
  /** The answer. */
  readonly sdp: string;
}

export class GatewayApi {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #clock: Clock;
  readonly #fetch: typeof fetch | undefined;

  constructor({ apiUrl }: RetellAccount, call: RetellCall, clock: Clock, own?: typeof fetch) {
    this.#base = `${apiUrl}/webrtc-proxy/${call.callId}/v1/webrtc/sessions`;
    this.#headers = { Authorization: `Bearer ${call.accessToken}` };
    this.#clock = clock;
    this.#fetch = own;
  }

  /** Asked once: a call that the gateway does not know it will not know. Rejects with the MODEL_* error of the answer, or the signal's reason. */
  async offer(sdp: string, signal: AbortSignal): Promise<GatewaySession> {
    const response = await this.#ask('POST', '', { identity: IDENTITY, sdp }, OFFER_MS, signal);
    const answer = answered.safeParse(await response.json().catch(() => undefined));
    if (!answer.success) throw new BridgeError('MODEL_PROTOCOL', 'the gateway answered the offer with no session');
    return { sessionId: answer.data.session_id, sdp: answer.data.sdp };
  }

  /** A way to this end that was found after the offer. */
  async candidate(sessionId: string, { candidate, line }: Candidate, signal: AbortSignal): Promise<void> {
    const body = { candidate: { candidate, sdpMLineIndex: line, sdpMid: String(line) } };
    await this.#ask('PATCH', `/${sessionId}`, body, ASIDE_MS, signal);
  }

  /** Hangs up. A session that is over already is hung up. */
  async hangUp(sessionId: string): Promise<void> {
    try {
      await this.#ask('DELETE', `/${sessionId}`, undefined, ASIDE_MS, new AbortController().signal);
    } catch (error) {
      if (!(error instanceof BridgeError) || error.status !== 404) throw error;
    }
  }

  async #ask(method: string, path: string, body: object | undefined, timeoutMs: number, signal: AbortSignal) {
    const response = await modelFetch({
      url: `${this.#base}${path}`,
      method,
      headers: { ...this.#headers, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      timeoutMs,
      clock: this.#clock,
      signal,
      ...(this.#fetch === undefined ? {} : { fetch: this.#fetch }),
    });
    if (!response.ok) throw await modelHttpError(response, this.#clock.wall());
    return response;
  }
}
