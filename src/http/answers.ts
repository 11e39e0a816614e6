import type { HostedRequest, PublicUrls } from './public-url.ts';
import type { StreamTokens } from './stream-token.ts';
import { apologise, type Carrier, connectStream, refuseCall, type Spoken } from './twiml.ts';

/** Where carriers find the bridge. */
export const PATHS = {
  incomingCall: '/incoming-call',
  callContinue: '/call-continue',
  streamStatus: '/stream-status',
  mediaStream: '/media-stream',
} as const;

export interface AnswerOptions {
  readonly urls: PublicUrls;
  readonly tokens: StreamTokens;
  /** What is asked of SignalWire's streams; its own defaults without it. */
  readonly signalwire?: { readonly codec?: string | undefined; readonly realtime?: boolean | undefined } | undefined;
  /** Said when a call cannot go on. */
  readonly apology: Spoken;
  /** Number (E.164) such a caller is then connected to. */
  readonly transferTo?: string | undefined;
  /** Said when a new caller is turned away; the network's busy signal without it. */
  readonly busy?: Spoken | undefined;
}

/** The bridge's answers, with its addresses and words filled in. */
export class Answers {
  readonly #options: AnswerOptions;

  constructor(options: AnswerOptions) {
    this.#options = options;
  }

  /** The document that opens the media stream of this call, with a token of its own. */
  connect(request: HostedRequest, call: { carrier: Carrier; carrierCallId: string; callId: string }): string {
    const { urls, tokens, signalwire } = this.#options;
    const token = tokens.issue(call);
    return connectStream({
      carrier: call.carrier,
      streamUrl: urls.ws(request, PATHS.mediaStream),
      token,
      continueUrl: urls.http(request, PATHS.callContinue),
      statusCallbackUrl: urls.http(request, PATHS.streamStatus),
      signalwire: { ...signalwire, bearerToken: token },
    });
  }

  apology(): string {
    return apologise(this.#options.apology, this.#options.transferTo);
  }

  busy(): string {
    return refuseCall(this.#options.busy);
  }
}
