import { randomInt } from 'node:crypto';
import { type Clock, systemClock } from '../../src/call/clock.ts';
import { Ticker } from '../../src/call/ticker.ts';
import { BridgeError, errorMessage } from '../../src/errors.ts';
import { checkIceServers } from '../../src/transport/ice.ts';
import type { PeerChannel, PeerHandlers, PeerOptions, PeerQuality, PeerState } from '../../src/transport/peer.ts';
import { qualityOf } from '../../src/transport/peer-stats.ts';
import { AudioIn } from './audio-in.ts';
import { AudioOut } from './audio-out.ts';
import { LightChannel } from './channel.ts';
import { iceConfiguration } from './ice-servers.ts';
import { type Library, type LibraryPeer, type LibraryTrack, loadLibrary } from './library.ts';
import { type AudioLine, audioLine } from './line.ts';
import { isRtcp } from './rtp-packet.ts';

/** A peer as `Peer` is one, by an engine that ends at RTP: what libwebrtc does beyond that, codec and jitter buffer, is ours. */

const OPUS_TYPE = 111;
const OPUS_FORMAT = 'minptime=10;useinbandfec=1';
const MAX_MESSAGE_BYTES = 262_144;

/** One timer for all peers of the process. */
let ticker: Ticker | undefined;

export class RtpPeer {
  readonly #library: Library;
  readonly #pc: LibraryPeer;
  readonly #handlers: PeerHandlers;
  readonly #clock: Clock;
  readonly #sendRate: 16_000 | 48_000;
  readonly #ssrc = randomInt(1, 2 ** 32);
  readonly #channels = new Set<LightChannel>();
  readonly #leave: () => void;
  #track: LibraryTrack | undefined;
  #out: AudioOut | undefined;
  #in: AudioIn | undefined;
  #closed = false;
  #told: PeerState = 'new';
  #candidates = 0;
  #packetsIn = 0;
  #wake: (() => void) | undefined;

  constructor(options: PeerOptions, handlers: PeerHandlers) {
    checkIceServers(options.iceServers);
    this.#library = loadLibrary();
    this.#handlers = handlers;
    this.#clock = options.clock ?? systemClock;
    this.#sendRate = options.sendRate ?? 48_000;
    const { portRange } = options;
    this.#pc = new this.#library.PeerConnection('voicebridge', {
      iceServers: iceConfiguration(options.iceServers),
      disableAutoNegotiation: true,
      maxMessageSize: MAX_MESSAGE_BYTES,
      ...(options.relayOnly ? { iceTransportPolicy: 'relay' as const } : {}),
      ...(portRange === undefined ? {} : { portRangeBegin: portRange.min, portRangeEnd: portRange.max }),
    });
    this.#pc.onStateChange((state) => this.#onState(state as PeerState));
    this.#pc.onLocalCandidate((candidate) => {
      if (this.#closed) return;
      this.#candidates++;
      this.#handlers.candidate?.({ candidate: candidate.replace(/^a=/, ''), line: 0 });
    });
    this.#pc.onGatheringStateChange((state) => {
      if (state === 'complete') this.#wake?.();
    });
    this.#pc.onDataChannel((channel) => {
      if (!this.#closed) this.#handlers.channel?.(this.#wrap(new LightChannel(channel, () => this.#closed)));
    });
    ticker ??= new Ticker(systemClock);
    this.#leave = ticker.subscribe(() => this.#in?.tick(this.#clock.now()));
  }

  get state(): PeerState {
    return this.#closed ? 'closed' : (this.#pc.state() as PeerState);
  }

  createChannel(label: string): PeerChannel {
    // The audio line is the first: some far ends take no other order.
    this.#line('0', [
      [OPUS_TYPE, 'opus'],
      [0, 'pcmu'],
      [8, 'pcma'],
    ]);
    return this.#wrap(new LightChannel(this.#pc.createDataChannel(label), () => this.#closed));
  }

  async createOffer(waitForCandidatesMs = 0): Promise<string> {
    if (this.#closed) throw this.#failure('the peer is closed');
    try {
      this.#line('0', [
        [OPUS_TYPE, 'opus'],
        [0, 'pcmu'],
        [8, 'pcma'],
      ]);
      this.#pc.setLocalDescription('offer');
    } catch (cause) {
      throw this.#failure('no offer could be made', cause);
    }
    return this.#gathered(waitForCandidatesMs);
  }

  async acceptAnswer(sdp: string): Promise<void> {
    this.#setRemote('answer', sdp);
  }

  async answer(offer: string, waitForCandidatesMs: number): Promise<string> {
    if (this.#closed) throw this.#failure('the peer is closed');
    const line = audioLine(offer);
    if (line === undefined) throw new BridgeError('PEER_SDP_INVALID', 'the offer has no audio line that could be used');
    this.#line(line.mid, [...line.codecs]);
    this.#setRemote('offer', offer);
    try {
      this.#pc.setLocalDescription('answer');
    } catch (cause) {
      throw this.#failure('no answer could be made', cause);
    }
    const sdp = await this.#gathered(waitForCandidatesMs);
    if (this.#pc.gatheringState() === 'complete' && !this.hasLocalCandidates)
      throw new BridgeError('PEER_FAILED', 'no local port for media could be had: are all ports of the range in use?');
    return sdp;
  }

  get hasLocalCandidates(): boolean {
    return this.#candidates > 0 || /^a=candidate:/m.test(this.#pc.localDescription()?.sdp ?? '');
  }

  sendAudio(samples: Int16Array, offset = 0): void {
    if (this.#closed || this.#out === undefined || this.#told !== 'connected') return;
    const packet = this.#out.push(samples, offset);
    if (packet !== undefined && this.#track?.isOpen()) this.#track.sendMessageBinary(packet);
  }

  async stats(): Promise<Array<Record<string, unknown>>> {
    if (this.#closed) return [];
    const pair = this.#pc.getSelectedCandidatePair();
    const audio = this.#in?.stats;
    const rate = this.#in?.rate ?? 48_000;
    return [
      {
        type: 'transport',
        id: 'T',
        packetsReceived: this.#packetsIn,
        dtlsState: this.#told === 'connected' ? 'connected' : 'new',
        selectedCandidatePairId: 'P',
      },
      ...(pair === null
        ? []
        : [
            {
              type: 'candidate-pair',
              id: 'P',
              nominated: true,
              state: 'succeeded',
              localCandidateId: 'L',
              remoteCandidateId: 'R',
            },
            {
              type: 'local-candidate',
              id: 'L',
              candidateType: pair.local.type,
              protocol: pair.local.transportType.toLowerCase(),
            },
            {
              type: 'remote-candidate',
              id: 'R',
              candidateType: pair.remote.type,
              protocol: pair.remote.transportType.toLowerCase(),
            },
          ]),
      { type: 'codec', id: 'C', mimeType: `audio/${this.#in?.codec ?? 'opus'}` },
      ...(this.#out === undefined
        ? []
        : [
            {
              type: 'outbound-rtp',
              kind: 'audio',
              id: 'O',
              codecId: 'C',
              packetsSent: this.#out.packets,
              bytesSent: this.#out.bytes,
            },
          ]),
      ...(audio === undefined
        ? []
        : [
            {
              type: 'inbound-rtp',
              kind: 'audio',
              id: 'I',
              codecId: 'C',
              packetsReceived: audio.packets,
              packetsLost: audio.lost,
              jitterBufferDelay: (audio.waitedMs / 1_000) * (rate / 100),
              jitterBufferEmittedCount: audio.played,
              totalSamplesReceived: audio.played,
              concealedSamples: audio.concealed,
            },
          ]),
    ];
  }

  async quality(): Promise<PeerQuality> {
    return qualityOf(await this.stats());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#leave();
    this.#wake?.();
    for (const channel of this.#channels) channel.close();
    this.#channels.clear();
    this.#track?.close();
    this.#pc.close();
  }

  #wrap(channel: LightChannel): LightChannel {
    this.#channels.add(channel);
    return channel;
  }

  #line(mid: string, codecs: ReadonlyArray<readonly [number, string]>): void {
    if (this.#track !== undefined) return;
    const audio = new this.#library.Audio(mid, 'SendRecv');
    for (const [type, codec] of codecs) {
      if (codec === 'opus') audio.addOpusCodec(type, OPUS_FORMAT);
      else audio.addAudioCodec(type, codec.toUpperCase());
    }
    audio.addSSRC(this.#ssrc, 'voicebridge', 'voicebridge', 'audio');
    this.#track = this.#pc.addTrack(audio);
    this.#track.onMessage((packet) => {
      if (this.#closed) return;
      this.#packetsIn++;
      if (!isRtcp(packet)) this.#in?.push(packet, this.#clock.now());
    });
  }

  #setRemote(type: 'offer' | 'answer', sdp: string): void {
    if (this.#closed) throw this.#failure('the peer is closed');
    const line = audioLine(sdp);
    if (line === undefined)
      throw new BridgeError('PEER_SDP_INVALID', `the ${type} has no audio line that could be used`);
    try {
      this.#pc.setRemoteDescription(withoutSecondComponents(sdp), type);
    } catch (cause) {
      throw new BridgeError('PEER_SDP_INVALID', `the ${type} could not be used: ${errorMessage(cause)}`, { cause });
    }
    this.#begin(line);
  }

  #begin(line: AudioLine): void {
    this.#out = new AudioOut(line, this.#sendRate, this.#ssrc);
    this.#in = new AudioIn(line, (samples, rate) => this.#handlers.audio?.(samples, rate));
  }

  #onState(state: PeerState): void {
    if (this.#closed || state === this.#told) return;
    this.#told = state;
    this.#handlers.state?.(state);
  }

  async #gathered(waitMs: number): Promise<string> {
    if (waitMs > 0 && this.#pc.gatheringState() !== 'complete') {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(waitMs, () => this.#wake?.());
        this.#wake = () => {
          timer.cancel();
          this.#wake = undefined;
          resolve();
        };
      });
    }
    const sdp = this.#closed ? undefined : this.#pc.localDescription()?.sdp;
    if (sdp === undefined) throw this.#failure('the peer was closed while it gathered candidates');
    return sdp.replace(/^(a=rtpmap:\d+ PCM[UA]\/8000)\/1/gm, '$1');
  }

  #failure(what: string, cause?: unknown): BridgeError {
    return new BridgeError('PEER_FAILED', cause === undefined ? what : `${what}: ${errorMessage(cause)}`, { cause });
  }
}

/** Without the candidates of a second component, which stand for RTCP on a port of its own: there is none (RFC 5761), and the library fails over them. */
function withoutSecondComponents(sdp: string): string {
  return sdp.replace(/^a=candidate:\S+ 2 .*\r?\n/gm, '');
}
