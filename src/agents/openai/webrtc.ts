import { isPrivateHost } from '../../addresses.ts';
import type { Timer } from '../../call/clock.ts';
import type { Count } from '../../call/counters.ts';
import type { Log, PathSample } from '../../call/leg.ts';
import type { Ticker } from '../../call/ticker.ts';
import { BridgeError, errorMessage } from '../../errors.ts';
import { RtcDecoded } from '../../media/rtc-decoded.ts';
import { hasSpoken } from '../../transport/liveness.ts';
import { type IceServer, Peer, type PeerChannel, RTC_SAMPLE_RATE } from '../../transport/peer.ts';
import { type PeerLoss, PeerSession } from '../../transport/peer-session.ts';
import { Uplink } from '../common/uplink.ts';
import { type CallsApi, hangUp, postOffer } from './calls-api.ts';
import type { ConnectionHandlers, ModelConnection } from './connection.ts';
import { acceptableAnswer, audioCodec, leanOffer, maxMessageBytes } from './sdp.ts';

/**
 * The model's session over WebRTC: events on the data channel `oai-events`, audio as Opus over RTP both ways, the offer answered over
 * HTTP (https://platform.openai.com/docs/guides/realtime-webrtc).
 */

export interface WebRtcConnectOptions extends CallsApi {
  readonly iceServers: IceServer[];
  readonly portRange?: { min: number; max: number };
  /** From the call of `connectWebRtc` to an open data channel and connected media, ms. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly ticker: Ticker;
  readonly count: Count;
  readonly log: Log;
  /**
   * Hz of the caller's audio before it was brought to 48 kHz: the encoder then spends nothing on what lies above half of it. Without it
   * the whole band is encoded.
   */
  readonly sourceRate?: number;
  /** Whether the answer's candidates may be private addresses; by default only when the base URL's host is this machine or its network. */
  readonly allowPrivateCandidates?: boolean;
}

/** Largest event that goes into the data channel, bytes: libwebrtc refuses more than its own max-message-size. */
export const MAX_EVENT_BYTES = 256 * 1024;
/**
 * From the answer on, media may take this, or this many times what the answer took, ms: checks, DTLS and SCTP are some six round trips. Where UDP is
 * blocked nothing comes at all, and the caller is not to wait longer for that.
 */
const MEDIA_MIN_MS = 1_900;
const MEDIA_PER_ANSWER = 2;
/** In less nothing can be said about the way, ms. */
const MEDIA_FAIR_MS = 500;

/**
 * Connects. Resolves when media is connected and the data channel open; events and audio may reach `handlers` a moment before.
 * Rejects, with everything freed, with PEER_UNAVAILABLE, PEER_SDP_INVALID, PEER_FAILED, PEER_CONNECT_TIMEOUT (nothing came of the media's way),
 * PEER_TOO_SLOW (something did, or there was little time to), MODEL_TIMEOUT (the offer was never answered), the MODEL_* error of an HTTP answer, or the signal's reason.
 */
export async function connectWebRtc(
  options: WebRtcConnectOptions,
  handlers: ConnectionHandlers,
): Promise<ModelConnection> {
  if (options.signal.aborted) throw options.signal.reason;
  const connection = new WebRtcConnection(options, handlers);
  try {
    await connection.establish();
    return connection;
  } catch (error) {
    connection.abandon();
    throw error;
  }
}

/** How a loss is called in the log. */
const LOSSES: Readonly<Record<PeerLoss, string>> = {
  disconnected: 'ice-disconnected',
  failed: 'ice-failed',
  closed: 'peer-closed',
  silent: 'far-end-silent',
};

type Phase = 'offering' | 'connecting' | 'connected' | 'over';

class WebRtcConnection implements ModelConnection {
  readonly transport = 'webrtc';
  readonly inputRate: 16_000 | 48_000;
  readonly outputRate = RTC_SAMPLE_RATE;
  readonly #options: WebRtcConnectOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #session: PeerSession;
  readonly #channel: PeerChannel;
  readonly #uplink: Uplink;
  /** Stops the HTTP request when the attempt is over. */
  readonly #request = new AbortController();
  /** Resolves when connected; rejects with what ends the attempt. */
  readonly #ready = Promise.withResolvers<void>();
  readonly #begun: number;
  #answeredAt = Number.POSITIVE_INFINITY;
  /** Ends the wait for media; undefined before the answer. */
  #mediaDeadline: Timer | undefined;
  /** Largest event that both ends take, bytes. */
  #maxEventBytes = MAX_EVENT_BYTES;
  /** The line's codec, of the answer. */
  #codec = 'opus/48000';
  #phase: Phase = 'offering';
  #callId: string | undefined;
  /** Settled when the server was told of the end, or could not be. */
  #hungUp: Promise<void> | undefined;
  /** Ends what runs by itself while connected. */
  #stop: (() => void) | undefined;
  readonly #decoded = new RtcDecoded();

  constructor(options: WebRtcConnectOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#begun = options.clock.now();
    // Twice a telephone's rate is above what the library's own way up to 48 kHz touches; wideband audio is brought there by our filters.
    this.inputRate = options.sourceRate === 8_000 ? 16_000 : RTC_SAMPLE_RATE;
    const { clock, log, iceServers, portRange } = options;
    const ports = portRange === undefined ? {} : { portRange };
    this.#session = new PeerSession({
      peer: (handlers) => new Peer({ iceServers, clock, sendRate: this.inputRate, ...ports }, handlers),
      media: { audio: (samples, rate) => this.#onAudio(samples, rate) },
      clock,
      log,
      far: 'the far end',
      connected: () => this.#maybeReady(),
      lost: (loss, detail) => this.#lose(LOSSES[loss], detail),
    });
    const { peer } = this.#session;
    this.#uplink = new Uplink({
      sampleRate: this.inputRate,
      push: (samples, offset) => peer.sendAudio(samples, offset),
      clock,
      count: options.count,
    });
    // The channel is made before the offer, so that the offer has its line.
    this.#channel = peer.createChannel('oai-events');
    this.#channel.attach({
      open: () => this.#maybeReady(),
      text: (data) => {
        if (this.#phase !== 'over') this.#handlers.event(data);
      },
      close: () => this.#lose('channel-closed', 'the data channel was closed'),
    });
    // The attempt's end may be known before anybody waits for it.
    this.#ready.promise.catch(() => {});
  }

  /** Offer, answer, and the wait for both media and channel. */
  async establish(): Promise<void> {
    const { clock, timeoutMs, signal } = this.#options;
    const onAbort = () => this.#ready.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const deadline = clock.after(timeoutMs, () => void this.#timeOut());
    try {
      await Promise.race([this.#negotiate(), this.#ready.promise]);
      await this.#ready.promise;
      this.#stop = this.#options.ticker.subscribe((now) => this.#uplink.tick(now));
      this.#session.watch();
    } finally {
      deadline.cancel();
      this.#mediaDeadline?.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }

  get maxEventBytes(): number {
    return this.#maxEventBytes;
  }

  send(json: string): boolean {
    if (this.#phase !== 'connected') return false;
    const most = this.#maxEventBytes;
    if (json.length * 3 > most && Buffer.byteLength(json) > most) {
      this.#options.log.warn(
        { code: 'MODEL_SESSION_TOO_LARGE', bytes: Buffer.byteLength(json), most },
        'an event too large for the data channel was not sent',
      );
      return false;
    }
    return this.#channel.send(json);
  }

  sendAudio(samples: Int16Array): void {
    if (this.#phase === 'connected') this.#uplink.write(samples);
  }

  path(): Promise<PathSample> {
    return this.#session.path();
  }

  clearAudio(): void {
    this.#uplink.clear();
  }

  close(): void {
    if (this.#phase === 'over') return;
    this.#end();
    this.#closeLine();
  }

  /** Ends an attempt that failed. */
  abandon(): void {
    if (this.#phase !== 'over') this.#end();
    this.#session.abandon();
  }

  toString(): string {
    const band = this.#options.sourceRate === undefined ? '' : ` (band of ${this.#options.sourceRate} Hz)`;
    return `${this.#codec}${this.#codec.startsWith('opus') ? band : ''} -> webrtc`;
  }

  async #negotiate(): Promise<void> {
    const options = this.#options;
    const offer = leanOffer(await this.#session.peer.createOffer());
    if (this.#over()) return;
    // The attempt's own deadline is the one that counts; the request's must not come before it.
    const { answer, callId } = await postOffer(options, offer, options.timeoutMs + 1_000, this.#request.signal);
    this.#callId = callId;
    if (this.#over()) {
      // The answer came after the end: its session would wait for us until the server's own time limit.
      this.#hangUp();
      return;
    }
    this.#phase = 'connecting';
    const { clock } = options;
    this.#answeredAt = clock.now();
    const mediaMs = Math.max(MEDIA_MIN_MS, MEDIA_PER_ANSWER * (this.#answeredAt - this.#begun));
    this.#mediaDeadline = clock.after(mediaMs, () => void this.#timeOut());
    this.#codec = audioCodec(answer) ?? this.#codec;
    this.#maxEventBytes = Math.min(MAX_EVENT_BYTES, maxMessageBytes(answer));
    const allowPrivate = options.allowPrivateCandidates ?? isPrivateHost(new URL(options.baseUrl).hostname);
    const { sdp, dropped } = acceptableAnswer(answer, allowPrivate, options.sourceRate);
    if (dropped > 0) options.log.warn({ dropped }, 'candidates that are not public were dropped');
    await this.#session.peer.acceptAnswer(sdp);
  }

  #maybeReady(): void {
    if (this.#phase !== 'connecting' || !this.#session.isConnected || !this.#channel.isOpen) return;
    this.#phase = 'connected';
    this.#ready.resolve();
  }

  #lose(code: string, detail: string): void {
    if (this.#phase === 'over') return;
    if (this.#phase !== 'connected') {
      this.#ready.reject(new BridgeError('PEER_FAILED', `WebRTC could not be set up: ${detail}`));
      return;
    }
    this.#end();
    this.#closeLine();
    this.#handlers.closed(code, detail);
  }

  #onAudio(samples: Int16Array, rate: number): void {
    if (this.#phase === 'over') return;
    const heard = this.#decoded.at48k(samples, rate);
    if (heard !== undefined) this.#handlers.audio(heard);
  }

  /** Stops all that could still speak; the session itself is closed by who calls. */
  #end(): void {
    this.#phase = 'over';
    this.#stop?.();
    this.#request.abort();
    this.#hangUp();
  }

  /** What was just said to the server holds the close up for a moment. */
  #closeLine(): void {
    void this.#session.close('webrtc line closed', () => ({ skippedMs: this.#uplink.skippedMs }), this.#hungUp);
  }

  /** Tells the server, so that its session does not wait for media to time out; where that fails, it does. */
  #hangUp(): void {
    const callId = this.#callId;
    this.#callId = undefined;
    if (callId === undefined) return;
    const { log } = this.#options;
    this.#hungUp = hangUp(this.#options, callId).catch((error) => {
      log.debug({ reason: errorMessage(error) }, 'the model was not told of the hang-up');
    });
  }

  #over(): boolean {
    return this.#phase === 'over';
  }

  /** The attempt's time is over: ends it with what that says about the way. */
  async #timeOut(): Promise<void> {
    const { clock } = this.#options;
    const ms = Math.round(clock.now() - this.#begun);
    if (this.#phase === 'offering') {
      const words = `the offer was not answered within ${ms} ms`;
      this.#ready.reject(new BridgeError('MODEL_TIMEOUT', words, { retryable: true }));
      return;
    }
    // The answer left next to no time: nothing is known of the way.
    const cutShort = clock.now() - this.#answeredAt < MEDIA_FAIR_MS;
    const why = this.#session.peer.hasLocalCandidates ? '' : ': no local port for media could be had';
    const code = (await hasSpoken(this.#session.peer)) || cutShort ? 'PEER_TOO_SLOW' : 'PEER_CONNECT_TIMEOUT';
    this.#ready.reject(new BridgeError(code, `no media connection within ${ms} ms${why}`));
  }
}
