import type { Clock } from '../../call/clock.ts';
import { BridgeError } from '../../errors.ts';
import { modelFetch, modelHttpError } from '../common/http.ts';
import { restUrl } from './urls.ts';

/**
 * The HTTP half of a WebRTC session: the offer goes out, the answer comes back, and at the end the call is hung up
 * (https://platform.openai.com/docs/api-reference/realtime-calls).
 */

export interface CallsApi {
  readonly baseUrl: string;
  /** On every request, besides the key. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bearer; empty sends none, where `headers` hold the deployment's own key. */
  readonly key: string;
  /** Bearer of the hang-up, which a call's own key may not do. */
  readonly standardKey: string;
  readonly model: string;
  /** `POST /realtime/calls`, or the older `POST /realtime?model=`. */
  readonly sdpApi: 'calls' | 'realtime';
  readonly clock: Clock;
  readonly fetch?: typeof fetch;
}

const HANGUP_TIMEOUT_MS = 2_000;

export interface Answer {
  /** SDP. */
  readonly answer: string;
  /** `rtc_...`; undefined where the server gives none, as the older API does. */
  readonly callId: string | undefined;
}

/**
 * Posts an SDP offer. Rejects with a MODEL_* error (http.ts), MODEL_PROTOCOL for an answer that is not SDP, or the signal's reason.
 */
export async function postOffer(api: CallsApi, offer: string, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
  const response = await modelFetch({
    url:
      api.sdpApi === 'calls'
        ? restUrl(api.baseUrl, 'realtime/calls')
        : restUrl(api.baseUrl, 'realtime', { model: api.model }),
    headers: headersOf(api, api.key, { 'Content-Type': 'application/sdp', Accept: 'application/sdp' }),
    body: offer,
    timeoutMs,
    clock: api.clock,
    signal,
    ...(api.fetch === undefined ? {} : { fetch: api.fetch }),
  });
  if (!response.ok) throw await modelHttpError(response, api.clock.wall());
  const callId = callIdOf(response.headers.get('location'));
  const answer = await response.text();
  if (!answer.startsWith('v=0')) {
    throw new BridgeError('MODEL_PROTOCOL', 'the offer was answered with something that is not SDP');
  }
  return { answer, callId };
}

/**
 * Ends a call on the server's side, which takes the standard key (https://platform.openai.com/docs/api-reference/realtime-calls/hangup-call).
 * Rejects as `modelFetch` does, and with a MODEL_* error when it is refused.
 */
export async function hangUp(api: CallsApi, callId: string): Promise<void> {
  const response = await modelFetch({
    url: restUrl(api.baseUrl, `realtime/calls/${callId}/hangup`),
    headers: headersOf(api, api.standardKey, {}),
    timeoutMs: HANGUP_TIMEOUT_MS,
    clock: api.clock,
    // The call is over already: nothing but the time limit may stop this.
    signal: new AbortController().signal,
    ...(api.fetch === undefined ? {} : { fetch: api.fetch }),
  });
  if (!response.ok) throw await modelHttpError(response, api.clock.wall());
}

function headersOf(api: CallsApi, bearer: string, own: Record<string, string>): Record<string, string> {
  return { ...api.headers, ...own, ...(bearer === '' ? {} : { Authorization: `Bearer ${bearer}` }) };
}

/** The last segment of the answer's Location. Only what can stand in a path unescaped is taken. */
function callIdOf(location: string | null): string | undefined {
  const id = location?.split(/[?#]/)[0]?.split('/').pop() ?? '';
  return /^[\w-]{1,200}$/.test(id) ? id : undefined;
}
