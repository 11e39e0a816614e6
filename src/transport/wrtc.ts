/**
 * The part of @roamhq/wrtc that `peer.ts` uses, as types. The package's own types refer to the browser's DOM library, which does not
 * belong in a server's type check.
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
  readonly iceConnectionState: string;
  readonly iceGatheringState: string;
  // `localDescription` is left out on purpose: reading it races with the gathering of candidates and crashes the process.
  onconnectionstatechange: (() => void) | null;
  oniceconnectionstatechange: (() => void) | null;
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
