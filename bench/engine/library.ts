import { createRequire } from 'node:module';
import { BridgeError, errorMessage } from '../../src/errors.ts';

/** Where node-datachannel (libdatachannel: ICE, DTLS, SRTP and SCTP, and no codec) is loaded, and the part of it that peers use, as types. */

export interface LibraryTrack {
  /** One RTP or RTCP packet as it is before SRTP; false when it could not be sent. */
  sendMessageBinary(packet: Buffer): boolean;
  isOpen(): boolean;
  onMessage(told: (packet: Buffer) => void): void;
  close(): void;
}

export interface LibraryChannel {
  getLabel(): string;
  isOpen(): boolean;
  bufferedAmount(): number;
  sendMessage(text: string): boolean;
  onOpen(told: () => void): void;
  onClosed(told: () => void): void;
  onMessage(told: (message: string | Buffer | ArrayBuffer) => void): void;
  close(): void;
}

export interface LibraryAudio {
  addOpusCodec(payloadType: number, profile?: string): void;
  addAudioCodec(payloadType: number, codec: string): void;
  addSSRC(ssrc: number, name: string, msid: string, trackId: string): void;
}

interface LibraryCandidate {
  readonly type: string;
  readonly transportType: string;
}

export interface LibraryPeer {
  setLocalDescription(type: 'offer' | 'answer'): void;
  setRemoteDescription(sdp: string, type: 'offer' | 'answer'): void;
  localDescription(): { readonly sdp: string } | null;
  createDataChannel(label: string): LibraryChannel;
  addTrack(media: LibraryAudio): LibraryTrack;
  state(): string;
  gatheringState(): string;
  rtt(): number;
  getSelectedCandidatePair(): { readonly local: LibraryCandidate; readonly remote: LibraryCandidate } | null;
  onLocalCandidate(told: (candidate: string, mid: string) => void): void;
  onGatheringStateChange(told: (state: string) => void): void;
  onStateChange(told: (state: string) => void): void;
  onDataChannel(told: (channel: LibraryChannel) => void): void;
  close(): void;
}

export interface LibraryServer {
  readonly hostname: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly relayType?: 'TurnUdp' | 'TurnTcp' | 'TurnTls';
}

export interface Library {
  PeerConnection: new (
    name: string,
    config: {
      readonly iceServers: ReadonlyArray<string | LibraryServer>;
      readonly iceTransportPolicy?: 'all' | 'relay';
      readonly portRangeBegin?: number;
      readonly portRangeEnd?: number;
      readonly disableAutoNegotiation: boolean;
      readonly maxMessageSize: number;
    },
  ) => LibraryPeer;
  Audio: new (mid: string, direction: 'SendRecv') => LibraryAudio;
  cleanup(): void;
}

let library: Library | undefined;

/** Throws PEER_UNAVAILABLE where it is not installed (`npm install --no-save node-datachannel@0.33.4`) or does not load. */
export function loadLibrary(): Library {
  try {
    library ??= createRequire(import.meta.url)('node-datachannel') as Library;
    return library;
  } catch (cause) {
    throw new BridgeError('PEER_UNAVAILABLE', `node-datachannel is not available: ${errorMessage(cause)}`, { cause });
  }
}
