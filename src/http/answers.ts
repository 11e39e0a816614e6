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
  /** What is asked of SignalWire's streams; its own defaults without it. `auto`: by each call, realtime where the model's audio is. */
  readonly signalwire?:
    | { readonly codec?: string | undefined; readonly realtime?: boolean | 'auto' | undefined }
    | undefined;
  /** Said when a call cannot go on. */
  readonly apology: Spoken;
  /** Number (E.164) such a caller is then connected to. */
  readonly transferTo?: string | undefined;
  /** For how long at most, seconds. */
  readonly transferSeconds?: number | undefined;
  /** Said when a new caller is turned away; the network's busy signal without it. */
  readonly busy?: Spoken | undefined;
}

/** A call whose media stream is to be opened. */
export interface ConnectedCall {
  readonly carrier: Carrier;
  readonly carrierCallId: string;
  readonly callId: string;
  /** Whether the model's audio is expected in real time. */
  readonly live: boolean;
}

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
    const { urls, tokens, signalwire } = this.#options;
    const { carrier, carrierCallId, callId, live } = call;
    const token = tokens.issue({ carrier, carrierCallId, callId });
    const realtime = signalwire?.realtime === 'auto' ? live : signalwire?.realtime;
    return connectStream({
      carrier,
      streamUrl: urls.ws(request, PATHS.mediaStream),
      token,
      continueUrl: urls.http(request, PATHS.callContinue),
      statusCallbackUrl: urls.http(request, PATHS.streamStatus),
      signalwire: { codec: signalwire?.codec, realtime, bearerToken: token },
    });
  }

  apology(): string {
    const { apology, transferTo, transferSeconds } = this.#options;
    return apologise(apology, transferTo, transferSeconds);
  }

  busy(): string {
    return refuseCall(this.#options.busy);
  }
}
