import { isPrivateHost } from '../../addresses.ts';
import type { Timer } from '../../call/clock.ts';
import type { PathSample } from '../../call/leg.ts';
import type { Ticker } from '../../call/ticker.ts';
import { BridgeError, errorMessage } from '../../errors.ts';
import { Resampler } from '../../media/resample.ts';
import { RtcDecoded } from '../../media/rtc-decoded.ts';
import { checkOffer } from '../../transport/answer.ts';
import { jsonObject } from '../../transport/http.ts';
import {
  type Candidate,
  type IceServer,
  Peer,
  type PeerChannel,
  type PeerHandlers,
  RTC_SAMPLE_RATE,
} from '../../transport/peer.ts';
import { PeerSession } from '../../transport/peer-session.ts';
import { withStrangersCandidates } from '../../transport/reachable.ts';
import { TurnEar } from '../common/turn-ear.ts';
import { Uplink } from '../common/uplink.ts';
import type { OpenContext, StreamSession, StreamTold } from '../stream/session.ts';
import type { RetellAccount, RetellCall } from './api.ts';
import { GatewayApi } from './gateway-api.ts';

/** Hz of both sides of the leg. */
export const RATE = 24_000;
/** Candidates of the answer that are tried, and of ours that are told. */
const MOST_CANDIDATES = 32;
/** Longest message on the control channel that is read, characters. */
const MOST_CONTROL = 4_096;

/** The part of a peer that a session needs: a test has one of its own. */
export type GatewayPeer = Pick<
  Peer,
  'createChannel' | 'createOffer' | 'acceptAnswer' | 'sendAudio' | 'stats' | 'quality' | 'close'
>;

export interface GatewayOptions {
  readonly account: RetellAccount;
  /** Servers where the call names none. */
  readonly iceServers: readonly IceServer[];
  readonly portRange?: { readonly min: number; readonly max: number } | undefined;
  readonly ticker: Ticker;
  readonly makePeer?: (options: ConstructorParameters<typeof Peer>[0], handlers: PeerHandlers) => GatewayPeer;
  readonly fetch?: typeof fetch | undefined;
}

/** A call over the gateway: Opus over RTP both ways, and a data channel by which the end is told. */
export class GatewayCall implements StreamSession {
  readonly #o: GatewayOptions;
  readonly #told: StreamTold;
  readonly #context: OpenContext;
  readonly #call: RetellCall;
  readonly #api: GatewayApi;
  readonly #session: PeerSession<GatewayPeer>;
  readonly #uplink: Uplink;
  readonly #ear: TurnEar;
  readonly #decoded = new RtcDecoded();
  readonly #down = new Resampler(RTC_SAMPLE_RATE, RATE);
  readonly #up = new Resampler(RATE, RTC_SAMPLE_RATE);
  readonly #connected = Promise.withResolvers<void>();
  /** Ends what is said on the side. */
  readonly #asides = new AbortController();
  readonly #found: Candidate[] = [];
  #sessionId: string | undefined;
  #late: Timer | undefined;
  #untick: (() => void) | undefined;
  #isUp = false;
  #over = false;

  private constructor(call: RetellCall, options: GatewayOptions, told: StreamTold, context: OpenContext) {
    this.#o = options;
    this.#call = call;
    this.#told = told;
    this.#context = context;
    const { clock, log, count } = context;
    this.#api = new GatewayApi(options.account, call, clock, options.fetch);
    this.#ear = new TurnEar(RATE, told);
    const makePeer = options.makePeer ?? ((peer, handlers) => new Peer(peer, handlers));
    const iceServers = [...(call.iceServers.length > 0 ? call.iceServers : options.iceServers)];
    const ports = options.portRange === undefined ? {} : { portRange: options.portRange };
    this.#session = new PeerSession<GatewayPeer>({
      peer: (handlers) => makePeer({ iceServers, clock, ...ports }, handlers),
      media: {
        audio: (samples, rate) => this.#heard(samples, rate),
        candidate: (candidate) => this.#candidate(candidate),
      },
      clock,
      log,
      far: 'the gateway',
      connected: () => this.#connected.resolve(),
      lost: (_loss, detail) => this.#lose(detail),
    });
    const { peer } = this.#session;
    this.#uplink = new Uplink({
      sampleRate: RTC_SAMPLE_RATE,
      push: (samples, offset) => peer.sendAudio(samples, offset),
      clock,
      count,
    });
    this.#attach(peer.createChannel('control'));
    // Nobody may wait for it any more when it fails.
    this.#connected.promise.catch(() => {});
  }

  /** Connects. Resolves when media is up, which `told.ready` has been told of. Rejects, with everything freed, with a MODEL_* error or the signal's reason. */
  static async open(
    call: RetellCall,
    options: GatewayOptions,
    told: StreamTold,
    context: OpenContext,
  ): Promise<GatewayCall> {
    const session = new GatewayCall(call, options, told, context);
    try {
      await session.#establish();
      return session;
    } catch (error) {
      session.close();
      throw error instanceof BridgeError && error.code.startsWith('PEER_') && error.code !== 'PEER_UNAVAILABLE'
        ? new BridgeError('MODEL_UNAVAILABLE', `no media to the agent: ${error.message}`, { cause: error })
        : error;
    }
  }

  audio(samples: Int16Array): void {
    if (this.#over) return;
    this.#ear.caller(samples);
    this.#uplink.write(this.#up.process(samples));
  }

  path(): Promise<PathSample> {
    return this.#session.path();
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#late?.cancel();
    this.#untick?.();
    this.#asides.abort();
    const { signal, log } = this.#context;
    signal.removeEventListener('abort', this.#onAbort);
    this.#connected.reject(new BridgeError('ABORTED', 'the call ended'));
    const sessionId = this.#sessionId;
    const hungUp =
      sessionId === undefined
        ? undefined
        : this.#api.hangUp(sessionId).catch((error: unknown) => {
            log.debug({ reason: errorMessage(error) }, 'the agent was not told of the hang-up');
          });
    if (this.#isUp)
      void this.#session.close('webrtc line closed', () => ({ skippedMs: this.#uplink.skippedMs }), hungUp);
    else this.#session.abandon();
  }

  async #establish(): Promise<void> {
    const { clock, signal, deadline, log } = this.#context;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    const { peer } = this.#session;
    const offer = await peer.createOffer();
    // The token dies soon: nothing else comes between.
    const { sessionId, sdp } = await this.#api.offer(offer, signal);
    this.#sessionId = sessionId;
    if (this.#over) {
      // The answer came behind the end.
      void this.#api.hangUp(sessionId).catch(() => {});
      throw new BridgeError('ABORTED', 'the call ended');
    }
    this.#late = clock.after(Math.max(0, deadline - clock.now()), () =>
      this.#connected.reject(new BridgeError('PEER_CONNECT_TIMEOUT', 'it was not up in time: is UDP blocked?')),
    );
    checkOffer(sdp, { channel: true, what: 'answer' });
    const allowPrivate = isPrivateHost(new URL(this.#o.account.apiUrl).hostname);
    const { sdp: answer, dropped } = allowPrivate ? { sdp, dropped: 0 } : withStrangersCandidates(sdp, MOST_CANDIDATES);
    if (dropped > 0) log.warn({ dropped }, 'candidates that are not public were dropped');
    await peer.acceptAnswer(answer);
    for (const candidate of this.#found.splice(0)) this.#tellOf(sessionId, candidate);
    await this.#connected.promise;
    this.#late.cancel();
    this.#isUp = true;
    this.#untick = this.#o.ticker.subscribe((now) => this.#uplink.tick(now));
    this.#session.watch();
    this.#told.ready(this.#call.callId, 'gateway');
  }

  #attach(channel: PeerChannel): void {
    channel.attach({
      text: (data) => this.#control(data),
      // Where the end was not told the connection's own end is what counts.
      close: () => this.#lose('the control channel was closed'),
    });
  }

  /** The only thing that is told by this way: that the call is over. */
  #control(data: string): void {
    if (this.#over) return;
    const message = data.length > MOST_CONTROL ? undefined : jsonObject(data);
    if (message === undefined) this.#told.unreadable('a message on the control channel could not be read');
    else if (message['type'] !== 'status') this.#told.unknown(String(message['type']));
    else if (message['state'] === 'ended') this.#told.hungUp('the agent ended the call');
    else if (message['state'] === 'replaced') this.#lose('another client took the call');
  }

  #heard(samples: Int16Array, rate: number): void {
    const heard = this.#over ? undefined : this.#decoded.at48k(samples, rate);
    if (heard === undefined) return;
    const frame = this.#down.process(heard);
    this.#told.audio(frame);
    this.#ear.agent(frame);
  }

  #candidate(candidate: Candidate): void {
    if (this.#over || this.#found.length >= MOST_CANDIDATES) return;
    if (this.#sessionId === undefined) this.#found.push(candidate);
    else this.#tellOf(this.#sessionId, candidate);
  }

  /** It helps where it arrives; the gateway learns our ways from our checks as well (RFC 8445 section 7.3.1.3). */
  #tellOf(sessionId: string, candidate: Candidate): void {
    const { log } = this.#context;
    this.#api.candidate(sessionId, candidate, this.#asides.signal).catch((error: unknown) => {
      if (!this.#over) log.debug({ reason: errorMessage(error) }, 'the gateway was not told of a candidate');
    });
  }

  #lose(detail: string): void {
    if (this.#over) return;
    if (this.#isUp) this.#told.lost(new BridgeError('MODEL_SESSION_LOST', detail));
    else this.#connected.reject(new BridgeError('PEER_FAILED', detail));
  }

  readonly #onAbort = () => this.#connected.reject(this.#context.signal.reason);
}
