import { type Clock, systemClock } from '../call/clock.ts';
import { BridgeError, errorMessage } from '../errors.ts';
import type { Candidate } from './candidates.ts';
import { Gathering } from './gathering.ts';
import { checkIceServers, type IceServer } from './ice.ts';
import { type ChannelOwner, NativePeerChannel, type PeerChannel } from './peer-channel.ts';
import { type PeerQuality, qualityOf } from './peer-stats.ts';
import {
  loadWebRtc,
  type NativeAudioData,
  type NativeAudioSink,
  type NativeAudioSource,
  type NativeChannel,
  type NativeDescription,
  type NativePeer,
} from './wrtc.ts';

export type { Candidate } from './candidates.ts';
export type { IceServer } from './ice.ts';
export type { PeerChannel } from './peer-channel.ts';
export type { PeerQuality } from './peer-stats.ts';
export { webrtcAvailable } from './wrtc.ts';

/**
 * A `Peer` is one peer connection of the WebRTC library (libwebrtc by way of @roamhq/wrtc) with one audio line both ways and data
 * channels: 48 kHz mono in 10 ms frames, which is what libwebrtc speaks at its edge.
 */

/** Samples of one 10 ms frame at 48 kHz: the size libwebrtc takes and gives. */
export const RTC_FRAME_SAMPLES = 480;
export const RTC_SAMPLE_RATE = 48_000;

export interface PeerOptions {
  iceServers: IceServer[];
  /** UDP ports for media, inclusive. Undefined lets the system choose. */
  portRange?: { min: number; max: number };
  /**
   * Hz of the audio given to `sendAudio`; 48 kHz when left out. libwebrtc brings what is less up to the codec's rate, with a filter that begins to fall
   * at nine tenths of the band: 16 kHz leaves a telephone's 4 kHz as they are, and costs a third of the copying.
   */
  sendRate?: 16_000 | 48_000;
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
  /** Each change once; a state that lasted less than a turn of the event loop may be passed over. */
  state?(state: PeerState): void;
  /** A data channel that the far end opened. */
  channel?(channel: PeerChannel): void;
  /** A way to this end was found, after the offer went out without it: the far end may be told, where it wants to be. */
  candidate?(candidate: Candidate): void;
}

let open = 0;

/** Peers made and not closed: zero when every call has freed what it held. */
export function openPeers(): number {
  return open;
}

export class Peer {
  readonly #pc: NativePeer;
  readonly #source: NativeAudioSource;
  readonly #track: { stop(): void };
  readonly #handlers: PeerHandlers;
  readonly #channels = new Set<NativeChannel>();
  readonly #gathering: Gathering;
  /** libwebrtc reads the whole ArrayBuffer behind a view, so what it is given must own its buffer. */
  readonly #outgoing: NativeAudioData;
  #sink: NativeAudioSink | undefined;
  #closed = false;
  #told: PeerState = 'new';
  /** What the channels ask of the peer, without a closure a channel. */
  readonly #owner: ChannelOwner = {
    isClosed: () => this.#closed,
    forget: (channel) => this.#channels.delete(channel),
  };

  /** Throws PEER_UNAVAILABLE where the native library cannot be loaded, CONFIG_INVALID for ICE servers it could not use. */
  constructor(options: PeerOptions, handlers: PeerHandlers) {
    checkIceServers(options.iceServers);
    const wrtc = loadWebRtc();
    this.#handlers = handlers;
    this.#pc = new wrtc.RTCPeerConnection({
      iceServers: options.iceServers,
      bundlePolicy: 'max-bundle',
      rtcpMuxPolicy: 'require',
      ...(options.portRange === undefined ? {} : { portRange: options.portRange }),
      ...(options.relayOnly ? { iceTransportPolicy: 'relay' } : {}),
    });
    const sampleRate = options.sendRate ?? RTC_SAMPLE_RATE;
    const numberOfFrames = sampleRate / 100;
    const samples = new Int16Array(numberOfFrames);
    this.#outgoing = { samples, sampleRate, bitsPerSample: 16, channelCount: 1, numberOfFrames };
    this.#source = new wrtc.nonstandard.RTCAudioSource();
    const track = this.#source.createTrack();
    this.#track = track;
    // A track without a stream is announced as `msid:-` (RFC 8830): then the far end's `event.streams` is empty, and a page that plays
    // `event.streams[0]`, as nearly all do, plays nothing.
    this.#pc.addTrack(track, new wrtc.MediaStream());
    this.#gathering = new Gathering(this.#pc, options.clock ?? systemClock, (one) => handlers.candidate?.(one));
    open++;
    this.#pc.onconnectionstatechange = () => {
      if (this.#closed) return;
      // The state is read when the news of it comes: two changes in a row may both show the second.
      const state = this.#pc.connectionState as PeerState;
      if (state === this.#told) return;
      this.#told = state;
      this.#handlers.state?.(state);
    };
    this.#pc.ontrack = (event) => {
      if (event.track.kind !== 'audio' || this.#sink !== undefined || this.#closed) return;
      const sink = new wrtc.nonstandard.RTCAudioSink(event.track);
      sink.dispatchEvent = this.#onAudio;
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
    let offer: NativeDescription;
    try {
      offer = await this.#pc.createOffer();
      await this.#pc.setLocalDescription(offer);
    } catch (cause) {
      throw this.#failure('no offer could be made', cause);
    }
    return this.#gathering.complete(offer.sdp, waitForCandidatesMs);
  }

  /**
   * Sets the far end's answer. Throws PEER_SDP_INVALID for one that cannot be parsed or does not fit, PEER_FAILED when the peer was
   * closed meanwhile. The peer is to be closed after either.
   */
  async acceptAnswer(sdp: string): Promise<void> {
    await this.#setRemote('answer', sdp);
  }

  /**
   * Answers an offer; the answer carries the candidates gathered within `waitForCandidatesMs`. Throws PEER_SDP_INVALID, and PEER_FAILED
   * when the peer was closed meanwhile or no local port could be had (a `portRange` that is used up).
   */
  async answer(offer: string, waitForCandidatesMs: number): Promise<string> {
    await this.#setRemote('offer', offer);
    let answer: NativeDescription;
    try {
      answer = await this.#pc.createAnswer();
      await this.#pc.setLocalDescription(answer);
    } catch (cause) {
      throw this.#failure('no answer could be made', cause);
    }
    const sdp = await this.#gathering.complete(answer.sdp, waitForCandidatesMs);
    if (this.#gathering.done && !this.hasLocalCandidates) {
      throw new BridgeError('PEER_FAILED', 'no local port for media could be had: are all ports of the range in use?');
    }
    return sdp;
  }

  /** Whether any local candidate was found so far; false for long means that no port could be had. */
  get hasLocalCandidates(): boolean {
    return this.#gathering.found > 0;
  }

  /** Sends 10 ms of audio at the sending rate (480 samples at 48 kHz) from `offset` of `samples`. Copied before return. */
  sendAudio(samples: Int16Array, offset = 0): void {
    if (this.#closed) return;
    const out = this.#outgoing.samples;
    for (let i = 0; i < out.length; i++) out[i] = samples[offset + i] ?? 0;
    this.#source.onData(this.#outgoing);
  }

  /** Raw statistics of the connection (RTCStatsReport as plain objects); empty after close. */
  async stats(): Promise<Array<Record<string, unknown>>> {
    if (this.#closed) return [];
    try {
      const report = await this.#pc.getStats();
      return [...report.values()];
    } catch {
      // Closed while the report was being made.
      return [];
    }
  }

  /** The statistics a log entry needs; to be asked before `close`, after it there are none. */
  async quality(): Promise<PeerQuality> {
    return qualityOf(await this.stats());
  }

  /** Frees tracks, channels and ports. Idempotent. No handler is called after it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    open--;
    this.#gathering.close();
    this.#sink?.stop();
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

  /** Called by the native side for every 10 ms; what it throws would end in native code. */
  readonly #onAudio = (data: NativeAudioData): void => {
    if (this.#closed) return;
    try {
      this.#handlers.audio?.(data.samples, data.sampleRate);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  };

  async #setRemote(type: 'offer' | 'answer', sdp: string): Promise<void> {
    if (this.#closed) throw this.#failure('the peer is closed');
    try {
      await this.#pc.setRemoteDescription({ type, sdp });
    } catch (cause) {
      if (this.#closed) throw this.#failure('the peer was closed', cause);
      throw new BridgeError('PEER_SDP_INVALID', `the ${type} could not be used: ${errorMessage(cause)}`, { cause });
    }
  }

  #failure(what: string, cause?: unknown): BridgeError {
    const why = this.#closed ? 'it was closed' : errorMessage(cause);
    return new BridgeError('PEER_FAILED', cause === undefined ? what : `${what}: ${why}`, { cause });
  }

  #wrap(channel: NativeChannel): PeerChannel {
    this.#channels.add(channel);
    return new NativePeerChannel(channel, this.#owner);
  }
}
