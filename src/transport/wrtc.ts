import { createRequire } from 'node:module';
import { BridgeError, errorMessage } from '../errors.ts';

/**
 * Where @roamhq/wrtc is loaded, and the part of it that peers use, as types. The package's own types refer to the browser's DOM library, which
 * does not belong in a server's type check.
 */

export interface NativeDescription {
  type: 'offer' | 'answer';
  sdp: string;
}

export interface NativeChannel {
  readonly label: string;
  readonly readyState: 'connecting' | 'open' | 'closing' | 'closed';
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onclose: (() => void) | null;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null;
  send(data: string): void;
  close(): void;
}

export interface NativeTrack {
  readonly kind: 'audio' | 'video';
  stop(): void;
}

export interface NativePeer {
  readonly connectionState: string;
  readonly iceGatheringState: string;
  // `iceConnectionState` is left out on purpose: the news of a change tells of the way and of DTLS, and what is read then of the way alone, so that
  // both agree only by chance. `localDescription` is, too: reading it races with the gathering of candidates and crashes the process.
  onconnectionstatechange: (() => void) | null;
  onicegatheringstatechange: (() => void) | null;
  onicecandidate: ((event: { candidate: { candidate: string; sdpMLineIndex: number | null } | null }) => void) | null;
  ontrack: ((event: { track: NativeTrack }) => void) | null;
  ondatachannel: ((event: { channel: NativeChannel }) => void) | null;
  addTrack(track: NativeTrack, stream: object): unknown;
  createDataChannel(label: string): NativeChannel;
  createOffer(): Promise<NativeDescription>;
  createAnswer(): Promise<NativeDescription>;
  setLocalDescription(description: NativeDescription): Promise<void>;
  setRemoteDescription(description: NativeDescription): Promise<void>;
  getStats(): Promise<Map<string, Record<string, unknown>>>;
  close(): void;
}

export interface NativeAudioData {
  samples: Int16Array;
  sampleRate: number;
  bitsPerSample: number;
  channelCount: number;
  numberOfFrames: number;
}

export interface NativeAudioSource {
  createTrack(): NativeTrack;
  onData(data: NativeAudioData): void;
}

/**
 * The library's `dispatchEvent` makes a set and a `nextTick` for every event, a hundred times a second and call; an own property of this
 * name takes its place, since the native side calls it by name.
 */
export interface NativeAudioSink {
  dispatchEvent(event: NativeAudioData): void;
  stop(): void;
}

export interface NativeWebRtc {
  RTCPeerConnection: new (configuration: Record<string, unknown>) => NativePeer;
  MediaStream: new () => object;
  nonstandard: {
    RTCAudioSource: new () => NativeAudioSource;
    RTCAudioSink: new (track: NativeTrack) => NativeAudioSink;
  };
}

let native: NativeWebRtc | undefined;
let nativeError: unknown;

/** The library. Throws PEER_UNAVAILABLE where it cannot be loaded. */
export function loadWebRtc(): NativeWebRtc {
  if (native !== undefined) return native;
  if (nativeError === undefined) {
    try {
      native = createRequire(import.meta.url)('@roamhq/wrtc') as NativeWebRtc;
      process.on('beforeExit', exitBeforeTeardown);
      return native;
    } catch (error) {
      nativeError = error;
    }
  }
  throw new BridgeError('PEER_UNAVAILABLE', `WebRTC is not available on this machine: ${errorMessage(nativeError)}`, {
    cause: nativeError,
  });
}

/**
 * A process that used the library and ends by having nothing left to do dies of a segmentation fault: Node takes its environment down,
 * and the finaliser of an audio source then uses what is gone (https://github.com/node-webrtc/node-webrtc/issues/636). `process.exit` skips that. Who
 * listened before and found more to do is let do it; the event comes again.
 */
function exitBeforeTeardown(): void {
  if (process.getActiveResourcesInfo().length === 0) process.exit();
}

/** Whether WebRTC can be had here, and if not, why. Never throws. */
export function webrtcAvailable(): { ok: true } | { ok: false; reason: string } {
  try {
    loadWebRtc();
    return { ok: true };
  } catch (error) {
    return { ok: false, reason: errorMessage(error) };
  }
}
