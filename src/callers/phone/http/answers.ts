import type { CarrierCall } from '../../../call/carrier-call.ts';
import type { Pace } from '../../../call/leg.ts';
import { numberOf } from '../../../call/party.ts';
import type { HostedRequest, PublicUrls } from '../../../http/public-url.ts';
import type { Carrier } from '../carriers/carrier.ts';
import type { Carriers } from '../carriers/index.ts';
import type { Instruction, Spoken, WebhookEvent } from '../carriers/webhook.ts';
import { callerIdFor, type Ends } from './caller-id.ts';
import type { StreamTokens } from './stream-token.ts';
import type { Webhook } from './webhook.ts';

/** Where carriers find the bridge. */
export const PATHS = {
  incomingCall: '/incoming-call',
  callContinue: '/call-continue',
  transferEnded: '/transfer-ended',
  streamStatus: '/stream-status',
  callStatus: '/call-status',
  mediaStream: '/media-stream',
} as const;

/** The common address of each event. */
export const COMMON_ADDRESSES: Readonly<Record<WebhookEvent, string>> = {
  'incoming-call': PATHS.incomingCall,
  'call-continue': PATHS.callContinue,
  'transfer-ended': PATHS.transferEnded,
  'stream-status': PATHS.streamStatus,
  'call-status': PATHS.callStatus,
};

/** Where a carrier is to tell of an event: at its own address for it, where it has one. */
export function addressOf(carrier: Carrier | undefined, event: WebhookEvent): string {
  return carrier?.webhook.addresses?.[event] ?? COMMON_ADDRESSES[event];
}

export interface AnswerOptions {
  readonly carriers: Carriers;
  readonly urls: PublicUrls;
  readonly tokens: StreamTokens;
  /** A token was made that opens the stream of this call. Must not throw. */
  readonly issued?: ((callId: string) => void) | undefined;
  /** The path of media streams; `PATHS.mediaStream` when left out. One below it names the instance that has the call. */
  readonly mediaStream?: string | undefined;
  /** How the agent's audio of this call comes, or is expected to; undefined where there is no such call. */
  readonly paceOf?: ((callId: string) => Pace | undefined) | undefined;
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
  readonly noCallerId?: ((call: Pick<CarrierCall, 'carrier' | 'carrierCallId'>) => void) | undefined;
  /** Who is at the ends of the call that a webhook is about; without it the carrier shows what it shows. */
  readonly ends?: ((webhook: Webhook) => Ends) | undefined;
  /** Said when a new caller is turned away; the network's busy signal without it. */
  readonly busy?: Spoken | undefined;
  /** Told of a carrier that is answered over REST and did not take it. */
  readonly notTold?: ((call: Pick<CarrierCall, 'carrier' | 'carrierCallId'>, error: unknown) => void) | undefined;
  /** What this caller is told in place of the two. */
  readonly words?: ((webhook: Webhook) => { readonly fallback: Spoken; readonly busy: Spoken | undefined }) | undefined;
}

/** Where the carrier tells how a transfer ended: `n` is which of the call's. */
export const transferEndedPath = (n: number, carrier?: Carrier): string =>
  `${addressOf(carrier, 'transfer-ended')}?transfer=${n}`;

/** The bridge's answers, with its addresses and words filled in, each as its carrier reads it. */
export class Answers {
  readonly #options: AnswerOptions;

  constructor(options: AnswerOptions) {
    this.#options = options;
  }

  /**
   * The document that opens the media stream of this call, with a token of its own. It is written while the model is still being connected,
   * and the carrier reads it once: where WebRTC fails after that, audio comes ahead of time on a stream whose carrier may trim what is early.
   * The caller's leg goes by what the transport really is, never has more than its lead on the way, and takes the place of playing from the
   * carrier's marks, so what is trimmed is not taken for heard. `at`: the instance that is to have the stream, where it is not the one of all.
   */
  connect(request: HostedRequest, webhook: Webhook, callId: string, at?: string): string {
    const { carriers, urls, tokens, paceOf, issued, mediaStream: own = PATHS.mediaStream } = this.#options;
    // Where paths name instances, this one's names that.
    const mediaStream = at === undefined || own === PATHS.mediaStream ? own : `${PATHS.mediaStream}/${at}`;
    const { carrier: name, carrierCallId } = webhook;
    const carrier = carriers.of(webhook);
    issued?.(callId);
    return this.#tell(webhook, {
      do: 'connect',
      stream: {
        callId,
        streamUrl: urls.ws(request, mediaStream),
        token: tokens.issue({ carrier: name, carrierCallId, callId }),
        continueUrl: urls.http(request, addressOf(carrier, 'call-continue')),
        statusUrl: urls.http(request, addressOf(carrier, 'stream-status')),
        pace: paceOf?.(callId),
      },
    });
  }

  /** Connects the caller to another number. `n`: which of the call's transfers it is, where he can come back from it. */
  transfer(request: HostedRequest, webhook: Webhook, to: string, seconds: number, n: number | undefined): string {
    const { carriers, urls, ringSeconds } = this.#options;
    const comesBack =
      n === undefined ? {} : { action: urls.http(request, transferEndedPath(n, carriers.of(webhook))), ringSeconds };
    return this.#tell(webhook, {
      do: 'transfer',
      connection: { to, seconds, callerId: this.#callerId(webhook), ...comesBack },
    });
  }

  /** `webhook`: whose caller it is. */
  apology(webhook: Webhook): string {
    const { apology, transferTo, transferSeconds: seconds, words } = this.#options;
    const spoken = words === undefined ? apology : words(webhook).fallback;
    const connection =
      transferTo === undefined || this.#cameFrom(transferTo, webhook)
        ? undefined
        : { to: transferTo, seconds, callerId: this.#callerId(webhook) };
    return this.#tell(webhook, { do: 'apologise', spoken, connection });
  }

  busy(webhook: Webhook): string {
    const { busy, words } = this.#options;
    return this.#tell(webhook, { do: 'refuse', spoken: words === undefined ? busy : words(webhook).busy });
  }

  hangUp(webhook: Webhook): string {
    return this.#tell(webhook, { do: 'hang-up' });
  }

  /** The text that tells it; a carrier that reads no answers is told over REST besides. */
  #tell(webhook: Webhook, instruction: Instruction): string {
    const carrier = this.#options.carriers.of(webhook).webhook;
    const text = carrier.document(instruction, webhook);
    carrier.carryOut?.(instruction, webhook).catch((error: unknown) => this.#options.notTold?.(webhook, error));
    return text;
  }

  /**
   * Whether a number leads to us: it is the one that was called, or it handed this call on to us. Where every caller gets the apology, calls to it
   * would come back one by the other, each with a line of its own, until the carrier has no more.
   */
  #cameFrom(number: string, webhook: Webhook): boolean {
    const { forwardedBy } = this.#options.carriers.of(webhook).webhook.offered(webhook);
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
