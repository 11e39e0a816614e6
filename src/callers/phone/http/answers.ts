import type { Pace } from '../../../call/leg.ts';
import { numberOf } from '../../../call/party.ts';
import type { HostedRequest, PublicUrls } from '../../../http/public-url.ts';
import { parseParty } from '../../../numbering/party.ts';
import {
  apologise,
  type Carrier,
  connectStream,
  connectTo,
  refuseCall,
  type Spoken,
  voiceAt,
} from '../carriers/laml/document.ts';
import { callerIdFor, type Ends } from './caller-id.ts';
import type { StreamTokens } from './stream-token.ts';
import type { Webhook } from './webhook.ts';

/** Where carriers find the bridge. */
export const PATHS = {
  incomingCall: '/incoming-call',
  callContinue: '/call-continue',
  transferEnded: '/transfer-ended',
  streamStatus: '/stream-status',
  mediaStream: '/media-stream',
} as const;

export interface AnswerOptions {
  readonly urls: PublicUrls;
  readonly tokens: StreamTokens;
  /** How the agent's audio of this call comes, or is expected to; undefined where there is no such call. */
  readonly paceOf?: ((callId: string) => Pace | undefined) | undefined;
  /** What is asked of SignalWire's streams; its own defaults without it. `auto`: by each call, realtime where the agent's audio is. */
  readonly signalwire?:
    | { readonly codec?: string | undefined; readonly realtime?: boolean | 'auto' | undefined }
    | undefined;
  /** Said when a call cannot go on. */
  readonly apology: Spoken;
  /** Number (E.164) such a caller is then connected to. */
  readonly transferTo?: string | undefined;
  /** For how long at most, seconds. */
  readonly transferSeconds?: number | undefined;
  /** Number (E.164) shown for callers who have none of their own to show. */
  readonly callerId?: string | undefined;
  /** How long a number rings that a caller is transferred to, seconds. */
  readonly ringSeconds?: number | undefined;
  /** Told where a carrier will refuse to dial, since no number can be shown. */
  readonly noCallerId?: ((call: Pick<ConnectedCall, 'carrier' | 'carrierCallId'>) => void) | undefined;
  /** Who is at the ends of the call that a webhook is about; without it the carrier shows what it shows. */
  readonly ends?: ((webhook: Webhook) => Ends) | undefined;
  /** Said when a new caller is turned away; the network's busy signal without it. */
  readonly busy?: Spoken | undefined;
  /** What this caller is told in place of the two. */
  readonly words?: ((webhook: Webhook) => { readonly fallback: Spoken; readonly busy: Spoken | undefined }) | undefined;
}

/** A call whose media stream is to be opened. */
export interface ConnectedCall {
  readonly carrier: Carrier;
  readonly carrierCallId: string;
  readonly callId: string;
}

/** Where the carrier tells how a transfer ended: `n` is which of the call's. */
export const transferEndedPath = (n: number): string => `${PATHS.transferEnded}?transfer=${n}`;

const spokenAt = (carrier: Carrier, spoken: Spoken): Spoken => ({ ...spoken, voice: voiceAt(carrier, spoken.voice) });

/** The bridge's answers, with its addresses and words filled in. */
export class Answers {
  readonly #options: AnswerOptions;

  constructor(options: AnswerOptions) {
    this.#options = options;
  }

  /**
   * The document that opens the media stream of this call, with a token of its own. It is written while the model is still being connected,
   * and the carrier reads it once: where WebRTC fails after that, audio comes ahead of time on a stream whose carrier may trim what is early.
   * The caller's leg goes by what the transport really is, never has more than its lead on the way, and takes the place of playing from the
   * carrier's marks, so what is trimmed is not taken for heard.
   */
  connect(request: HostedRequest, call: ConnectedCall): string {
    const { urls, tokens, signalwire, paceOf } = this.#options;
    const { carrier, carrierCallId, callId } = call;
    const token = tokens.issue({ carrier, carrierCallId, callId });
    const realtime = signalwire?.realtime === 'auto' ? paceOf?.(callId) === 'live' : signalwire?.realtime;
    return connectStream({
      streamUrl: urls.ws(request, PATHS.mediaStream),
      token,
      continueUrl: urls.http(request, PATHS.callContinue),
      statusCallbackUrl: urls.http(request, PATHS.streamStatus),
      attributes:
        carrier === 'signalwire'
          ? { authBearerToken: token, codec: signalwire?.codec, realtime: realtime?.toString() }
          : undefined,
    });
  }

  /** Connects the caller to another number. `n`: which of the call's transfers it is, where he can come back from it. */
  transfer(request: HostedRequest, webhook: Webhook, to: string, seconds: number, n: number | undefined): string {
    const callerId = this.#callerId(webhook);
    if (n === undefined) return connectTo(to, seconds, { callerId });
    const { urls, ringSeconds } = this.#options;
    const action = urls.http(request, transferEndedPath(n));
    return connectTo(to, seconds, { action, ringSeconds, callerId });
  }

  /** `webhook`: whose caller it is. */
  apology(webhook?: Webhook): string {
    const { apology, transferTo, transferSeconds, words } = this.#options;
    if (webhook === undefined) return apologise(apology, transferTo, transferSeconds);
    const spoken = spokenAt(webhook.carrier, words === undefined ? apology : words(webhook).fallback);
    if (transferTo === undefined || this.#cameFrom(transferTo, webhook)) return apologise(spoken);
    return apologise(spoken, transferTo, transferSeconds, { callerId: this.#callerId(webhook) });
  }

  busy(webhook?: Webhook): string {
    const { busy, words } = this.#options;
    if (webhook === undefined) return refuseCall(busy);
    const spoken = words === undefined ? busy : words(webhook).busy;
    return refuseCall(spoken && spokenAt(webhook.carrier, spoken));
  }

  /**
   * Whether a number leads to us: it is the one that was called, or it handed this call on to us. Where every caller gets the apology, calls to it
   * would come back one by the other, each with a line of its own, until the carrier has no more.
   * https://www.twilio.com/docs/voice/twiml#request-parameters (ForwardedFrom)
   */
  #cameFrom(number: string, webhook: Webhook): boolean {
    const forwardedBy = parseParty(webhook.params['ForwardedFrom'] ?? '');
    const called = this.#options.ends?.(webhook).to;
    return numberOf(forwardedBy) === number || (called !== undefined && numberOf(called) === number);
  }

  #callerId(webhook: Webhook): string | undefined {
    const { ends, callerId, noCallerId } = this.#options;
    if (ends === undefined) return undefined;
    const { shown, missing } = callerIdFor(ends(webhook), callerId);
    if (missing) noCallerId?.(webhook);
    return shown;
  }
}
