import { createRequire } from 'node:module';
import { type Clock, systemClock } from '../call/clock.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import type { NativeAudioSource, NativeChannel, NativePeer, NativeWebRtc } from './wrtc.ts';

/**
 * The only place that knows the WebRTC library (libwebrtc by way of @roamhq/wrtc). A `Peer` is one peer connection with one audio
 * line both ways and data channels: 48 kHz mono in 10 ms frames, which is what libwebrtc speaks at its edge.
 */

/** Samples of one 10 ms frame at 48 kHz: the size libwebrtc takes and gives. */
export const RTC_FRAME_SAMPLES = 480;
export const RTC_SAMPLE_RATE = 48_000;

export interface IceServer {
  urls: string | string[];
  username?: string;
  credential?: string;
}

export interface PeerOptions {
  iceServers: IceServer[];
  /** UDP ports for media, inclusive. Undefined lets the system choose. */
  portRange?: { min: number; max: number };
  /** Only candidates through a TURN server, for hosts with no other way out. */
  relayOnly?: boolean;
  clock?: Clock;
}

export type PeerState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';

/** What a peer tells its owner. None may throw. */
export interface PeerHandlers {
  /**
   * 10 ms of decoded audio (mono s16), about a hundred times a second. The rate is 48,000 Hz but for G.711 lines or before the first
   * packet, so it is told with each frame. Borrowed during the call.
   */
  audio?(samples: Int16Array, sampleRate: number): void;
  state?(state: PeerState): void;
  /** A data channel that the far end opened. */
  channel?(channel: PeerChannel): void;
}

/** A data channel. `close` is told once. */
export interface PeerChannel {
  readonly label: string;
  readonly isOpen: boolean;
  /** Bytes not yet sent. */
  readonly bufferedBytes: number;
  /** Sends one text message; false when the channel is not open. */
  send(text: string): boolean;
  /** Sets the handlers; called once, right after the channel was made or announced. */
  attach(handlers: { open?(): void; text(data: string): void; close?(): void }): void;
  close(): void;
}

let native: NativeWebRtc | undefined;
let nativeError: unknown;

function load(): NativeWebRtc {
  if (native !== undefined) return native;
  if (nativeError === undefined) {
    try {
      native = createRequire(import.meta.url)('@roamhq/wrtc') as NativeWebRtc;
      return native;
    } catch (error) {
      nativeError = error;
    }
  }
  throw new BridgeError('PEER_UNAVAILABLE', `WebRTC is not available on this machine: ${errorMessage(nativeError)}`, {
    cause: nativeError,
  });
}

/** Whether WebRTC can be had here, and if not, why. Never throws. */
export function webrtcAvailable(): { ok: true } | { ok: false; reason: string } {
  try {
    load();
    return { ok: true };
  } catch (error) {
    return { ok: false, reason: errorMessage(error) };
  }
}

export class Peer {
  readonly #pc: NativePeer;
  readonly #source: NativeAudioSource;
  readonly #track: { stop(): void };
  readonly #handlers: PeerHandlers;
  readonly #clock: Clock;
  readonly #channels = new Set<NativeChannel>();
  /** libwebrtc reads the whole ArrayBuffer behind a view, so what it is given must own its buffer. */
  readonly #outgoing = {
    samples: new Int16Array(RTC_FRAME_SAMPLES),
    sampleRate: RTC_SAMPLE_RATE,
    bitsPerSample: 16,
    channelCount: 1,
    numberOfFrames: RTC_FRAME_SAMPLES,
  };
  #sink: { stop(): void; ondata: unknown } | undefined;
  #closed = false;

  /** Throws PEER_UNAVAILABLE where the native library cannot be loaded. */
  constructor(options: PeerOptions, handlers: PeerHandlers) {
    const wrtc = load();
    this.#handlers = handlers;
    this.#clock = options.clock ?? systemClock;
    this.#pc = new wrtc.RTCPeerConnection({
      iceServers: options.iceServers,
      bundlePolicy: 'max-bundle',
      rtcpMuxPolicy: 'require',
      ...(options.portRange === undefined ? {} : { portRange: options.portRange }),
      ...(options.relayOnly ? { iceTransportPolicy: 'relay' } : {}),
    });
    this.#source = new wrtc.nonstandard.RTCAudioSource();
    const track = this.#source.createTrack();
    this.#track = track;
    this.#pc.addTrack(track);
    this.#pc.onconnectionstatechange = () => {
      if (!this.#closed) this.#handlers.state?.(this.#pc.connectionState as PeerState);
    };
    this.#pc.ontrack = (event) => {
      if (event.track.kind !== 'audio' || this.#sink !== undefined || this.#closed) return;
      const sink = new wrtc.nonstandard.RTCAudioSink(event.track);
      sink.ondata = (data) => {
        if (!this.#closed) this.#handlers.audio?.(data.samples, data.sampleRate);
      };
      this.#sink = sink;
    };
    this.#pc.ondatachannel = (event) => {
      if (this.#closed) return;
      this.#handlers.channel?.(this.#wrap(event.channel));
    };
  }

  get state(): PeerState {
    return this.#closed ? 'closed' : (this.#pc.connectionState as PeerState);
  }

  /** Makes a data channel; before the offer, so that the offer has its line. */
  createChannel(label: string): PeerChannel {
    return this.#wrap(this.#pc.createDataChannel(label));
  }

  /**
   * The offer, set as local description and returned at once: without candidates, since the answering side learns ours from the
   * connectivity checks (RFC 8445 section 7.3.1.3). `waitForCandidatesMs` waits for gathering to finish, at most so long.
   */
  async createOffer(waitForCandidatesMs = 0): Promise<string> {
    await this.#pc.setLocalDescription(await this.#pc.createOffer());
    return this.#localSdp(waitForCandidatesMs);
  }

  /** Sets the far end's answer. Throws PEER_SDP_INVALID for one that cannot be parsed or does not fit. */
  async acceptAnswer(sdp: string): Promise<void> {
    await this.#setRemote('answer', sdp);
  }

  /** Answers an offer; the answer carries the candidates gathered within `waitForCandidatesMs`. Throws PEER_SDP_INVALID. */
  async answer(offer: string, waitForCandidatesMs: number): Promise<string> {
    await this.#setRemote('offer', offer);
    await this.#pc.setLocalDescription(await this.#pc.createAnswer());
    return this.#localSdp(waitForCandidatesMs);
  }

  /** Sends 10 ms of audio: exactly 480 samples at 48 kHz, from `offset` of `samples`. Copied before return. */
  sendAudio(samples: Int16Array, offset = 0): void {
    if (this.#closed) return;
    const out = this.#outgoing.samples;
    for (let i = 0; i < RTC_FRAME_SAMPLES; i++) out[i] = samples[offset + i] ?? 0;
    this.#source.onData(this.#outgoing);
  }

  /** Raw statistics of the connection (RTCStatsReport as plain objects); empty after close. */
  async stats(): Promise<Array<Record<string, unknown>>> {
    if (this.#closed) return [];
    const report = await this.#pc.getStats();
    return [...report.values()];
  }

  /** Frees tracks, channels and ports. Idempotent. No handler is called after it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#sink !== undefined) {
      this.#sink.ondata = null;
      this.#sink.stop();
    }
    this.#track.stop();
    for (const channel of this.#channels) {
      channel.onopen = null;
      channel.onmessage = null;
      channel.onclose = null;
      if (channel.readyState === 'open' || channel.readyState === 'connecting') channel.close();
    }
    this.#channels.clear();
    this.#pc.onconnectionstatechange = null;
    this.#pc.ontrack = null;
    this.#pc.ondatachannel = null;
    this.#pc.close();
  }

  async #setRemote(type: 'offer' | 'answer', sdp: string): Promise<void> {
    try {
      await this.#pc.setRemoteDescription({ type, sdp });
    } catch (cause) {
      throw new BridgeError('PEER_SDP_INVALID', `the ${type} could not be used: ${errorMessage(cause)}`, { cause });
    }
  }

  #localSdp(waitMs: number): Promise<string> {
    const pc = this.#pc;
    const sdp = () => pc.localDescription?.sdp ?? '';
    if (waitMs <= 0 || pc.iceGatheringState === 'complete') return Promise.resolve(sdp());
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        pc.onicegatheringstatechange = null;
        resolve(sdp());
      };
      const timer = this.#clock.after(waitMs, done);
      pc.onicegatheringstatechange = () => {
        if (pc.iceGatheringState === 'complete') done();
      };
    });
  }

  #wrap(channel: NativeChannel): PeerChannel {
    this.#channels.add(channel);
    return {
      label: channel.label,
      get isOpen() {
        return channel.readyState === 'open';
      },
      get bufferedBytes() {
        return channel.bufferedAmount;
      },
      send(text) {
        if (channel.readyState !== 'open') return false;
        channel.send(text);
        return true;
      },
      attach: (handlers) => {
        channel.onmessage = (event) => {
          if (this.#closed) return;
          handlers.text(typeof event.data === 'string' ? event.data : Buffer.from(event.data).toString());
        };
        channel.onclose = () => {
          this.#channels.delete(channel);
          if (!this.#closed) handlers.close?.();
        };
        channel.onopen = () => {
          if (!this.#closed) handlers.open?.();
        };
        // A channel that the far end opened may be open already when it is announced.
        if (channel.readyState === 'open') queueMicrotask(() => handlers.open?.());
      },
      close: () => channel.close(),
    };
  }
}
